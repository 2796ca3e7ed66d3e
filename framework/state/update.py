"""Change a document as MongoDB does, and say which fields changed.

Fields are taken in the order of their paths, whatever the order they were written in. What a
change leaves as it is, byte for byte, is no change. A path that did not exist is reported by the
first name that had to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from framework.state.document import Document, Value, copied, identical, sort_key
from framework.state.errors import (
    BAD_VALUE,
    IMMUTABLE_FIELD,
    PATH_NOT_VIABLE,
    TYPE_MISMATCH,
    StateError,
)
from framework.state.query import is_condition
from framework.state.writes import Changes, Query

MAX_PADDING: Final = 1_500_000
"""How far beyond its end a list may be written to; MongoDB's ``kMaxPaddingAllowed``."""

_INT64: Final = 2**63
_Number = int | float


@dataclass(slots=True)
class UpdateDescription:
    """Which fields an update changed, in the words of a change event."""

    updated: dict[str, Value] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.updated or self.removed)


class UpdateRefusedError(StateError):
    """The update does not fit the document it met; the store turns it into its own error."""


def updated(
    document: Document, changes: Changes, *, inserting: bool = False
) -> tuple[Document, UpdateDescription]:
    """Return the changed document and what changed; the original is left alone.

    Parameters
    ----------
    inserting
        True where the document is being added, so that ``$setOnInsert`` counts.

    Raises
    ------
    UpdateRefusedError
        Where an operator does not fit the value it meets.
    """
    result = copied(document)
    steps = [
        (path, operator, value)
        for operator, fields in changes.items()
        if inserting or operator != "$setOnInsert"
        for path, value in fields.items()
    ]
    touched: list[str] = []
    told = UpdateDescription()
    for path, operator, value in sorted(steps, key=lambda step: path_order(step[0])):
        _apply(result, path, operator, value, touched, told)
    if not identical(result.get("_id"), document.get("_id", result.get("_id"))):
        raise UpdateRefusedError(
            f"the _id {document['_id']!r} must stay as it is, the update would make it "
            f"{result.get('_id')!r}",
            code=IMMUTABLE_FIELD,
        )
    for name in touched:
        told.updated[name] = _at(result, name.split("."))
    return result, told


def inserted_by(query: Query, changes: Changes) -> Document:
    """Build the document that an upsert adds: the query's equalities, then the changes."""
    equal: dict[str, Value] = {}
    _collect_equalities(query, equal)
    base: Document = {"_id": equal.pop("_id")} if "_id" in equal else {}
    for path in sorted(equal, key=path_order):
        _apply(base, path, "$set", equal[path], [], UpdateDescription())
    result, _ = updated(base, changes, inserting=True)
    return with_id_first(result)


def with_id_first(document: Mapping[str, Value]) -> Document:
    """Return the document with ``_id`` in front, where the store keeps it."""
    return {"_id": document["_id"], **{k: v for k, v in document.items() if k != "_id"}}


def path_order(path: str) -> tuple[tuple[int, int, str], ...]:
    """Build what paths are ordered by: numbers as numbers and before names."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in path.split("."))


def _collect_equalities(query: Query, into: dict[str, Value]) -> None:
    for name, condition in query.items():
        if name == "$and" and isinstance(condition, list):
            for part in condition:
                if isinstance(part, dict):
                    _collect_equalities(part, into)
        elif name.startswith("$"):
            continue
        elif not is_condition(condition):
            into[name] = condition
        elif isinstance(condition, dict) and "$eq" in condition:
            into[name] = condition["$eq"]


class _Absent:
    """Marks that there is no value yet, which is not the same as null."""


_ABSENT: Final = _Absent()


def _apply(
    document: Document,
    path: str,
    operator: str,
    value: Value,
    touched: list[str],
    told: UpdateDescription,
) -> None:
    parts = path.split(".")
    if operator == "$unset":
        _unset(document, parts, touched, told)
        return
    depth, holder = _descend(document, parts)
    before = _own(holder, parts[depth]) if depth == len(parts) - 1 else _ABSENT
    after = _OPERATIONS[operator](before, value, path)
    if not isinstance(before, _Absent):
        if identical(before, after):
            return
        if operator == "$push" and _is_appended(before, after):
            assert isinstance(before, list)
            assert isinstance(after, list)
            touched += [f"{path}.{i}" for i in range(len(before), len(after))]
            _put(holder, parts[depth], after, path)
            return
    _put(holder, parts[depth], _wrapped(after, parts[depth + 1 :]), path)
    prefix = ".".join(parts[: depth + 1])
    if not any(f"{prefix}.".startswith(f"{name}.") for name in touched):
        touched.append(prefix)


def _descend(
    document: Document, parts: Sequence[str]
) -> tuple[int, dict[str, Value] | list[Value]]:
    """Walk down as far as the path exists; return how deep, and what holds the next name."""
    holder: dict[str, Value] | list[Value] = document
    for depth, part in enumerate(parts[:-1]):
        found = _own(holder, part)
        if isinstance(found, _Absent):
            return depth, holder
        if not isinstance(found, dict | list) or (
            isinstance(found, list) and not parts[depth + 1].isdigit()
        ):
            raise UpdateRefusedError(
                f"{'.'.join(parts[: depth + 1])} must be a document to hold {parts[depth + 1]!r}, "
                f"it is {found!r}",
                code=PATH_NOT_VIABLE,
            )
        holder = found
    return len(parts) - 1, holder


def _own(holder: dict[str, Value] | list[Value], part: str) -> Value | _Absent:
    if isinstance(holder, dict):
        return holder.get(part, _ABSENT)
    return holder[int(part)] if part.isdigit() and int(part) < len(holder) else _ABSENT


def _put(holder: dict[str, Value] | list[Value], part: str, value: Value, path: str) -> None:
    if isinstance(holder, dict):
        holder[part] = value
        return
    index = int(part)
    if index > len(holder) + MAX_PADDING:
        raise UpdateRefusedError(
            f"{path} must be at most {MAX_PADDING} beyond the end of the list", code=BAD_VALUE
        )
    holder.extend([None] * (index + 1 - len(holder)))
    holder[index] = value


def _wrapped(value: Value, parts: Sequence[str]) -> Value:
    for part in reversed(parts):
        value = {part: value}
    return value


def _at(document: Document, parts: Sequence[str]) -> Value:
    value: Value = document
    for part in parts:
        value = value[int(part)] if isinstance(value, list) else value[part]  # type: ignore[index]
    return value


def _unset(
    document: Document, parts: Sequence[str], touched: list[str], told: UpdateDescription
) -> None:
    holder: Value = document
    for part in parts[:-1]:
        found = _own(holder, part) if isinstance(holder, dict | list) else _ABSENT
        if isinstance(found, _Absent):
            return
        holder = found
    name = parts[-1]
    if isinstance(holder, dict) and name in holder:
        del holder[name]
        told.removed.append(".".join(parts))
    elif isinstance(holder, list) and _own(holder, name) not in (None, _ABSENT):
        holder[int(name)] = None
        touched.append(".".join(parts))


def _set(before: Value | _Absent, value: Value, path: str) -> Value:
    return value


def _increment(before: Value | _Absent, value: Value, path: str) -> Value:
    assert isinstance(value, _Number)
    if isinstance(before, _Absent):
        return value
    if isinstance(before, bool) or not isinstance(before, _Number):
        raise UpdateRefusedError(
            f"{path} must be a number to be incremented, it is {before!r}", code=TYPE_MISMATCH
        )
    total = before + value
    if isinstance(total, int) and not -_INT64 <= total < _INT64:
        raise UpdateRefusedError(
            f"{path} must stay a whole number of 64 bits, {before} + {value} is none",
            code=BAD_VALUE,
        )
    return total


def _smaller(before: Value | _Absent, value: Value, path: str) -> Value:
    if isinstance(before, _Absent) or sort_key(value) < sort_key(before):
        return value
    return before


def _larger(before: Value | _Absent, value: Value, path: str) -> Value:
    if isinstance(before, _Absent) or sort_key(value) > sort_key(before):
        return value
    return before


def _push(before: Value | _Absent, value: Value, path: str) -> Value:
    if not isinstance(before, _Absent | list):
        raise UpdateRefusedError(
            f"{path} must be a list to be pushed to, it is {before!r}", code=BAD_VALUE
        )
    items: list[Value] = [] if isinstance(before, _Absent) else list(before)
    if not (isinstance(value, dict) and "$each" in value):
        return [*items, value]
    each, cut = value["$each"], value.get("$slice")
    assert isinstance(each, list)
    items += each
    if cut is None:
        return items
    assert isinstance(cut, int)
    if cut == 0:
        return []
    return items[cut:] if cut < 0 else items[:cut]


def _is_appended(before: Value, after: Value) -> bool:
    assert isinstance(before, list)
    assert isinstance(after, list)
    return 0 < len(before) < len(after) and identical(after[: len(before)], before)


_OPERATIONS: Final[dict[str, Callable[[Value | _Absent, Value, str], Value]]] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$inc": _increment,
    "$min": _smaller,
    "$max": _larger,
    "$push": _push,
}
