"""A YAML file that remembers on which line everything stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

from framework.core.errors import CrossbookError

Location = tuple[str | int, ...]
"""Where a value stands: mapping keys and list positions from the root."""

_BOOL: Final = "tag:yaml.org,2002:bool"
_FLOAT: Final = "tag:yaml.org,2002:float"
_INT: Final = "tag:yaml.org,2002:int"
_NULL: Final = "tag:yaml.org,2002:null"


# libyaml's parser is ten times faster, which a catalog of thousands of instruments needs.
_Parser: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreLoader(_Parser):  # type: ignore[misc,valid-type]
    """YAML 1.2 scalars only: ``NO`` is a ticker, ``-10:00`` an offset, ``2014-05-01`` text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_CoreLoader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
_CoreLoader.add_implicit_resolver(_NULL, re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_CoreLoader.add_implicit_resolver(_INT, re.compile(r"^[-+]?\d[\d_]*$"), list("-+0123456789"))
_CoreLoader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"^[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$"),
    list("-+.0123456789"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed YAML file.

    Parameters
    ----------
    path
        The file.
    data
        Its mappings, lists and scalars as Python values.
    lines
        Line number, counted from 1, of each location; a mapping's entry stands where its key does.
    """

    path: Path
    data: object
    lines: dict[Location, int]

    def line(self, location: Sequence[str | int]) -> int:
        """Line of the location, or of the nearest thing around it that the file has."""
        place = tuple(location)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(
    path: Path, *, error: type[CrossbookError], exact_decimals: bool = False
) -> Document:
    """Read one YAML file.

    Parameters
    ----------
    path
        File to read.
    error
        What to raise where it is missing or is no YAML.
    exact_decimals
        Turn ``0.1`` into `Decimal` from the text as written, never through a float.

    Raises
    ------
    CrossbookError
        `error`: the file cannot be read, is no YAML, or repeats a key; names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise error(f"{path}: cannot read: {reason}", remedy="name a readable YAML file") from cause
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
    except yaml.YAMLError as cause:
        raise error(
            f"{path}{_where(cause)}: not YAML: {_problem(cause)}",
            remedy="correct the YAML: check indentation, colons and quotes near that line",
        ) from cause
    reader = _Reader(path, error, exact_decimals)
    data = None if root is None else reader.value(root, ())
    return Document(path=path, data=data, lines=reader.lines)


def read_value(text: str, *, error: type[CrossbookError]) -> object:
    """Read one value as a document with exact decimals writes it, e.g. from the command line.

    >>> read_value("[1, 0.5, 10ms, 2014-05-01]", error=CrossbookError)
    [1, Decimal('0.5'), '10ms', '2014-05-01']

    Raises
    ------
    CrossbookError
        `error`, where the text is no YAML.
    """
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
    except yaml.YAMLError as cause:
        raise error(
            f"{text!r} is not a YAML value: {_problem(cause)}", remedy="quote it, or check brackets"
        ) from cause
    return None if root is None else _Reader(Path("value"), error, True).value(root, ())


class _Reader:
    """Turns nodes into values, noting lines on the way."""

    def __init__(self, path: Path, error: type[CrossbookError], exact_decimals: bool) -> None:
        self.lines: dict[Location, int] = {}
        self._path = path
        self._error = error
        self._exact_decimals = exact_decimals
        self._open: set[int] = set()

    def value(self, node: yaml.Node, place: Location) -> object:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._fail(node, "an alias contains itself", "write the value out")
        self._open.add(id(node))
        result: object
        if isinstance(node, yaml.SequenceNode):
            result = [self.value(item, (*place, i)) for i, item in enumerate(node.value)]
        else:
            assert isinstance(node, yaml.MappingNode)
            result = self._mapping(node, place)
        self._open.discard(id(node))
        return result

    def _mapping(self, node: yaml.MappingNode, place: Location) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._fail(key_node, "a key must be a word", "write the key as plain text")
            key: str = key_node.value
            here = (*place, key)
            if key in result:
                raise self._fail(
                    key_node,
                    f"key {key!r} stands twice, first on line {self.lines[here]}",
                    "keep one of the two",
                )
            self.lines[here] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, here)
        return result

    def _scalar(self, node: yaml.ScalarNode) -> object:
        text: str = node.value
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text == "true"
        if node.tag == _INT:
            return int(text)
        if node.tag == _FLOAT:
            return Decimal(text) if self._exact_decimals else float(text)
        return text

    def _fail(self, node: yaml.Node, message: str, remedy: str) -> CrossbookError:
        return self._error(f"{self._path}:{node.start_mark.line + 1}: {message}", remedy=remedy)


def _where(cause: yaml.YAMLError) -> str:
    mark = getattr(cause, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _problem(cause: yaml.YAMLError) -> str:
    return str(getattr(cause, "problem", None) or getattr(cause, "reason", None) or cause)
