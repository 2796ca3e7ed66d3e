"""Limits held against a journal: what was sent, filled and open, recomputed row by row.

Nothing of the risk room is used. What a venue has filled and what it could still fill is taken from
the venue's own rows, so it is the truth that is held against the limits, not what was known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from framework.core.events import NO_PRICE, EventFlag
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, OrderType, Reason, TimeInForce
from framework.engine.result import Result
from framework.risk import RiskLimits
from tests.oracle.engine.book import Event

Row = dict[str, int]
OVER = (JournalEvent.REJECTED, JournalEvent.EXPIRED, JournalEvent.CANCELLED)
AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
OWN = (Reason.RISK_STOPPED, Reason.RISK_STALE, Reason.RISK_PROTECTION)
PRICELESS = (OrderType.MARKET, OrderType.STOP)


@dataclass
class Standing:
    """What a journal says of one order."""

    book: int
    side: int
    leaves: int
    quote: bool


@dataclass
class Truth:
    """Positions and open orders as the venues have them after a row."""

    position: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    open: dict[int, Standing] = field(default_factory=dict)

    def take(self, row: Row) -> None:
        order, event = row["order_id"], row["event"]
        if event == JournalEvent.SUBMITTED:
            quote = row["order_type"] != OrderType.MARKET and row["time_in_force"] not in AT_ONCE
            self.open[order] = Standing(row["book"], row["side"], row["qty_lots"], quote)
        elif event == JournalEvent.FILLED:
            self.position[row["book"]] += row["side"] * row["qty_lots"]
        if order in self.open:
            self.open[order].leaves = row["leaves_lots"]
        if event in OVER or (event == JournalEvent.FILLED and row["leaves_lots"] == 0):
            self.open.pop(order, None)

    def worst(self, book: int, side: int) -> int:
        """Position towards a side once all that is open there is filled."""
        more = sum(o.leaves for o in self.open.values() if (o.book, o.side) == (book, side))
        return side * self.position[book] + more


def is_sent(rows: Sequence[Row], i: int) -> bool:
    """True for a new order or replace that left us and that the strategy asked for."""
    row = rows[i]
    if row["event"] == JournalEvent.REPLACE_SENT:
        return True
    if row["event"] != JournalEvent.SUBMITTED or row["reason"] in OWN:
        return False
    after = rows[i + 1] if i + 1 < len(rows) else None
    refused = after is not None and after["event"] == JournalEvent.REJECTED
    return not (
        refused
        and after["order_id"] == row["order_id"]
        and after["ts_ns"] == row["ts_ns"]
        and _is_ours(after)
    )


def _is_ours(row: Row) -> bool:
    ours = (Reason.BAD_QUANTITY, Reason.BAD_DISPLAY, Reason.BAD_EXPIRY)
    return row["reason"] in ours or Reason(row["reason"]).name.startswith("RISK_")


def check_limits(
    result: Result, limits: RiskLimits, books: Sequence[Sequence[Event]]
) -> set[Reason]:
    """Hold a journal against limits; return the reasons for which something was refused."""
    rows = result.journal.to_pylist()
    items = result.instruments
    truth, sent = Truth(), []
    stopped = False
    for i, row in enumerate(rows):
        leaves = is_sent(rows, i)
        if leaves:
            assert not stopped, "something was sent after the strategy had been stopped"
            _check_order(row, limits, items[row["book"]], truth)
            _check_age(row, limits, items, books, truth)
            sent.append(row["ts_ns"])
        if row["event"] == JournalEvent.RISK_BREACH:
            stopped = stopped or row["reason"] in (Reason.RISK_LOSS, Reason.RISK_DRAWDOWN)
            continue
        truth.take(row)
        if not stopped and not (row["event"] == JournalEvent.SUBMITTED and not leaves):
            _check_exposure(truth, limits, items)
    _check_rate(sent, limits)
    for b, item in enumerate(items):
        _check_protection(rows, b, limits, item)
    return {Reason(row["reason"]) for row in rows if _is_ours(row)}


def _check_exposure(truth: Truth, limits: RiskLimits, items: Sequence[Instrument]) -> None:
    net: defaultdict[tuple[str, int], Fraction] = defaultdict(Fraction)
    for b, item in enumerate(items):
        most = limits.of(item.name).max_position_lots
        for side in (1, -1):
            worst = truth.worst(b, side)
            assert most is None or worst <= most
            net[item.asset, side] += worst * Fraction(item.lot)
    if limits.max_net is not None:
        assert max(net.values()) <= Fraction(str(limits.max_net))
    if limits.max_open_orders is not None:
        assert len(truth.open) <= limits.max_open_orders


def _check_order(row: Row, limits: RiskLimits, item: Instrument, truth: Truth) -> None:
    own = limits.of(item.name)
    if own.max_order_lots is not None:
        assert row["qty_lots"] <= own.max_order_lots
    bid, ask = row["bid_ticks"], row["ask_ticks"]
    if own.max_spread_pct is not None:
        reduces = truth.worst(row["book"], row["side"]) + row["qty_lots"] <= 0
        known = NO_PRICE not in (bid, ask)
        narrow = known and (ask - bid) / ((ask + bid) / 2) * 100 <= own.max_spread_pct + 1e-9
        assert narrow or reduces
    priced = row["order_type"] not in PRICELESS and row["px_ticks"]
    if own.collar_bps is not None and priced:
        assert NO_PRICE not in (bid, ask)
        mid = (bid + ask) / 2
        assert abs(row["px_ticks"] - mid) <= own.collar_bps / 1e4 * mid + 1e-9


def _check_age(
    row: Row,
    limits: RiskLimits,
    items: Sequence[Instrument],
    books: Sequence[Sequence[Event]],
    truth: Truth,
) -> None:
    if limits.stale_after_ns is None:
        return
    venue = items[row["book"]].venue
    heard = [
        event.ts_recv_ns
        for b, item in enumerate(items)
        for event in books[b]
        if item.venue == venue and event.ts_recv_ns <= row["ts_ns"] and event.flags & EventFlag.LAST
    ]
    fresh = bool(heard) and row["ts_ns"] - max(heard) <= limits.stale_after_ns
    at_once = row["order_type"] == OrderType.MARKET or row["time_in_force"] in AT_ONCE
    assert fresh or (at_once and truth.worst(row["book"], row["side"]) + row["qty_lots"] <= 0)


def _check_rate(sent: Sequence[int], limits: RiskLimits) -> None:
    if limits.max_messages_per_s is None:
        return
    for i, first_ns in enumerate(sent):
        for j in range(i, len(sent)):
            may = limits.burst + limits.max_messages_per_s * (sent[j] - first_ns) / 1e9
            assert j - i + 1 <= may + 1e-6


def _check_protection(rows: Sequence[Row], b: int, limits: RiskLimits, item: Instrument) -> None:
    """Fills of quotes by when we hear of them; the book's responses take a constant time."""
    guard = limits.of(item.name).protection
    if guard is None:
        return
    quotes = set()
    fills: list[tuple[int, int]] = []
    trips: list[int] = []
    for i, row in enumerate(rows):
        if row["book"] != b:
            continue
        if row["event"] == JournalEvent.RISK_BREACH and row["reason"] == Reason.RISK_PROTECTION:
            trips.append(row["ts_ns"])
        if is_sent(rows, i):
            if row["order_type"] != OrderType.MARKET and row["time_in_force"] not in AT_ONCE:
                quotes.add(row["order_id"])
                for trip_ns in trips:
                    assert not trip_ns < row["ts_ns"] < trip_ns + guard.pause_ns
        elif row["event"] == JournalEvent.FILLED and row["order_id"] in quotes:
            fills.append((row["ts_ns"], row["qty_lots"]))
    for i, (last_ns, _) in enumerate(fills):
        window = [lots for ts_ns, lots in fills[: i + 1] if ts_ns > last_ns - guard.window_ns]
        if guard.max_lots is not None:
            assert sum(window) <= guard.max_lots
        if guard.max_fills is not None and len(window) == guard.max_fills:
            heard_ns = last_ns + item.response_ns
            end_ns = max((row["ts_ns"] for row in rows), default=0)
            paused = any(t <= heard_ns < t + guard.pause_ns for t in trips)
            assert paused or heard_ns > end_ns


def check_refusals(result: Result, limits: RiskLimits) -> int:
    """Hold refusals against limits where no message takes time; return how many there were.

    What is known is then what is true, but for instants at which something has yet to be heard of.
    """
    rows = result.journal.to_pylist()
    told = (*OVER, JournalEvent.FILLED, JournalEvent.DECREMENTED, JournalEvent.REPLACE_SENT)
    busy_ns = {row["ts_ns"] for row in rows if row["event"] in told and not _is_ours(row)}
    truth, justified = Truth(), 0
    for i, row in enumerate(rows):
        refused = row["event"] == JournalEvent.SUBMITTED and not is_sent(rows, i)
        if refused and row["ts_ns"] not in busy_ns:
            own = limits.of(result.instruments[row["book"]].name)
            reason, bid, ask = rows[i + 1]["reason"], row["bid_ticks"], row["ask_ticks"]
            if reason == Reason.RISK_ORDER_SIZE:
                assert own.max_order_lots is not None
                assert row["qty_lots"] > own.max_order_lots
            elif reason == Reason.RISK_POSITION:
                assert own.max_position_lots is not None
                worst = truth.worst(row["book"], row["side"]) + row["qty_lots"]
                assert worst > own.max_position_lots
            elif reason == Reason.RISK_OPEN_ORDERS:
                assert limits.max_open_orders is not None
                assert len(truth.open) >= limits.max_open_orders
            elif reason == Reason.RISK_COLLAR:
                assert own.collar_bps is not None
                mid = (bid + ask) / 2
                assert abs(row["px_ticks"] - mid) > own.collar_bps / 1e4 * mid - 1e-9
            elif reason == Reason.RISK_SPREAD and NO_PRICE not in (bid, ask):
                assert own.max_spread_pct is not None
            justified += 1
        if row["event"] != JournalEvent.RISK_BREACH and not refused:
            truth.take(row)
    return justified
