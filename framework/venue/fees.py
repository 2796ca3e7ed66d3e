"""What a fill moves: cash in tick · lot and a fee in millionths of it."""

from __future__ import annotations

from typing import Final

from framework._jit import kernel

PPB_PER_BPS: Final = 100_000
"""Fee rates are parts per billion: one basis point is 100,000 of them."""

MICRO: Final = 1_000_000
"""Fee units per unit of cash."""


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
    scaled = value * rate_ppb
    half = 500 if scaled >= 0 else -500
    total = scaled + half
    return total // 1000 if total >= 0 else -(-total // 1000)
