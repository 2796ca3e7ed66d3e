"""Documents as the driver sends them: every whole number with 64 bits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bson.int64 import Int64

from framework.state.document import Value

_AS_IT_IS: Final = (str, float, bool, type(None), datetime)


def encoded(document: Mapping[str, Value]) -> dict[str, Any]:
    """Copy a document, a query or changes, with whole numbers as BSON's 64-bit type."""
    return {
        name: value if type(value) in _AS_IT_IS else _encoded(value)
        for name, value in document.items()
    }


def _encoded(value: Value | Mapping[str, Value]) -> Any:
    kind = type(value)
    if kind is int:
        return Int64(value)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return encoded(value)
    if kind is list:
        return [
            item if type(item) in _AS_IT_IS else _encoded(item)
            for item in value  # type: ignore[union-attr]
        ]
    return value
