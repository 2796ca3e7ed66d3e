"""What a fill moves: cash in tick · lot and a fee in millionths of it."""

from __future__ import annotations

from typing import Final

from framework._jit import kernel

PPB_PER_BPS: Final = 100_000
"""Fee rates are parts per billion: one basis point is 100,000 of them."""

MICRO: Final = 1_000_000
"""Fee units per unit of cash."""

_ROOM: Final = 2.0**61
"""A fill, an account's cash and its fees stay below this; what adds to them cannot wrap around."""


@kernel
def notional(inverse_scale: int, px_ticks: int, lots: int) -> int:
    """Value of a fill in cash units.

    Linear contracts: ``px_ticks * lots``, in tick · lot of the quote currency. Inverse contracts
    (`inverse_scale` above 0) settle in the base asset, ``lots * inverse_scale / px_ticks`` rounded
    half up, the scale being chosen at load so that a cash unit is a small fixed part of a coin.
    """
    if inverse_scale:
        return (2 * lots * inverse_scale + px_ticks) // (2 * px_ticks)
    return px_ticks * lots


@kernel
def fee_micro(value: int, rate_ppb: int) -> int:
    """Fee on a notional, in millionths of a cash unit, rounded half away from zero."""
    size, rate = abs(value), abs(rate_ppb)
    # The thousands first: value times rate may pass int64 where the fee does not.
    fee = size // 1000 * rate + (size % 1000 * rate + 500) // 1000
    return fee if (value < 0) == (rate_ppb < 0) else -fee


@kernel
def too_large(
    inverse_scale: int, px_ticks: int, lots: int, rate_ppb: int, cash: int, fees: int
) -> bool:
    """Tell whether a fill, or the account after it, nears the end of int64."""
    scaled = value = abs(float(px_ticks)) * float(lots)
    if inverse_scale:
        scaled = 2.0 * float(lots) * float(inverse_scale)
        value = scaled / (2.0 * float(px_ticks))
    fee = value / 1000.0 * abs(float(rate_ppb))
    return max(scaled, fee, abs(float(cash)), abs(float(fees))) > _ROOM
