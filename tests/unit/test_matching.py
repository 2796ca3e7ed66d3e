"""What fills and what cannot, in small tapes whose outcome can be worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from framework.core.errors import EngineError
from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, Reason, TimeInForce
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.strategy import OnTimer, Strategy
from framework.venue.fees import fee_micro, notional
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream

ITEM = Instrument(venue="v", symbol="XY", tick=Decimal("0.01"), lot=Decimal(1), asset="X")
LAST, SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
T0 = 1_000
MAKER, TAKER = int(Liquidity.MAKER), int(Liquidity.TAKER)


def _at(ns: int, kind: EventKind, side: int, px: int, lots: int, flags: int = LAST) -> Event:
    return Event(T0 + ns, T0 + ns, 0, kind, side, flags, px, lots)


def _depth(ns: int, side: int, px: int, lots: int, flags: int = LAST) -> Event:
    return _at(ns, EventKind.DEPTH, side, px, lots, flags)


def _trade(ns: int, side: int, px: int, lots: int) -> Event:
    return _at(ns, EventKind.TRADE, side, px, lots)


BOOK = [_depth(0, 1, 99, 10), _depth(0, -1, 101, 10), _depth(0, -1, 102, 10)]
END = _depth(100, 1, 50, 1)


def _run(events: list[Event], *wakes, item: Instrument = ITEM, **config: object) -> Result:
    """Run `wakes`, functions of the context, at 10, 20, 30 … ns."""

    class ByHand(Strategy):
        wakes = (OnTimer("10ns"),)
        place = 0

        def on_timer(self, ctx):
            if ctx.now_ns > T0 and self.place < len(todo):
                todo[self.place](ctx)
                self.place += 1

    todo = wakes
    stream = ListedStream(item, (*events, END))
    return run_backtest(ByHand(), [stream], BacktestConfig(**config))


def _fills(result: Result) -> list[tuple[int, int, int, int]]:
    rows = result.journal.to_pylist()
    return [
        (row["order_id"], row["px_ticks"], row["qty_lots"], row["liquidity"])
        for row in rows
        if row["event"] == JournalEvent.FILLED
    ]


def _events(result: Result, order: int = 1) -> list[tuple[int, int]]:
    rows = result.journal.to_pylist()
    return [(row["event"], row["reason"]) for row in rows if row["order_id"] == order]


def test_a_trade_through_the_price_fills_no_more_than_it_is() -> None:
    result = _run([*BOOK, _trade(15, -1, 98, 4)], lambda ctx: ctx.buy(0, 7, 99))
    assert _fills(result) == [(1, 99, 4, MAKER)]


def test_a_trade_at_the_price_fills_what_outlasts_the_queue() -> None:
    result = _run([*BOOK, _trade(15, -1, 99, 13)], lambda ctx: ctx.buy(0, 7, 99))
    assert _fills(result) == [(1, 99, 3, MAKER)]


def test_a_trade_on_the_other_side_fills_nothing() -> None:
    result = _run([*BOOK, _trade(15, 1, 99, 50)], lambda ctx: ctx.buy(0, 7, 99))
    assert _fills(result) == []


def test_an_order_split_in_three_gets_no_more_than_the_order_whole() -> None:
    def split(ctx):
        for _ in range(3):
            ctx.buy(0, 5, 99)

    result = _run([*BOOK, _trade(15, -1, 99, 17)], split)
    assert _fills(result) == [(1, 99, 5, MAKER), (2, 99, 2, MAKER)]


def test_the_same_lots_are_not_given_to_a_better_and_to_a_worse_order() -> None:
    def both(ctx):
        ctx.buy(0, 5, 100)
        ctx.buy(0, 5, 99)

    result = _run([*BOOK, _trade(15, -1, 99, 12)], both)
    assert _fills(result) == [(1, 100, 5, MAKER)]


def test_a_later_order_waits_behind_our_own_when_the_level_is_out_of_view() -> None:
    events = [
        *BOOK,
        _at(15, EventKind.CLEAR, 0, 0, 0, SNAPSHOT),
        _depth(15, -1, 101, 5, SNAPSHOT | LAST),
        _trade(25, -1, 99, 4),
    ]
    result = _run(events, lambda ctx: ctx.buy(0, 7, 99), lambda ctx: ctx.buy(0, 7, 99))
    assert _fills(result) == []  # ten were ahead of the first, and the second stands behind it


def test_the_other_side_arriving_at_the_price_fills_its_size() -> None:
    result = _run([*BOOK, _depth(15, -1, 100, 3)], lambda ctx: ctx.buy(0, 7, 100))
    assert _fills(result) == [(1, 100, 3, MAKER)]


def test_a_level_taken_is_not_handed_out_twice() -> None:
    def take(ctx):
        ctx.take(0, 1, 8, 101)

    result = _run(BOOK, take, take, take)
    assert _fills(result) == [(1, 101, 8, TAKER), (2, 101, 2, TAKER)]


def test_a_market_order_walks_the_book_and_the_rest_expires() -> None:
    result = _run(BOOK, lambda ctx: ctx.market(0, 1, 25))
    assert _fills(result) == [(1, 101, 10, TAKER), (1, 102, 10, TAKER)]
    assert _events(result)[-1] == (JournalEvent.EXPIRED, Reason.NOT_FILLABLE)


@pytest.mark.parametrize(
    ("tif", "lots", "filled", "last"),
    [
        (TimeInForce.FOK, 11, 0, (JournalEvent.EXPIRED, Reason.NOT_FILLABLE)),
        (TimeInForce.FOK, 10, 10, (JournalEvent.FILLED, Reason.NONE)),
        (TimeInForce.IOC, 11, 10, (JournalEvent.EXPIRED, Reason.NOT_FILLABLE)),
        (TimeInForce.POST_ONLY, 1, 0, (JournalEvent.REJECTED, Reason.WOULD_TAKE)),
        (TimeInForce.GTC, 11, 10, (JournalEvent.FILLED, Reason.NONE)),
        (TimeInForce.GTC, 0, 0, (JournalEvent.REJECTED, Reason.BAD_QUANTITY)),
    ],
)
def test_lifetimes(tif: TimeInForce, lots: int, filled: int, last: tuple[int, int]) -> None:
    result = _run(BOOK, lambda ctx: ctx.submit(0, 1, lots, 101, tif))
    assert sum(fill[2] for fill in _fills(result)) == filled
    assert _events(result)[-1] == last


def test_a_gap_excludes_fills_until_the_snapshot_has_ended() -> None:
    events = [*BOOK, _at(15, EventKind.GAP, 0, 0, 0), _trade(16, -1, 98, 4)]
    result = _run(events, lambda ctx: ctx.buy(0, 7, 99), lambda ctx: ctx.buy(0, 7, 99))
    excluded = (JournalEvent.FILL_EXCLUDED, Reason.BOOK_INVALID)
    assert _events(result)[-2:] == [excluded, (JournalEvent.CANCELLED, Reason.BOOK_INVALID)]
    assert _events(result, 2)[-1] == (JournalEvent.REJECTED, Reason.BOOK_INVALID)
    assert result.summary()["excluded_fills"] == 1


def test_a_snapshot_of_a_sound_book_fills_what_it_crosses() -> None:
    events = [
        *BOOK,
        _at(15, EventKind.CLEAR, 0, 0, 0, SNAPSHOT),
        _depth(15, -1, 100, 3, SNAPSHOT),
        _depth(15, 1, 98, 3, SNAPSHOT | LAST),
    ]
    result = _run(events, lambda ctx: ctx.buy(0, 7, 100))
    assert _fills(result) == [(1, 100, 3, MAKER)]


def test_a_venue_without_partial_fills_replaces_all_or_nothing() -> None:
    result = _run(
        BOOK,
        lambda ctx: ctx.buy(0, 12, 100),
        lambda ctx: ctx.replace(1, 101, 12),
        lambda ctx: ctx.replace(1, 102, 12),
        exchange_model="no_partial_fills",
    )
    assert _fills(result) == [(1, 101, 10, TAKER), (1, 102, 2, TAKER)]


def test_a_replace_keeps_its_place_only_at_the_price_and_not_larger() -> None:
    def run(lots: int) -> list[tuple[int, int, int, int]]:
        events = [*BOOK, _depth(15, 1, 99, 20), _trade(25, -1, 99, 13)]
        return _fills(_run(events, lambda ctx: ctx.buy(0, 7, 99), lambda c: c.replace(1, 99, lots)))

    assert run(5) == [(1, 99, 3, MAKER)]
    assert run(8) == []


def test_an_order_can_be_cancelled_in_the_wake_up_that_sent_it() -> None:
    def step(ctx):
        order = ctx.buy(0, 1, 90)
        assert ctx.n_orders == 1
        assert (ctx.order_side(order), ctx.order_px_ticks(order)) == (1, 90)
        ctx.cancel(order)
        ctx.cancel(order)

    result = _run(BOOK, *[step] * 6, max_orders=2)  # order slots are used again and again
    assert result.summary()["orders"] == 6
    for order in (row["order_id"] for row in result.journal.to_pylist()):
        events = [event for event, _ in _events(result, order)]
        assert events.count(JournalEvent.CANCEL_SENT) == 1
        assert events[-1] == JournalEvent.CANCELLED


def test_inverse_cash_and_fees_are_exact() -> None:
    # 3 contracts of 100 at 50,000.0: 0.006 coins, in units of 1e-10
    assert notional(10**13, 500_000, 3) == 60_000_000
    assert fee_micro(60_000_000, 500_000) == 30_000_000_000  # 5 bps of it, in millionths
    assert fee_micro(-3, 500) == -2  # 1.5 rounds away from zero
    assert fee_micro(3, -500) == -2
    # ten coins at 100,000.00 in lots of 1e-5: value times rate alone would pass int64
    assert fee_micro(10**13, 1_000_000) == 10**16


def test_numbers_too_large_for_the_account_stop_the_run() -> None:
    huge = [_depth(0, 1, 99, 10), _depth(0, -1, 10**12, 10**9)]
    with pytest.raises(EngineError, match="must fit 64 bits"):
        _run(huge, lambda ctx: ctx.market(0, 1, 10**9))


def test_a_walk_through_more_levels_than_the_mail_holds_stops_the_run() -> None:
    book = [_depth(0, -1, 101 + i, 1) for i in range(3_000)]
    with pytest.raises(EngineError, match=r"must|more"):
        _run([*BOOK, *book], lambda ctx: ctx.market(0, 1, 10_000), max_orders=2)
