"""Read an instrument's grid off its data."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.core.events import F64Array
from framework.core.instrument import Instrument

_MAX_PLACES: Final = 15  # a float64 keeps 15 significant decimals
_EXACT_BELOW: Final = 2**53  # whole numbers a float64 holds exactly
_ENOUGH_VALUES: Final = 16  # fewer distinct values share a divisor by chance too easily


def infer_instrument(
    venue: str, symbol: str, prices: pl.Series | F64Array, volumes: pl.Series | F64Array
) -> Instrument:
    """Infer an instrument: tick and lot are the decimal steps seen in the data.

    Missing and non-finite values and zeros are passed over; where volumes hold nothing else the
    lot is 1.

    >>> infer_instrument("x", "Y", np.array([10.5, 11.0, 12.25]), np.array([3.0, 6.0])).tick
    Decimal('0.01')

    Raises
    ------
    DataError
        Where no price is above zero, or values are no decimals.
    """
    name = f"{venue}:{symbol}"
    tick = decimal_step(prices, f"{name}: price")
    if tick is None:
        raise DataError(
            f"{name}: a tick can only be inferred from prices, found none",
            remedy="name the instrument's tick and lot in the catalog",
        )
    lot = decimal_step(volumes, f"{name}: volume") or Decimal(1)
    return Instrument(venue=venue, symbol=symbol, tick=tick, lot=lot, inferred=True)


def decimal_step(values: pl.Series | F64Array, what: str = "value") -> Decimal | None:
    """Return a decimal step all values are multiples of; None where all are zero or missing.

    With ``d`` the fewest decimal places that write every value exactly, it is the greatest common
    divisor of the values in units of ``10**-d``, or the unit itself where the distinct values are
    too few to tell: a step too fine loses nothing, one too coarse refuses later data.

    >>> decimal_step(np.array([0.1, 0.7, 1.3]))
    Decimal('0.1')
    >>> decimal_step(np.arange(1, 40) * 0.25)
    Decimal('0.25')

    Raises
    ------
    DataError
        Where a value has more than 15 significant decimals.
    """
    array = np.asarray(values, dtype=np.float64)
    distinct = np.unique(np.abs(array[np.isfinite(array)]))
    distinct = distinct[distinct > 0]
    if distinct.size == 0:
        return None
    for places in range(_MAX_PLACES + 1):
        scale = 10.0**places
        steps = np.rint(distinct * scale)
        if steps[-1] >= _EXACT_BELOW:
            break
        # Division rounds correctly, so equality says: this decimal reads back as this float.
        exact = steps / scale == distinct
        if exact.all():
            whole = steps.astype(np.int64)
            divisor = int(np.gcd.reduce(whole)) if whole.size >= _ENOUGH_VALUES else 1
            return Decimal(divisor).scaleb(-places)
    raise DataError(
        f"{what} must be a decimal of at most {_MAX_PLACES} digits, "
        f"got {float(distinct[~exact][0])!r}",
        remedy="name the instrument's tick and lot in the catalog",
    )
