r"""Market impact learned from what takers paid, for the next backtest's cost model.

A replayed book charges what it displays. What a taker paid beyond the best price although his
whole quantity was displayed there, the replay cannot know: that is what is learned,

.. math:: \text{beyond} = c \left(\frac{Q}{Q_{ref}}\right)^{\beta}, \qquad \beta = 1, \tfrac12,

by least squares through the origin, :math:`\beta` by the smaller error. Orders larger than the
touch are left out: the levels they went through are charged by the replay already.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from framework.core.costs import Impact, ImpactKind
from framework.core.errors import DataError
from framework.core.events import F64Array
from framework.core.instrument import Instrument

MIN_ORDERS: Final = 20
"""Orders of which impact is learned at least: fewer leave its error as large as itself."""
_DIGITS: Final = 6
_POWERS: Final = {ImpactKind.LINEAR: 1.0, ImpactKind.SQUARE_ROOT: 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedImpact:
    """Impact of one stream and what it rests on.

    Parameters
    ----------
    impact
        For the engine.
    orders
        Orders it was learned from.
    error_bps
        Standard error of the coefficient.
    scope
        Whose orders: ``venue:symbol``, or the symbol's on all venues.
    """

    impact: Impact
    orders: int
    error_bps: float
    scope: str


def learn_impact(
    costs: pl.DataFrame,
    instrument: Instrument,
    half_life_ns: int,
    *,
    min_orders: int = MIN_ORDERS,
) -> LearnedImpact:
    """Learn a stream's impact from rows of the cost table.

    Parameters
    ----------
    costs
        Rows of `COST_SCHEMA`, chosen by source, regime and the like. Orders of the stream itself
        are used where there are enough, else those of its symbol on all venues.
    half_life_ns
        How fast a move is to fade; it is not learned, since orders far apart do not show it.

    Raises
    ------
    DataError
        Where there are too few orders to learn from.
    """
    takers = costs.filter(
        pl.col("symbol") == instrument.symbol,
        pl.col("liquidity") != "maker",
        pl.col("is_within_touch").fill_null(False),
        pl.col("beyond_touch_bps").is_finite(),
    )
    own = takers.filter(pl.col("venue") == instrument.venue)
    scope = instrument.name if own.height >= min_orders else f"{instrument.symbol} on all venues"
    used = own if own.height >= min_orders else takers
    if used.height < min_orders:
        raise DataError(
            f"the impact of {instrument.name} must be learned from at least {min_orders} orders "
            f"that took no more than was displayed, the table has {used.height}",
            remedy="merge more runs or executions, choose less narrowly, or give impact: by hand",
        )
    quantity = used["quantity"].to_numpy()
    reference = float(np.median(quantity))
    beyond = used["beyond_touch_bps"].to_numpy()
    fits = {
        kind: _through_origin((quantity / reference) ** power, beyond)
        for kind, power in _POWERS.items()
    }
    kind = min(fits, key=lambda one: fits[one][2])
    coefficient, error, _ = fits[kind]
    return LearnedImpact(
        impact=Impact(
            kind=kind,
            coefficient_bps=Decimal(str(round(max(0.0, coefficient), _DIGITS))),
            reference_quantity=Decimal(str(round(reference, 12))),
            half_life_ns=half_life_ns,
        ),
        orders=used.height,
        error_bps=error,
        scope=scope,
    )


def _through_origin(x: F64Array, y: F64Array) -> tuple[float, float, float]:
    """Return slope, its standard error, and the sum of squares left."""
    slope = float(x @ y) / float(x @ x)
    left = y - slope * x
    error = float(np.sqrt((left @ left) / max(1, x.size - 1) / (x @ x)))
    return slope, error, float(left @ left)
