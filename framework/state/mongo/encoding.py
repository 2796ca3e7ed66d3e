"""Documents as the driver sends them: every whole number with 64 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson.int64 import Int64

from framework.state.document import Value


def encoded(document: Mapping[str, Value]) -> dict[str, Any]:
    """Copy a document, a query or changes, with whole numbers as BSON's 64-bit type."""
    return {name: _encoded(value) for name, value in document.items()}


def _encoded(value: Value | Mapping[str, Value]) -> Any:
    kind = type(value)
    if kind is int:
        return Int64(value)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return encoded(value)
    if kind is list:
        return [_encoded(item) for item in value]  # type: ignore[union-attr]
    return value
