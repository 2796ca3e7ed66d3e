"""What a cash unit of a trial's account is worth.

Cash of a linear contract is counted in tick · lot. An inverse contract settles in its base asset,
``quantity · contract_size / price`` of it, and is counted in fixed small parts of a coin.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from framework.core.instrument import Instrument

INVERSE_UNITS_PER_COIN: Final = 10**10


def inverse_scale(instrument: Instrument) -> int:
    """Return the cash units of one lot at a price of one tick; 0 for a linear contract.

    One contract of 100 USD at a tick of 0.1 and a price of 500,000 ticks is 0.002 of a coin:

    >>> from decimal import Decimal
    >>> perpetual = Instrument(venue="v", symbol="P", tick=Decimal("0.1"), lot=Decimal(1),
    ...                        contract_size=Decimal(100), inverse=True)
    >>> inverse_scale(perpetual) / 500_000 / INVERSE_UNITS_PER_COIN
    0.002
    """
    if not instrument.inverse:
        return 0
    per_tick = instrument.contract_size * instrument.lot / instrument.tick
    return round(per_tick * INVERSE_UNITS_PER_COIN)


def unit_value(instrument: Instrument) -> Fraction:
    """Return the exact worth of one cash unit in the instrument's currency."""
    if instrument.inverse:
        return Fraction(1, INVERSE_UNITS_PER_COIN)
    return Fraction(instrument.tick * instrument.lot * instrument.contract_size)
