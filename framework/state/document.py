"""What a document may hold, how large it is and how its values are ordered.

A document is a mapping from names to values: None, bool, whole numbers of 64 bits, floats, strings,
instants (cut to milliseconds, as BSON does), lists and documents. Both homes keep whole numbers
with all 64 bits, so sizes and types do not depend on how large a number happens to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from framework.state.errors import BAD_VALUE, INVALID_ID, DocumentError

Scalar: TypeAlias = bool | int | float | str | datetime | None
Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"
Document: TypeAlias = dict[str, Value]
SortKey: TypeAlias = tuple[object, ...]
"""Compares as MongoDB compares the value it was made of, and can be a dictionary's key."""

MAX_BYTES: Final = 16 * 2**20
"""BSON's largest document: https://www.mongodb.com/docs/v6.0/reference/limits/"""

_INT64: Final = 2**63
_MAX_DEPTH: Final = 100
_FIXED_BYTES: Final[dict[type, int]] = {int: 8, float: 8, bool: 1, type(None): 0, datetime: 8}

# BSON type order: https://www.mongodb.com/docs/v6.0/reference/bson-type-comparison-order/
RANK_MISSING: Final = 0  # what an empty list sorts as
RANK_NULL: Final = 1
RANK_NUMBER: Final = 2
RANK_TEXT: Final = 3
RANK_DOCUMENT: Final = 4
RANK_LIST: Final = 5
RANK_BOOL: Final = 8
RANK_DATE: Final = 9


def checked(document: Mapping[str, Value], *, what: str = "a document") -> Document:
    """Copy a document, having checked that both homes keep it as it is.

    Raises
    ------
    DocumentError
        Where a name or a value is not one a document may hold, or the whole is too large.
    """
    copy = _checked_fields(document, what, 0)
    size = bson_bytes(copy)
    if size > MAX_BYTES:
        raise DocumentError(
            f"{what} must have at most {MAX_BYTES} bytes, it has {size}",
            remedy="split it",
            code=BAD_VALUE,
        )
    return copy


def checked_value(value: object, what: str, depth: int = 0) -> Value:
    """Copy a value, having checked it; see `checked`."""
    kind = type(value)
    if kind is str or kind is float or value is None or kind is bool:
        return value  # type: ignore[return-value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise _refused(what, f"a whole number of at most 64 bits, got {value}", "use a string")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, datetime):
        return _milliseconds(value, what)
    if depth > _MAX_DEPTH:
        raise _refused(what, f"nested at most {_MAX_DEPTH} deep", "store it flat")
    if isinstance(value, list):
        return [checked_value(item, what, depth + 1) for item in value]
    if isinstance(value, dict):
        return _checked_fields(value, what, depth + 1)
    raise _refused(
        what,
        f"of the types None, bool, int, float, str, datetime, list, dict; "
        f"got {type(value).__name__}",
        "convert it first, for example with int(…) or float(…)",
    )


def check_id(document_id: Value) -> None:
    """Refuse a list as an ``_id``."""
    if isinstance(document_id, list):
        raise DocumentError("an _id must not be a list", remedy="use a string", code=INVALID_ID)


def _checked_fields(document: Mapping[str, Value], what: str, depth: int) -> Document:
    copy: Document = {}
    for name, value in document.items():
        if not isinstance(name, str) or not name or name[0] == "$" or "." in name or "\0" in name:
            raise DocumentError(
                f"a name in {what} must be a string without a leading $, dots and NUL, "
                f"got {name!r}",
                remedy="rename the field",
                code=BAD_VALUE,
            )
        if type(value) is int and -_INT64 <= value < _INT64:
            copy[name] = value
        else:
            copy[name] = checked_value(value, f"{what}: {name}", depth)
    return copy


def _milliseconds(value: datetime, what: str) -> datetime:
    if value.tzinfo is None:
        raise _refused(what, "an instant with a time zone", "write datetime(…, tzinfo=UTC)")
    utc = value.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _refused(what: str, must: str, remedy: str) -> DocumentError:
    return DocumentError(f"{what} must be {must}", remedy=remedy, code=BAD_VALUE)


def copied(document: Document) -> Document:
    """Copy a document so that changing the copy leaves the original alone."""
    return {name: _copied(value) for name, value in document.items()}


def _copied(value: Value) -> Value:
    if isinstance(value, dict):
        return copied(value)
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def bson_bytes(document: Mapping[str, Value]) -> int:
    """Count the bytes a document takes as BSON, every whole number with 64 bits.

    Length and end take 5 bytes; each field a type byte, its name and NUL, and its value.

    >>> bson_bytes({"a": 1})
    16

    References
    ----------
    https://bsonspec.org/spec.html
    """
    total = 5 + 2 * len(document)
    for name, value in document.items():
        total += len(name) if name.isascii() else len(name.encode())
        size = _FIXED_BYTES.get(type(value))
        total += _value_bytes(value) if size is None else size
    return total


def _value_bytes(value: Value) -> int:
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return 5 + (len(value) if value.isascii() else len(value.encode()))
    if isinstance(value, dict):
        return bson_bytes(value)
    if isinstance(value, list):
        total = 5 + 2 * len(value) + sum(map(len, map(str, range(len(value)))))
        for item in value:
            size = _FIXED_BYTES.get(type(item))
            total += _value_bytes(item) if size is None else size
        return total
    return 8


def sort_key(value: Value) -> SortKey:
    """Build what a value is ordered and told apart by: types first, then values.

    >>> sort_key(1) == sort_key(1.0) < sort_key("a") < sort_key(True)
    True
    """
    if value is None:
        return (RANK_NULL,)
    if isinstance(value, bool):
        return (RANK_BOOL, value)
    if isinstance(value, int | float):
        # NaN comes before every number and equals itself.
        return (RANK_NUMBER, 0, 0) if math.isnan(value) else (RANK_NUMBER, 1, value)
    if isinstance(value, str):
        return (RANK_TEXT, value.encode())
    if isinstance(value, datetime):
        return (RANK_DATE, value)
    if isinstance(value, list):
        return (RANK_LIST, *(sort_key(item) for item in value))
    # Field by field: the type first, then the name, then the value.
    parts = (((key := sort_key(item))[0], name.encode(), key) for name, item in value.items())
    return (RANK_DOCUMENT, *parts)


def identical(one: Value, other: Value) -> bool:
    """Tell whether two values are the same bytes: type, value and the order of fields."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(identical(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one.hex() == other.hex()
    return one == other
