"""Check a YAML document against a typed model; every mistake is named by file and line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from framework.catalog.document import Document, Location
from framework.core.errors import CrossbookError

_T = TypeVar("_T")
_UNKNOWN_KEY: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_MISSING_KEY: Final = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_SHOWN: Final = 60  # characters of a wrong value that are worth repeating


def validate(document: Document, model: TypeAdapter[_T], *, error: type[CrossbookError]) -> _T:
    """Build the model from the document.

    Raises
    ------
    CrossbookError
        `error`, listing every mistake as ``file:line: place: what must hold, what was found``.
    """
    try:
        return model.validate_python(document.data)
    except ValidationError as cause:
        schema = model.json_schema()
        mistakes = [_mistake(document, detail, schema) for detail in cause.errors()]
        raise mistakes_error(document, mistakes, error=error) from cause


def mistakes_error(
    document: Document,
    mistakes: Sequence[tuple[Location, str, str]],
    *,
    error: type[CrossbookError],
) -> CrossbookError:
    """Make one error of many mistakes, each ``(location, message, remedy)``, in file order."""
    ordered = sorted(mistakes, key=lambda mistake: document.line(mistake[0]))
    lines = [
        f"{document.path}:{document.line(place)}: {_dotted(place)}{message}"
        for place, message, _ in ordered
    ]
    remedies = dict.fromkeys(remedy for _, _, remedy in ordered if remedy)
    return error("\n".join(lines), remedy="; ".join(remedies) or "correct the lines named above")


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known word, else list them all; ``""`` where nothing is known."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known)}" if known else ""


def _mistake(
    document: Document, detail: ErrorDetails, schema: Mapping[str, object]
) -> tuple[Location, str, str]:
    place = _existing(document, detail["loc"], missing=detail["type"] in _MISSING_KEY)
    if detail["type"] in _UNKNOWN_KEY:
        known = _known_keys(schema, place[:-1])
        return (
            place,
            "unknown key",
            f"{place[-1]}: {hint}" if (hint := did_you_mean(str(place[-1]), known)) else "",
        )
    if detail["type"] in _MISSING_KEY:
        return place[:-1], f"key {place[-1]!r} is missing", f"add {place[-1]!r}"
    message = detail["msg"].removeprefix("Value error, ")
    found = repr(detail["input"])
    found = found if len(found) <= _SHOWN else found[:_SHOWN] + "…"
    context = detail.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, CrossbookError):
        return place, cause.message, cause.remedy
    return place, f"{message[:1].lower()}{message[1:]}, got {found}", ""


def _existing(document: Document, location: Sequence[str | int], *, missing: bool) -> Location:
    # pydantic puts names of union members and validators into a location: keep what the file has.
    place: Location = ()
    last = len(location) - 1
    for index, part in enumerate(location):
        if (*place, part) in document.lines or (missing and index == last):
            place = (*place, part)
    return place


def _dotted(place: Location) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"{text.lstrip('.')}: " if text else ""


def _known_keys(schema: Mapping[str, object], place: Location) -> list[str]:
    """Names a mapping at `place` may have, read off the model's JSON schema."""
    definitions = schema.get("$defs", {})
    nodes = _resolve(schema, definitions)
    for part in place:
        following: list[Mapping[str, object]] = []
        for node in nodes:
            child = _child(node, part)
            if child is not None:
                following += _resolve(child, definitions)
        nodes = following
    return sorted({name for node in nodes for name in _as_mapping(node.get("properties"))})


def _resolve(node: Mapping[str, object], definitions: object) -> list[Mapping[str, object]]:
    reference = node.get("$ref")
    if isinstance(reference, str):
        target = _as_mapping(definitions).get(reference.rsplit("/", 1)[-1])
        return _resolve(_as_mapping(target), definitions)
    options = [*_as_list(node.get("anyOf")), *_as_list(node.get("oneOf"))]
    if not options:
        return [node]
    return [leaf for option in options for leaf in _resolve(_as_mapping(option), definitions)]


def _child(node: Mapping[str, object], part: str | int) -> Mapping[str, object] | None:
    if isinstance(part, int):
        child = node.get("items")
    else:
        child = _as_mapping(node.get("properties")).get(part, node.get("additionalProperties"))
    return child if isinstance(child, dict) else None


def _as_mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
