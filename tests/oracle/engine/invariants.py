"""What must hold of any run, checked on the journal and the samples alone."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

from framework.core.events import EventKind
from framework.core.orders import JournalEvent, Liquidity, OrderType, TimeInForce
from framework.engine.result import JOURNAL_SCHEMA, Result
from tests.oracle.engine.book import Book, Event

REQUESTS = (JournalEvent.SUBMITTED, JournalEvent.CANCEL_SENT, JournalEvent.REPLACE_SENT)
MOVES = (
    JournalEvent.ACCEPTED,
    JournalEvent.REPLACED,
    JournalEvent.TRIGGERED,
    JournalEvent.REPRICED,
)
OVER = (JournalEvent.REJECTED, JournalEvent.EXPIRED, JournalEvent.CANCELLED)
TRADES = (EventKind.TRADE, EventKind.HIDDEN_TRADE, EventKind.ORDER_EXECUTE)
SHOWS = (EventKind.DEPTH, EventKind.BEST, EventKind.ORDER_ADD)


def check_invariants(result: Result, books: list[list[Event]], partial_fills: bool) -> None:
    rows = result.journal.to_pylist()
    assert set(rows[0] if rows else {}) <= set(JOURNAL_SCHEMA.names)
    _quantity_is_conserved(rows)
    _money_adds_up(result, rows)
    _first_come_first_served(rows)
    _takers_take_what_is_shown(rows, books)
    if partial_fills:
        _makers_get_no_more_than_came(rows, books)


def _quantity_is_conserved(rows: list[dict[str, int]]) -> None:
    """Lots are filled, taken back or still there; none fills before acceptance or after the end."""
    left: dict[int, int] = {}
    accepted, over = set(), set()
    for row in rows:
        order, event = row["order_id"], row["event"]
        if event == JournalEvent.SUBMITTED:
            assert order not in left
            left[order] = row["qty_lots"]
        elif event == JournalEvent.ACCEPTED:
            accepted.add(order)
        elif event == JournalEvent.REPLACED:
            left[order] = row["leaves_lots"]
        elif event == JournalEvent.DECREMENTED:
            assert 0 < row["qty_lots"] <= left[order]
            left[order] -= row["qty_lots"]
        elif event == JournalEvent.FILLED:
            assert order in accepted
            assert order not in over
            assert 0 < row["qty_lots"] <= left[order]
            left[order] -= row["qty_lots"]
        assert row["leaves_lots"] == left[order]
        if event in OVER:
            assert order not in over
        if event in OVER or (event == JournalEvent.FILLED and left[order] == 0):
            over.add(order)


def _money_adds_up(result: Result, rows: list[dict[str, int]]) -> None:
    """Recompute each account from the fills, to the integer."""
    for b, item in enumerate(result.instruments):
        position = cash = fees = 0
        for row in rows:
            if row["event"] == JournalEvent.FILLED and row["book"] == b:
                value = row["px_ticks"] * row["qty_lots"]
                if item.inverse:
                    per_lot = (
                        Fraction(item.lot) * item.contract_size.__int__() / Fraction(item.tick)
                    )
                    exact = row["qty_lots"] * per_lot * 10**10 / row["px_ticks"]
                    value = -math.floor(exact + Fraction(1, 2))
                position += row["side"] * row["qty_lots"]
                cash -= row["side"] * value
                fees += row["fee_micro"]
        last = result.samples.filter(result.samples["book"] == b).row(-1, named=True)
        assert last["position_lots"] == position
        assert last["cash_units"] == cash
        assert last["fee_micro"] == fees


def _first_come_first_served(rows: list[dict[str, int]]) -> None:
    """No resting order fills while one at its price that came before it is still there.

    A displayed order comes before every hidden one; an iceberg's next part comes anew.
    """
    resting: dict[int, tuple[int, int, int]] = {}  # in order of arrival
    hidden: set[int] = set()
    leaves: dict[int, int] = {}
    limits: dict[int, int] = {}
    for row in rows:
        order, event = row["order_id"], row["event"]
        level = (row["book"], row["side"], row["px_ticks"])
        rests = row["order_type"] not in (OrderType.MARKET, OrderType.STOP)
        rests = rests and row["time_in_force"] not in (TimeInForce.IOC, TimeInForce.FOK)
        if event == JournalEvent.SUBMITTED:
            limits[order] = row["px_ticks"]
            if row["order_type"] in (OrderType.HIDDEN, OrderType.MIDPOINT):
                hidden.add(order)
        elif event == JournalEvent.ACCEPTED and rests:
            if row["order_type"] != OrderType.STOP_LIMIT:
                resting[order] = level
        elif event == JournalEvent.TRIGGERED and rests:
            resting[order] = (row["book"], row["side"], limits[order])
        elif event in (JournalEvent.REFRESHED, JournalEvent.REPRICED):
            del resting[order]
            resting[order] = level
        elif event == JournalEvent.REPLACED:
            if resting.get(order) != level or row["leaves_lots"] > leaves[order]:
                resting.pop(order, None)
            resting[order] = level
        elif event == JournalEvent.FILLED and row["liquidity"] == Liquidity.MAKER:
            ahead = [one for one, place in resting.items() if place == resting[order]]
            assert sorted(ahead, key=lambda one: one in hidden)[0] == order
        leaves[order] = row["leaves_lots"]
        if event in OVER or (event == JournalEvent.FILLED and row["leaves_lots"] == 0):
            resting.pop(order, None)


def own_book_stays_uncrossed(rows: list[dict[str, int]]) -> None:
    """Where self-trades are prevented, no two resting orders of ours could trade."""
    resting: dict[int, tuple[int, int, int]] = {}
    limits: dict[int, int] = {}
    pending: int = 0  # an order that arrives may cross until the rule has been applied
    for row in rows:
        order, event = row["order_id"], row["event"]
        if order != pending or event in REQUESTS:
            _assert_apart(resting, pending)
        if event == JournalEvent.SUBMITTED:
            limits[order] = row["px_ticks"]
        elif event in MOVES and row["order_type"] not in (OrderType.MARKET, OrderType.STOP):
            px = limits[order] if event == JournalEvent.TRIGGERED else row["px_ticks"]
            waits = event == JournalEvent.ACCEPTED and row["order_type"] == OrderType.STOP_LIMIT
            if not waits and row["time_in_force"] not in (TimeInForce.IOC, TimeInForce.FOK):
                resting[order] = (row["book"], row["side"], px)
                pending = order
        if event in OVER or (event == JournalEvent.FILLED and row["leaves_lots"] == 0):
            resting.pop(order, None)
    _assert_apart(resting, 0)


def _assert_apart(resting: dict[int, tuple[int, int, int]], pending: int) -> None:
    best: dict[tuple[int, int], int] = {}
    for order, (book, side, px) in resting.items():
        if order != pending:
            best[book, side] = max(best.get((book, side), -(10**9)), side * px)
    for book in {book for book, _ in best}:
        assert best.get((book, 1), -(10**9)) + best.get((book, -1), -(10**9)) < 0


def _takers_take_what_is_shown(rows: list[dict[str, int]], books: list[list[Event]]) -> None:
    """An order that takes finds what it takes displayed at that price, at that instant.

    Requests arrive after the market events of their instant; a stop is set off among them.
    """
    taken: dict[tuple[int, int, int, int, int], int] = defaultdict(int)
    stops = set()
    for row in rows:
        if row["order_type"] in (OrderType.STOP, OrderType.STOP_LIMIT):
            stops.add(row["order_id"])
        if row["event"] == JournalEvent.FILLED and row["liquidity"] == Liquidity.TAKER:
            key = (row["book"], row["ts_ns"], -row["side"], row["px_ticks"], row["order_id"])
            taken[key] += row["qty_lots"]
    for b, events in enumerate(books):
        book, i = Book(), 0
        among: dict[tuple[int, int, int], int] = defaultdict(int)
        for (_, ts_ns, side, px, order), lots in sorted(o for o in taken.items() if o[0][0] == b):
            while i < len(events) and events[i].ts_exch_ns <= ts_ns:
                at_ns = events[i].ts_exch_ns
                for one, levels in book.levels.items():
                    for level, shown in levels.items():
                        among[at_ns, one, level] = max(among[at_ns, one, level], shown)
                book.apply(events[i])
                i += 1
            shown = book.lots(side, px)
            assert lots <= (max(shown, among[ts_ns, side, px]) if order in stops else shown)


def _makers_get_no_more_than_came(rows: list[dict[str, int]], books: list[list[Event]]) -> None:
    """Resting orders share what traded or was shown against them at that instant."""
    came: dict[tuple[int, int], int] = defaultdict(int)
    for b, events in enumerate(books):
        book = Book()
        for event in events:
            book.apply(event)
            if event.kind in TRADES:
                came[b, event.ts_exch_ns] += event.lots
            elif event.kind in SHOWS:
                came[b, event.ts_exch_ns] += book.lots(event.side, event.px)
    for row in rows:
        if row["event"] == JournalEvent.FILLED and row["liquidity"] == Liquidity.MAKER:
            came[row["book"], row["ts_ns"]] -= row["qty_lots"]
    assert min(came.values(), default=0) >= 0
