"""Numbers as a reader wants them."""

from __future__ import annotations

import math
from decimal import Decimal

MINUS = "\u2212"


def number(value: object, digits: int | None = None) -> str:
    """Write a number with thousands separated and a true minus; other values as they are.

    >>> number(-1234567.891, 2)
    '−1,234,567.89'
    >>> number(0.00007), number(12), number(None)
    ('0.00007', '12', '–')
    """
    if value is None:
        return "\u2013"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "\u2013"
    if isinstance(value, int):
        text = f"{value:,}"
    elif digits is None:
        # through a decimal, because %g writes 0.00007 as 7e-05
        text = f"{Decimal(f'{value:.6g}'):,f}" if abs(value) < 1e6 else f"{value:,.0f}"
    else:
        text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if not _is_zero(text) else text.lstrip("-")


def money(value: object) -> str:
    """Write an amount with as many decimals as its size deserves.

    >>> money(1234.5), money(0.1234567), money(-250000.4)
    ('1,234.50', '0.1235', '−250,000')
    """
    if not isinstance(value, int | float):
        return number(value)
    size = abs(value)
    digits = 0 if size >= 100_000 else 2 if size >= 1 or size == 0 else 4
    return number(float(value), digits)


def _is_zero(text: str) -> bool:
    return not any(digit in text for digit in "123456789")
