"""The first snapshot of every venue of the synthetic market."""

from __future__ import annotations

from typing import Final

import numpy as np

from framework.core.events import ASK, BID, EventFlag, EventKind
from framework.synthetic.market import ROW_DTYPE, Market, RecordArray

_MEAN_LOG_LOTS: Final = 4.0  # of a level: a median of 55 lots


def open_books(market: Market, seed: int) -> RecordArray:
    """Fill empty books around the efficient price.

    Returns
    -------
    RecordArray of ROW_DTYPE, shape (n_venues * (1 + 2 * levels),)
        A snapshot message of each venue: everything cleared, then bids and asks, best first.
    """
    rng = np.random.default_rng(seed)
    n_venues, _, levels = market.px_ticks.shape
    rows = np.zeros((n_venues, 1 + 2 * levels), dtype=ROW_DTYPE)
    away = np.arange(1, levels + 1)
    for venue in range(n_venues):
        state = market.venues[venue]
        for k, side in enumerate((BID, ASK)):
            market.px_ticks[venue, k] = state["seen_ticks"] - side * away
            lots = np.exp(_MEAN_LOG_LOTS + 0.5 * rng.standard_normal(levels))
            market.qty_lots[venue, k] = 1 + lots.astype(np.int64)
            part = rows[venue, 1 + k * levels : 1 + (k + 1) * levels]
            part["side"] = side
            part["px_ticks"] = market.px_ticks[venue, k]
            part["qty_lots"] = market.qty_lots[venue, k]
        state["seq"] = 1
        state["recv_ns"] += int(state["feed_median_ns"])
        rows[venue]["venue"] = venue
        rows[venue]["seq"] = 1
        rows[venue]["ts_recv_ns"] = state["recv_ns"]
    rows["ts_exch_ns"] = market.common["now_ns"][0]
    rows["kind"] = EventKind.DEPTH
    rows["kind"][:, 0] = EventKind.CLEAR
    rows["flags"] = EventFlag.SNAPSHOT
    rows["flags"][:, -1] |= EventFlag.LAST
    return rows.reshape(-1)
