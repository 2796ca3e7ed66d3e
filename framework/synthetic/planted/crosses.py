"""Kernels that note every spell in which one venue bids above another's ask."""

from __future__ import annotations

from framework._jit import kernel
from framework.core.events import I64Array
from framework.synthetic.planted.queues import level_lots
from framework.synthetic.planted.state import (
    NEVER,
    NOBODY,
)
from framework.synthetic.planted.world import (
    W,
    common_of,
    crosses_of,
    episodes_of,
    pairs_of,
    venues_of,
)


@kernel
def follow_crosses(w: I64Array, v: int) -> None:
    """Compare a venue with every other one, where its best prices have changed."""
    venue = venues_of(w)[v]
    if venue.bid_ticks == venue.shown_bid_ticks and venue.ask_ticks == venue.shown_ask_ticks:
        return
    venue.shown_bid_ticks = venue.bid_ticks
    venue.shown_ask_ticks = venue.ask_ticks
    for u in range(w[W.N_VENUES]):
        if u != v:
            _follow_pair(w, v, u)
            _follow_pair(w, u, v)


@kernel
def _follow_pair(w: I64Array, buy: int, sell: int) -> None:
    pair = pairs_of(w, buy)[sell]
    edge = venues_of(w)[sell].bid_ticks - venues_of(w)[buy].ask_ticks
    now_ns = common_of(w)[0].now_ns
    if pair.start_ns == NEVER:
        if edge <= 0:
            return
        pair.start_ns = pair.edge_since_ns = now_ns
        pair.max_edge_ticks = pair.edge_ticks = 0
        pair.edge_ns_ticks = 0.0
        pair.episode = NOBODY
    pair.edge_ns_ticks += float(pair.edge_ticks) * (now_ns - pair.edge_since_ns)
    pair.edge_since_ns = now_ns
    pair.edge_ticks = edge
    if edge <= 0:
        _close(w, buy, sell, 1)
        return
    if pair.episode == NOBODY:
        pair.episode = _planted(w, buy, sell)
    if edge > pair.max_edge_ticks:
        pair.max_edge_ticks = edge
        bid = level_lots(w, sell, 1, venues_of(w)[sell].bid_ticks)
        ask = level_lots(w, buy, -1, venues_of(w)[buy].ask_ticks)
        pair.lots = min(bid, ask)


@kernel
def _planted(w: I64Array, buy: int, sell: int) -> int:
    """Episode that lifts the seller's bid or lowers the buyer's ask, `NOBODY` where none does."""
    lifted = venues_of(w)[sell].cross_episode
    if lifted != NOBODY and episodes_of(w)[lifted].side > 0:
        return lifted
    lowered = venues_of(w)[buy].cross_episode
    if lowered != NOBODY and episodes_of(w)[lowered].side < 0:
        return lowered
    return NOBODY


@kernel
def _close(w: I64Array, buy: int, sell: int, is_complete: int) -> None:
    pair = pairs_of(w, buy)[sell]
    now_ns = common_of(w)[0].now_ns
    if pair.start_ns < now_ns:
        # What begins and ends at one instant was never there for anybody.
        row = crosses_of(w)[common_of(w)[0].used_crosses]
        row.start_ns = pair.start_ns
        row.end_ns = now_ns
        row.max_edge_ticks = pair.max_edge_ticks
        row.lots = pair.lots
        row.edge_ns_ticks = pair.edge_ns_ticks
        row.episode = pair.episode
        row.buy = buy
        row.sell = sell
        row.is_complete = is_complete
        common_of(w)[0].used_crosses += 1
    pair.start_ns = NEVER


@kernel
def close_crosses(w: I64Array) -> None:
    """Note what is still crossed when the market ends."""
    now_ns = common_of(w)[0].now_ns
    for buy in range(w[W.N_VENUES]):
        for sell in range(w[W.N_VENUES]):
            pair = pairs_of(w, buy)[sell]
            if pair.start_ns != NEVER:
                pair.edge_ns_ticks += float(pair.edge_ticks) * (now_ns - pair.edge_since_ns)
                _close(w, buy, sell, 0)
