"""Faults found by probing other engines, each shown not to be ours on a tape worked out by hand."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, Reason
from framework.engine import BacktestConfig, Result, StrategyFailedError, run_backtest
from framework.strategy import Context, OnFill, OnOrder, OnTimer, OnTrade, Strategy, TimeInForce
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream

ITEM = Instrument(venue="v", symbol="XY", tick=Decimal("0.01"), lot=Decimal(1), asset="X")
AWAY = replace(ITEM, order_entry_ns=7, response_ns=5)
LAST = int(EventFlag.LAST)
T0 = 1_000
"""First event; wake-ups come at 10, 20, 30 … ns after it."""
Step = Callable[[Context], object]


def _row(ns: int, kind: EventKind, side: int, px: int, lots: int) -> Event:
    return Event(T0 + ns, T0 + ns, 0, kind, side, LAST, px, lots)


def _depth(ns: int, side: int, px: int, lots: int) -> Event:
    return _row(ns, EventKind.DEPTH, side, px, lots)


def _trade(ns: int, side: int, px: int, lots: int) -> Event:
    return _row(ns, EventKind.TRADE, side, px, lots)


BOOK = (_depth(0, 1, 99, 10), _depth(0, -1, 101, 10), _depth(0, -1, 102, 10))
END = _row(200, EventKind.STATUS, 0, 0, 1)


class ByHand(Strategy):
    """Takes one of `steps` a wake-up and notes every fill it is told of."""

    steps: Sequence[Step] = ()
    wakes = (OnTimer("10ns"), OnFill(), OnOrder())

    def on_start(self, ctx: Context) -> None:
        self.told.clear()
        self.place = 0

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns > T0 and self.place < len(self.steps):
            self.place += 1
            self.steps[self.place - 1](ctx)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        self.told.append((ctx.now_ns - T0, order, px_ticks, lots))

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        assert event != JournalEvent.FILLED  # fills are told by on_fill alone


def _run(
    events: Sequence[Event], *steps: Step, item: Instrument = ITEM
) -> tuple[Result, list[tuple[int, int, int, int]]]:
    """Run steps over a tape; the result, and fills as told: ns, order, price, lots."""
    own = type("ByHandOnce", (ByHand,), {"steps": steps, "told": []})
    rows = tuple(sorted([*events, END], key=lambda event: event.ts_exch_ns))
    result = run_backtest(own(), [ListedStream(item, rows)])
    return result, own.told


def _rows(result: Result, *events: JournalEvent) -> list[dict[str, int]]:
    return [row for row in result.journal.to_pylist() if row["event"] in events]


def _fills(result: Result) -> list[tuple[int, int, int, int]]:
    """Fills in the journal: ns, order, price, lots."""
    rows = _rows(result, JournalEvent.FILLED)
    return [(r["ts_ns"] - T0, r["order_id"], r["px_ticks"], r["qty_lots"]) for r in rows]


def _lots(result: Result) -> int:
    return sum(fill[3] for fill in _fills(result))


# A market order filled beyond the book it met.


@pytest.mark.parametrize("side", [1, -1])
def test_a_market_order_fills_no_further_than_the_book_it_meets(side: int) -> None:
    book = [_depth(0, -side, 100 + side * away, 10) for away in (1, 2)]
    later = [_depth(11, -side, 100 + side * 3, 50), _trade(12, side, 100 + side * 3, 50)]
    result, _ = _run([*book, *later], lambda ctx: ctx.market(0, side, 25))
    assert _fills(result) == [(10, 1, 100 + side, 10), (10, 1, 100 + side * 2, 10)]
    (end,) = _rows(result, JournalEvent.EXPIRED)
    assert (end["leaves_lots"], end["reason"]) == (5, Reason.NOT_FILLABLE)


def test_a_market_order_on_an_empty_side_fills_nothing() -> None:
    result, _ = _run([BOOK[0], _depth(11, -1, 101, 9)], lambda ctx: ctx.market(0, 1, 5))
    assert _fills(result) == []
    (end,) = _rows(result, JournalEvent.EXPIRED)
    assert (end["leaves_lots"], end["reason"]) == (5, Reason.NO_LIQUIDITY)


# A resting order not filled when the market trades through it or crosses it.

REACHES = {
    "trades through it": (EventKind.DEPTH, EventKind.TRADE, -1, -1),
    "trades at it, nobody ahead": (EventKind.DEPTH, EventKind.TRADE, -1, 0),
    "trades hidden through it": (EventKind.DEPTH, EventKind.HIDDEN_TRADE, 1, -1),
    "shows a level at it": (EventKind.DEPTH, EventKind.DEPTH, -1, 0),
    "shows a level through it": (EventKind.DEPTH, EventKind.DEPTH, -1, -1),
    "quotes at it": (EventKind.BEST, EventKind.BEST, -1, 0),
    "quotes through it": (EventKind.BEST, EventKind.BEST, -1, -1),
    "adds an order at it": (EventKind.ORDER_ADD, EventKind.ORDER_ADD, -1, 0),
    "adds an order through it": (EventKind.ORDER_ADD, EventKind.ORDER_ADD, -1, -1),
}
"""Kind of the rows that make the book, then kind, side (of ours) and ticks of what comes."""


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("how", REACHES)
def test_a_resting_order_fills_where_the_market(how: str, side: int) -> None:
    made_of, kind, its_side, ticks = REACHES[how]
    book = [_row(0, made_of, s, 100 - s, 10) for s in (side, -side)]
    reach = _row(15, kind, side * its_side, 100 + side * ticks, 5)
    result, _ = _run([*book, reach], lambda ctx: ctx.submit(0, side, 5, 100, TimeInForce.GTC))
    assert _fills(result) == [(15, 1, 100, 5)]
    assert _rows(result, JournalEvent.FILLED)[0]["liquidity"] == Liquidity.MAKER


# Immediate orders filled beyond the displayed size.


def _market(ctx: Context, lots: int) -> int:
    return ctx.market(0, 1, lots)


def _immediate(ctx: Context, lots: int) -> int:
    return ctx.submit(0, 1, lots, 101, TimeInForce.IOC)


@pytest.mark.parametrize("send", [_market, _immediate])
def test_what_is_displayed_is_handed_out_once(send: Callable[[Context, int], int]) -> None:
    events = [
        *BOOK[:2],
        _depth(25, -1, 101, 10),  # told again: nothing new
        _depth(35, -1, 101, 13),  # three more
        _depth(45, -1, 101, 4),  # all that is left may be taken already
        _depth(55, -1, 101, 0),
        _depth(56, -1, 101, 6),  # new from the first to the last
    ]
    result, _ = _run(events, *[lambda ctx: send(ctx, 8)] * 6)
    taken = {order: lots for _, order, _, lots in _fills(result)}
    assert taken == {1: 8, 2: 2, 4: 3, 6: 6}
    assert [row["order_id"] for row in _rows(result, JournalEvent.EXPIRED)] == [2, 3, 4, 5, 6]


# A delayed order matched on the book of a later event.


def test_a_delayed_order_meets_the_book_of_its_arrival() -> None:
    events = [
        *BOOK,
        _depth(16, -1, 101, 0),
        _depth(16, -1, 102, 4),
        _depth(17, -1, 103, 5),  # at the instant of arrival: the market comes first
        _depth(18, -1, 100, 50),
    ]
    result, told = _run(events, lambda ctx: ctx.market(0, 1, 20), item=AWAY)
    assert _fills(result) == [(17, 1, 102, 4), (17, 1, 103, 5)]
    assert told == [(22, 1, 102, 4), (22, 1, 103, 5)]


def test_a_delayed_order_needs_no_event_to_arrive() -> None:
    better = _depth(90, -1, 100, 50)
    result, _ = _run([*BOOK, better], lambda ctx: ctx.take(0, 1, 6, 101), item=AWAY)
    assert _fills(result) == [(17, 1, 101, 6)]


def test_a_delayed_order_rests_and_is_cancelled_on_arrival() -> None:
    trades = [_trade(ns, -1, 98, 3) for ns in (16, 18, 26, 28)]
    steps = (lambda ctx: ctx.buy(0, 20, 100), lambda ctx: ctx.cancel(1))
    result, told = _run([*BOOK, *trades], *steps, item=AWAY)
    assert _fills(result) == [(18, 1, 100, 3), (26, 1, 100, 3)]
    assert [ns for ns, *_ in told] == [23, 31]
    (end,) = _rows(result, JournalEvent.CANCELLED)
    assert (end["ts_ns"] - T0, end["leaves_lots"]) == (27, 14)


# A fill larger than the trade that caused it.


@pytest.mark.parametrize("px", [100, 99, 98])
@pytest.mark.parametrize("lots", [1, 6, 9, 30])
def test_a_trade_fills_no_more_than_itself_in_all_our_orders(px: int, lots: int) -> None:
    def rest(ctx: Context) -> None:
        for price in (100, 100, 99):
            ctx.buy(0, 4, price)

    result, _ = _run([*BOOK, _trade(15, -1, px, lots)], rest)
    behind = {100: 0, 99: max(0, min(4, lots - 8 - 10)), 98: max(0, min(4, lots - 8))}[px]
    assert _lots(result) == min(8, lots) + behind


def test_a_level_that_crosses_fills_no_more_than_it_shows() -> None:
    crossing = [_depth(15, -1, 100, 3), _depth(25, -1, 100, 5), _depth(35, -1, 100, 5)]
    result, _ = _run([*BOOK, *crossing], lambda ctx: ctx.buy(0, 20, 100))
    assert _fills(result) == [(15, 1, 100, 3), (25, 1, 100, 2)]


# A fill missing from the order's events.


@pytest.mark.parametrize("item", [ITEM, AWAY])
def test_every_fill_is_in_the_journal_and_is_told(item: Instrument) -> None:
    events = [
        *BOOK,
        _trade(38, -1, 102, 3),
        _trade(48, -1, 101, 2),
        _depth(48, -1, 102, 1),
        _trade(52, -1, 100, 6),  # while the cancel is on its way to a venue that is away
    ]
    result, told = _run(
        events,
        lambda ctx: ctx.market(0, -1, 4),
        lambda ctx: ctx.buy(0, 40, 102),  # takes two levels, the rest stands at 102
        lambda ctx: None,
        lambda ctx: ctx.replace(2, 102, 12),
        lambda ctx: ctx.cancel(2),
        item=item,
    )
    fills = _fills(result)
    delay = item.response_ns
    assert told == [(ns + delay, *what) for ns, *what in fills]
    assert len(fills) >= 5
    sold = sum(lots for _, order, _, lots in fills if order == 1)
    bought = sum(lots for _, order, _, lots in fills if order == 2)
    assert sold == 4
    (end,) = _rows(result, JournalEvent.CANCELLED)
    (replaced,) = _rows(result, JournalEvent.REPLACED)
    since = [lots for ns, order, _, lots in fills if order == 2 and T0 + ns > replaced["ts_ns"]]
    assert end["leaves_lots"] == 12 - sum(since)
    assert result.samples["position_lots"][-1] == bought - sold
    assert result.fills["quantity"].sum() == bought + sold
    assert result.counters["fills"] == len(fills) == result.fills.height


# An exception in a strategy swallowed while statistics are still returned.


class FailsOnSecondTrade(Strategy):
    wakes = (OnTrade(),)

    def on_start(self, ctx: Context) -> None:
        self.trades = 0

    def on_trade(self, ctx: Context, book: int) -> None:
        self.trades += 1
        ctx.buy(book, 10 // (2 - self.trades), 100)


def test_an_exception_stops_the_run_and_keeps_the_journal() -> None:
    trades = [_trade(ns, -1, 98, 3) for ns in (15, 25, 35)]
    stream = ListedStream(ITEM, (*BOOK, *trades, END))
    with pytest.raises(StrategyFailedError) as caught:
        run_backtest(FailsOnSecondTrade(), [stream], BacktestConfig(chunk_rows=2))
    error = caught.value
    assert error.message.startswith(
        "FailsOnSecondTrade.on_trade(0) raised at 1970-01-01T00:00:00.000001025Z: ZeroDivisionError"
    )
    assert isinstance(error.__cause__, ZeroDivisionError)
    last = traceback.extract_tb(error.__cause__.__traceback__)[-1]
    assert (last.filename, last.name) == (__file__, "on_trade")
    assert last.line == "ctx.buy(book, 10 // (2 - self.trades), 100)"
    assert error.result.events == len(BOOK) + 2  # not the third trade
    kept = _rows(error.result, *JournalEvent)
    assert [(row["ts_ns"] - T0, row["event"]) for row in kept] == [
        (15, JournalEvent.SUBMITTED),
        (15, JournalEvent.ACCEPTED),
        (25, JournalEvent.FILLED),
    ]


def test_an_exception_at_the_start_stops_the_run() -> None:
    class FailsAtOnce(FailsOnSecondTrade):
        def on_start(self, ctx: Context) -> None:
            raise KeyError("made to fail")

    with pytest.raises(StrategyFailedError, match=r"FailsAtOnce\.on_start\(\) raised at 1970") as e:
        run_backtest(FailsAtOnce(), [ListedStream(ITEM, (*BOOK, END))])
    assert isinstance(e.value.__cause__, KeyError)
    assert e.value.result.journal.num_rows == 0
