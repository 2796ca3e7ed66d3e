"""How a catalog or spec writes durations and exact decimals, as pydantic field types."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from framework.core.clock import duration_ns
from framework.core.errors import SpecError


def _duration(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('a duration is written like "100ms" or as whole nanoseconds')
    if isinstance(value, str) and value.lstrip().startswith("-"):
        return -_duration(value.lstrip()[1:])
    try:
        return duration_ns(value)
    except SpecError as cause:
        raise ValueError(cause.message) from cause


def _non_negative_duration(value: object) -> int:
    ns = _duration(value)
    if ns < 0:
        raise ValueError("must not be negative")
    return ns


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('an exact decimal is written like 0.01 or "0.01"')
    try:
        number = Decimal(value)
    except InvalidOperation as cause:
        raise ValueError("must be a decimal number") from cause
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


def _positive_decimal(value: object) -> Decimal:
    number = _decimal(value)
    if number <= 0:
        raise ValueError("must be above zero")
    return number


_TEXT = WithJsonSchema({"type": "string"})

SignedDuration = Annotated[int, BeforeValidator(_duration), _TEXT]
"""Nanoseconds, written ``"-1.5ms"`` or as an integer."""

Duration = Annotated[int, BeforeValidator(_non_negative_duration), _TEXT]
"""Nanoseconds, not negative, written ``"1.5ms"`` or as an integer."""

ExactDecimal = Annotated[Decimal, BeforeValidator(_decimal), _TEXT]
"""A finite decimal that never was a float."""

PositiveDecimal = Annotated[Decimal, BeforeValidator(_positive_decimal), _TEXT]
"""An `ExactDecimal` above zero."""
