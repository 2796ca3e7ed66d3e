"""State of the synthetic market, laid out for its kernels."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framework.core.events import I64Array
from framework.synthetic.model import MarketModel

RecordArray = NDArray[Any]
"""Array of one of the record types below."""
Whole = int | np.int64
"""A whole number inside a kernel."""

ROW_DTYPE: Final = np.dtype(
    [
        ("ts_exch_ns", np.int64),
        ("ts_recv_ns", np.int64),
        ("seq", np.int64),
        ("px_ticks", np.int64),
        ("qty_lots", np.int64),
        ("venue", np.int8),
        ("kind", np.int8),
        ("side", np.int8),
        ("flags", np.int8),
    ],
    align=True,
)
"""One event of any venue; a chunk holds them in order of time."""

COMMON_DTYPE: Final = np.dtype(
    [
        ("now_ns", np.int64),
        ("used", np.int64),  # rows written to the chunk so far
        ("efficient_ticks", np.int64),
        ("move_intensity", np.float64),  # excited part of the move rate
        ("log_activity", np.float64),
        ("move_rate", np.float64),
        ("move_excitation", np.float64),
        ("move_decay", np.float64),
        ("jump_share", np.float64),
        ("jump_ticks", np.float64),
        ("jump_excitation", np.float64),
        ("activity_sigma", np.float64),
        ("activity_memory_s", np.float64),
    ]
)
"""What the venues share: the clock, the efficient price, and its constants."""

VENUE_DTYPE: Final = np.dtype(
    [
        ("seq", np.int64),
        ("recv_ns", np.int64),  # of the latest message: a feed never overtakes itself
        ("seen_ticks", np.int64),  # efficient price as the venue's quoters know it
        ("look_ns", np.int64),  # when they learn of the next move; largest int64: no move since
        ("last_taker", np.int64),  # side of the last noise market order
        ("premium_ticks", np.float64),
        ("take_intensity", np.float64),  # excited part of the market order rate
        ("lag_ns", np.int64),
        ("stale_rate", np.float64),
        ("improve_rate", np.float64),
        ("add_rate", np.float64),
        ("cancel_rate", np.float64),
        ("take_rate", np.float64),
        ("take_excitation", np.float64),
        ("informed_rate", np.float64),
        ("impact_share", np.float64),
        ("half_spread_ticks", np.float64),
        ("shock_rate", np.float64),
        ("shock_ticks", np.float64),
        ("feed_median_ns", np.float64),
        ("feed_sigma", np.float64),
    ]
)
"""One venue: its state, then the constants of its `VenueModel` under their own names."""

_COMMON_CONSTANTS: Final = tuple(COMMON_DTYPE.names or ())[5:]
_VENUE_CONSTANTS: Final = tuple(VENUE_DTYPE.names or ())[7:]


class Market(NamedTuple):
    """Everything that one event hands to the next."""

    common: RecordArray
    """`COMMON_DTYPE`, shape (1,)."""
    venues: RecordArray
    """`VENUE_DTYPE`, shape (n_venues,)."""
    px_ticks: I64Array
    """Displayed prices, best first; shape (n_venues, 2, levels), side 0 is the bid."""
    qty_lots: I64Array
    """Displayed quantities, as `px_ticks`."""


def new_market(model: MarketModel, n_venues: int) -> Market:
    """Put every venue at the start price; the books are still to be opened."""
    common = np.zeros(1, dtype=COMMON_DTYPE)
    common["now_ns"] = model.start_ns
    common["efficient_ticks"] = model.start_price_ticks
    for name in _COMMON_CONSTANTS:
        common[name] = getattr(model, name)
    venues = np.zeros(n_venues, dtype=VENUE_DTYPE)
    venues["recv_ns"] = model.start_ns
    venues["seen_ticks"] = model.start_price_ticks
    venues["look_ns"] = np.iinfo(np.int64).max
    venues["last_taker"] = 1
    for index in range(n_venues):
        chosen = model.venues[min(index, len(model.venues) - 1)]
        for name in _VENUE_CONSTANTS:
            venues[name][index] = getattr(chosen, name)
    shape = (n_venues, 2, model.levels)
    return Market(
        common=common,
        venues=venues,
        px_ticks=np.zeros(shape, dtype=np.int64),
        qty_lots=np.zeros(shape, dtype=np.int64),
    )
