"""A venue in plain Python whose rules can be switched: it names the rule behind a difference.

With our rules it must give our outcomes, with hftbacktest's rules hftbacktest's; what changes when
one rule is switched is what that rule is worth. It knows at most one resting order a side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import polars as pl

from framework.core.events import EventKind
from framework.core.orders import JournalEvent, TimeInForce
from framework.engine.result import Result
from framework.replay.stream import GoldStream
from tests.differential.cases import Case
from tests.differential.ours import OUTCOME

_DEPTH, _TRADE, _CLEAR = int(EventKind.DEPTH), int(EventKind.TRADE), int(EventKind.CLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Where the two simulators differ on purpose.

    Parameters
    ----------
    fills_limited
        A resting order gets no more than the trade or the arriving level that fills it.
    taken_remembered
        What was taken from a level is gone until the data shows new size there.
    size_displayed
        An order that must fill whole fills from what is displayed, else not at all; otherwise it
        fills whole at the best price.
    never_negative
        The estimated queue ahead ends at nothing, and then nobody ahead of us can cancel. Otherwise
        trades may leave a fraction of a lot below nothing, cancellations whole lots; the models'
        formulas are applied to that, and the next trade fills that much more than it traded.
    """

    fills_limited: bool = True
    taken_remembered: bool = True
    size_displayed: bool = True
    never_negative: bool = True


OURS: Final = Rules()
THEIRS: Final = Rules(
    fills_limited=False, taken_remembered=False, size_displayed=False, never_negative=False
)
SWITCHED: Final = {
    "taken liquidity is remembered": Rules(taken_remembered=False),
    "a resting fill is limited by what causes it": Rules(fills_limited=False),
    "a whole fill needs the displayed size": Rules(size_displayed=False),
    "the queue ahead is never negative": Rules(never_negative=False),
}
"""Our rules with one of them switched to theirs."""


@dataclass(slots=True)
class _Order:
    order_id: int
    book: int
    side: int
    limit: int
    leaves: int
    post_only: bool
    front: float = 0.0
    traded: int = 0
    filled: int = 0
    state: str = ""
    ts_ns: int = 0
    px: int = 0


@dataclass(frozen=True, slots=True)
class _Queue:
    model: str
    power: float
    lot: float
    never_negative: bool

    def front_after(self, order: _Order, before: int, now: int) -> float:
        """Lots ahead of an order after its level went from `before` to `now`."""
        cancelled = before - now - order.traded
        if self.model == "risk_averse" or cancelled < 0:
            return min(order.front, now)
        back = before - order.front
        behind = self._share(order.front * self.lot, back * self.lot)
        front = order.front - (1 - behind) * cancelled + min(back - behind * cancelled, 0.0)
        if self.never_negative:
            front = max(front, 0.0)
        return now if math.isnan(front) else min(front, now)  # as Rust's minimum has it

    def _share(self, front: float, back: float) -> float:
        if self.never_negative and front <= 0:
            return 1.0
        ahead, behind = self._weight(front), self._weight(back)
        return behind / (behind + ahead) if behind + ahead else 1.0

    def _weight(self, quantity: float) -> float:
        if self.model != "log":
            return quantity**self.power
        return math.log(1 + quantity) if quantity > -1 else math.nan


@dataclass(slots=True)
class _Venue:
    rules: Rules
    whole: bool
    queue: _Queue
    levels: dict[int, dict[int, int]] = field(default_factory=lambda: {1: {}, -1: {}})
    taken: dict[tuple[int, int], int] = field(default_factory=dict)
    resting: list[_Order] = field(default_factory=list)

    def left(self, side: int, px: int) -> int:
        """Lots of a level that may still be taken."""
        shown = self.levels[side].get(px, 0)
        return shown - self.taken.get((side, px), 0) if self.rules.taken_remembered else shown

    def take(self, side: int, px: int, lots: int) -> None:
        self.taken[side, px] = self.taken.get((side, px), 0) + lots

    def clear(self, side: int) -> None:
        for cleared in (1, -1) if side == 0 else (side,):
            self.levels[cleared].clear()
            self.taken = {key: lots for key, lots in self.taken.items() if key[0] != cleared}

    def depth(self, ts_ns: int, side: int, px: int, lots: int) -> None:
        before = self.levels[side].pop(px, 0)
        if lots:
            self.levels[side][px] = lots
        if (side, px) in self.taken:
            self.taken[side, px] = min(self.taken[side, px], lots)
        for order in self.resting:
            if (order.side, order.limit) == (side, px):
                order.front = self.queue.front_after(order, before, lots)
                order.traded = 0
        if lots > before:
            for order in list(self.resting):
                if order.side == -side and order.side * (order.limit - px) >= 0:
                    filled = self.fill_resting(ts_ns, order, self.left(side, px))
                    self.take(side, px, filled)

    def trade(self, ts_ns: int, side: int, px: int, lots: int) -> None:
        for order in list(self.resting):
            ahead = order.side * (order.limit - px)
            if order.side != -side or ahead < 0:
                continue
            if ahead > 0:
                self.fill_resting(ts_ns, order, lots)
                continue
            order.front -= lots
            order.traded += lots
            reached = math.floor(0.5 - order.front)
            if self.rules.never_negative:
                order.front = max(order.front, 0.0)
            if reached > 0:
                order.front = 0.0
                self.fill(ts_ns, order, order.leaves if self.whole else min(reached, order.leaves))

    def fill_resting(self, ts_ns: int, order: _Order, available: int) -> int:
        if available <= 0 and self.rules.taken_remembered:
            return 0
        limited = self.rules.fills_limited and not self.whole
        lots = min(available, order.leaves) if limited else order.leaves
        self.fill(ts_ns, order, lots)
        return lots

    def fill(self, ts_ns: int, order: _Order, lots: int) -> None:
        order.leaves -= lots
        order.filled += lots
        order.px = order.limit
        if order.leaves == 0:
            self.end(order, "filled", ts_ns)

    def end(self, order: _Order, state: str, ts_ns: int) -> None:
        order.state = state
        order.ts_ns = ts_ns
        if order in self.resting:
            self.resting.remove(order)

    def arrive(self, ts_ns: int, order: _Order) -> None:
        other = -order.side
        shown = self.levels[other]
        met = sorted(
            (px for px in shown if order.side * (order.limit - px) >= 0), reverse=other > 0
        )
        if order.post_only:
            if met:
                self.end(order, "refused", ts_ns)
            else:
                order.front = self.levels[order.side].get(order.limit, 0)
                self.resting.append(order)
            return
        if self.whole and not self.rules.size_displayed:
            portions = [(px, order.leaves) for px in met[:1]]
        else:
            portions = [(px, self.left(other, px)) for px in met]
        if not self.whole or sum(lots for _, lots in portions) >= order.leaves:
            for px, available in portions:
                lots = min(available, order.leaves)
                if lots > 0:
                    order.leaves -= lots
                    order.filled += lots
                    order.px = px
                    self.take(other, px, lots)
        self.end(order, "expired" if order.leaves else "filled", ts_ns)


def expected(
    case: Case, streams: Sequence[GoldStream], result: Result, rules: Rules
) -> pl.DataFrame:
    """Outcomes under `rules` of the orders that a run of the case sent; rows of `OUTCOME`."""
    sent = pl.DataFrame(pl.from_arrow(result.journal)).filter(
        pl.col("event") == JournalEvent.SUBMITTED
    )
    whole = case.exchange == "no_partial_fills"
    over: list[_Order] = []
    chosen = [stream for stream in streams if stream.instrument.name in case.books]
    for book, stream in enumerate(chosen):
        mine = sent.filter(pl.col("book") == book)
        lot = float(stream.instrument.lot)
        queue = _Queue(case.queue, case.power, lot, rules.never_negative)
        over += _replay(case, stream, mine.to_dicts(), _Venue(rules, whole, queue))
    rows = [
        (o.order_id, o.book, o.side, o.limit, o.state, o.ts_ns, o.px, o.filled)
        for o in over
        if o.state
    ]
    return pl.DataFrame(rows, OUTCOME, orient="row").sort("order_id")


def _replay(
    case: Case, stream: GoldStream, sent: Sequence[dict[str, int]], venue: _Venue
) -> list[_Order]:
    orders = [
        _Order(
            row["order_id"],
            row["book"],
            row["side"],
            row["px_ticks"],
            row["qty_lots"],
            row["time_in_force"] == TimeInForce.POST_ONLY,
        )
        for row in sent
    ]
    # A quote is cancelled at the next wake-up, ahead of the quotes that replace it.
    requests: list[tuple[int, int, int, _Order]] = []
    for n, (row, order) in enumerate(zip(sent, orders, strict=True)):
        arrival_ns = row["ts_ns"] + case.latency_ns
        requests.append((arrival_ns, 1, n, order))
        if order.post_only:
            requests.append((arrival_ns + case.interval_ns, 0, n, order))
    requests.sort(key=lambda request: request[:3])
    at = 0
    for ts_ns, kind, side, px, lots in _events(stream):
        while at < len(requests) and requests[at][0] < ts_ns:
            _request(venue, requests[at])
            at += 1
        if kind == _DEPTH:
            venue.depth(ts_ns, side, px, lots)
        elif kind == _TRADE:
            venue.trade(ts_ns, side, px, lots)
        elif kind == _CLEAR:
            venue.clear(side)
    for request in requests[at:]:
        _request(venue, request)
    return orders


@lru_cache(maxsize=2)
def _events(stream: GoldStream) -> list[tuple[int, ...]]:
    """Time, kind, side, price and size of every event."""
    columns = ("ts_exch_ns", "kind", "side", "px_ticks", "qty_lots")
    rows: list[tuple[int, ...]] = []
    for batch in stream.batches(1 << 20):
        rows += zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    return rows


def _request(venue: _Venue, request: tuple[int, int, int, _Order]) -> None:
    ts_ns, is_new, _, order = request
    if is_new:
        venue.arrive(ts_ns, order)
    elif not order.state:
        venue.end(order, "cancelled", ts_ns)
