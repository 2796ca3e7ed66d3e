"""The risk room's instants by hand: what is refused, cancelled and closed, when and why."""

from __future__ import annotations

from decimal import Decimal

import pytest

from framework.core.errors import SpecError
from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Reason
from framework.engine import BacktestConfig, run_backtest, run_trials
from framework.engine.result import Result
from framework.risk import BookLimits, Protection, RiskLimits
from framework.strategy import Context, OnFill, OnOrder, OnTimer, Strategy
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream
from tests.support.by_hand import ITEM, T0, depth, run, trade

BOOK = [depth(0, 1, 100, 50), depth(0, -1, 102, 50)]


def _noted(result: Result, *events: JournalEvent) -> list[tuple[int, int, str, str]]:
    """Time after the beginning, order, event and reason of rows that have one or are asked for."""
    return [
        (row["ts_ns"] - T0, row["order_id"], JournalEvent(row["event"]).name, _name(row))
        for row in result.journal.to_pylist()
        if row["reason"] or row["event"] in events
    ]


def _name(row: dict[str, int]) -> str:
    return Reason(row["reason"]).name.removeprefix("RISK_")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (RiskLimits(max_position_lots=4), "POSITION"),
        (RiskLimits(max_net=4.0), "NET"),
        (RiskLimits(max_order_lots=4), "ORDER_SIZE"),
        (RiskLimits(max_order_notional=5 * 1.01 - 0.01), "ORDER_NOTIONAL"),
        (RiskLimits(max_notional=5 * 1.01 - 0.01), "NOTIONAL"),
        (RiskLimits(collar_bps=90.0), "COLLAR"),
        (RiskLimits(max_spread_pct=1.9), "SPREAD"),
        (RiskLimits(books={"v:XY": BookLimits(max_order_lots=4)}), "ORDER_SIZE"),
    ],
)
def test_a_limit_refuses_one_lot_more_and_lets_the_last_one_pass(limits, reason):
    """Five lots at 100, mid 101 ticks of 0.01: 5.05 in money, 99 bps from the mid, 1.98 % wide."""
    result = run(BOOK, lambda ctx: ctx.buy(0, 5, 100), risk=limits)
    assert _noted(result) == [(10, 1, "REJECTED", reason)]
    wide = RiskLimits(
        max_position_lots=5,
        max_net=5.0,
        max_order_lots=5,
        max_order_notional=5.051,
        max_notional=5.051,
        collar_bps=100.0,
        max_spread_pct=1.99,
    )
    assert _noted(run(BOOK, lambda ctx: ctx.buy(0, 5, 100), risk=wide)) == []


def test_open_orders_and_their_replaces_count_at_their_worst():
    result = run(
        BOOK,
        lambda ctx: ctx.buy(0, 3, 99),
        lambda ctx: ctx.replace(1, 98, 3),  # 3 may fill before it arrives, and 3 after
        lambda ctx: ctx.replace(1, 97, 3),
        lambda ctx: ctx.sell(0, 5, 103),
        risk=RiskLimits(max_position_lots=5),
    )
    assert _noted(result, JournalEvent.REPLACE_SENT) == [
        (20, 1, "REPLACE_REJECTED", "POSITION"),
        (30, 1, "REPLACE_REJECTED", "POSITION"),
    ]
    assert result.journal["event"].to_pylist().count(JournalEvent.ACCEPTED) == 2


def test_a_replace_frees_its_room_once_it_is_answered():
    result = run(
        BOOK,
        lambda ctx: ctx.buy(0, 3, 99),
        lambda ctx: ctx.replace(1, 98, 3),
        lambda ctx: ctx.replace(1, 97, 3),
        lambda ctx: ctx.buy(0, 4, 97),
        risk=RiskLimits(max_position_lots=6),
    )
    assert _noted(result, JournalEvent.REPLACED) == [
        (20, 1, "REPLACED", "NONE"),
        (30, 1, "REPLACED", "NONE"),
        (40, 2, "REJECTED", "POSITION"),
    ]


def test_tokens_come_at_their_rate_and_cancels_leave_in_any_case():
    """One token in 20 ns and two at once; a cancel without a token is owed."""
    result = run(
        BOOK,
        lambda ctx: [ctx.buy(0, 1, 90 + i) for i in range(3)],
        lambda ctx: ctx.cancel(1),
        lambda ctx: ctx.buy(0, 1, 95),
        lambda ctx: ctx.buy(0, 1, 95),
        lambda ctx: ctx.buy(0, 1, 95),
        risk=RiskLimits(max_messages_per_s=5e7, burst=2),
    )
    assert _noted(result, JournalEvent.CANCELLED) == [
        (10, 3, "REJECTED", "RATE"),
        (20, 1, "CANCELLED", "NONE"),  # half a token was there: half a one is owed
        (30, 4, "REJECTED", "RATE"),
        (40, 5, "REJECTED", "RATE"),
    ]


def test_a_silent_venue_is_left_once_and_joined_again_on_fresh_data():
    events = [*BOOK, depth(62, 1, 99, 5)]
    result = run(
        events,
        lambda ctx: [ctx.buy(0, 1, 99), ctx.stop(0, 1, 1, 105)],
        lambda ctx: None,
        lambda ctx: ctx.buy(0, 1, 98),  # at 30, 30 after the last message: still fresh
        lambda ctx: [ctx.buy(0, 1, 98), ctx.take(0, -1, 1, 100)],  # at 40
        lambda ctx: None,
        lambda ctx: None,
        lambda ctx: ctx.buy(0, 1, 98),  # at 70, 8 after the fresh message
        risk=RiskLimits(stale_after_ns=30),
    )
    assert _noted(result)[:7] == [
        (31, 0, "RISK_BREACH", "STALE"),
        (31, 1, "CANCEL_SENT", "STALE"),
        (31, 3, "CANCEL_SENT", "STALE"),
        (40, 4, "REJECTED", "STALE"),
        (40, 5, "REJECTED", "STALE"),
        (93, 0, "RISK_BREACH", "STALE"),
        (93, 6, "CANCEL_SENT", "STALE"),
    ]


def test_protection_cancels_pauses_and_lets_hedges_pass():
    events = [*BOOK, trade(12, -1, 100, 60), trade(14, -1, 99, 60)]
    result = run(
        events,
        lambda ctx: [ctx.buy(0, 2, 100), ctx.buy(0, 2, 99), ctx.buy(0, 2, 90), ctx.sell(0, 1, 110)],
        lambda ctx: [ctx.buy(0, 1, 90), ctx.take(0, -1, 1, 100)],
        lambda ctx: ctx.buy(0, 1, 90),
        lambda ctx: ctx.buy(0, 1, 90),
        risk=RiskLimits(protection=Protection(max_fills=2, window_ns=100, pause_ns=20)),
    )
    assert _noted(result, JournalEvent.FILLED)[:8] == [
        (12, 1, "FILLED", "NONE"),
        (14, 2, "FILLED", "NONE"),
        (14, 0, "RISK_BREACH", "PROTECTION"),
        (14, 3, "CANCEL_SENT", "PROTECTION"),
        (14, 4, "CANCEL_SENT", "PROTECTION"),
        (20, 5, "REJECTED", "PROTECTION"),
        (20, 6, "FILLED", "NONE"),
        (30, 7, "REJECTED", "PROTECTION"),
    ]


def test_lots_of_a_window_count_those_that_may_still_be_filled():
    events = [*BOOK, trade(12, -1, 99, 100)]
    result = run(
        events,
        lambda ctx: [ctx.buy(0, 3, 100), ctx.buy(0, 2, 90), ctx.sell(0, 1, 110)],
        lambda ctx: ctx.sell(0, 1, 110),  # 3 filled, 2 open
        lambda ctx: ctx.cancel(2),
        lambda ctx: ctx.sell(0, 1, 110),
        lambda ctx: None,
        lambda ctx: ctx.sell(0, 4, 110),  # at 60 the fill of 12 has left the window of 40
        risk=RiskLimits(protection=Protection(max_lots=5, window_ns=40)),
    )
    assert _noted(result, JournalEvent.FILLED) == [
        (10, 3, "REJECTED", "PROTECTION"),
        (12, 1, "FILLED", "NONE"),
        (20, 4, "REJECTED", "PROTECTION"),
    ]


@pytest.mark.parametrize("on_loss", ["cancel", "flatten"])
def test_a_loss_stops_the_strategy_for_good(on_loss: str):
    """Five lots bought at 102 and marked at 90: 0.60 lost at 35 ns, seen at the look at 42."""
    result = run(
        [*BOOK, depth(35, 1, 100, 0), depth(35, 1, 88, 9), depth(36, -1, 92, 5)],
        lambda ctx: [ctx.take(0, 1, 5, 102), ctx.buy(0, 1, 80)],
        lambda ctx: None,
        lambda ctx: None,
        lambda ctx: None,
        lambda ctx: [ctx.buy(0, 1, 88), ctx.take(0, -1, 5, 80)],
        risk=RiskLimits(max_loss=0.6, on_loss=on_loss, check_interval_ns=7),
    )
    start = T0 % 7  # looks are at whole multiples of the interval
    look = next(t for t in range(36, 60) if (t + start) % 7 == 0)
    closing = [(look + 7, 3, "SUBMITTED", "STOPPED"), (look + 7, 3, "FILLED", "NONE")]
    expected = [
        (10, 1, "SUBMITTED", "NONE"),
        (10, 1, "FILLED", "NONE"),
        (10, 2, "SUBMITTED", "NONE"),
        (look, 0, "RISK_BREACH", "LOSS"),
        (look, 2, "CANCEL_SENT", "STOPPED"),
    ]
    noted = _noted(result, JournalEvent.FILLED, JournalEvent.SUBMITTED)
    assert sorted(noted[:5]) == sorted(expected)
    position = result.samples["position_lots"][-1]
    if on_loss == "flatten":
        assert noted[5:7] == closing
        assert position == 0
    else:
        assert position == 5
    refused = [row for row in noted if row[2] == "REJECTED"]
    assert [row[3] for row in refused] == ["STOPPED", "STOPPED"]


def test_equity_of_an_inverse_contract_falls_with_its_price():
    inverse = Instrument(
        **{name: getattr(ITEM, name) for name in ("venue", "symbol", "tick", "lot", "asset")},
        contract_size=Decimal(100),
        inverse=True,
    )

    class Buys(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx: Context) -> None:
            if ctx.now_ns == T0 + 10:
                ctx.take(0, 1, 1, 102)

    events = [*BOOK, depth(35, 1, 100, 0), depth(35, 1, 49, 9), depth(36, -1, 51, 5)]
    stream = ListedStream(inverse, (*events, depth(1_000, 1, 48, 1)))
    # One contract of 100 bought at 1.02 and marked at 0.50: 100 / 0.5 - 100 / 1.02 coins are lost.
    lost = 100 / 0.5 - 100 / 1.02
    for most, stops in ((lost - 0.001, True), (lost + 0.001, False)):
        limits = RiskLimits(max_loss=most, check_interval_ns=10)
        result = run_backtest(Buys(), [stream], BacktestConfig(risk=limits))
        assert (JournalEvent.RISK_BREACH in result.journal["event"].to_pylist()) == stops


class Listens(Strategy):
    """Asks for too much, and notes what it hears."""

    heard: list[tuple[int, int]] = []  # noqa: RUF012
    wakes = (OnTimer("10ns"), OnOrder(), OnFill())

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns == T0 + 10:
            ctx.buy(0, 2, 99)
            ctx.buy(0, 9, 99)
        elif ctx.now_ns == T0 + 30:
            ctx.replace(1, 98, 9)

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        Listens.heard.append((order, event))

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        Listens.heard.append((order, lots))


def test_a_strategy_hears_of_a_refusal_and_of_what_the_venue_says_after_it():
    """The fill on its way while our own refusal is heard still counts as news."""
    slow = Instrument(
        **{name: getattr(ITEM, name) for name in ("venue", "symbol", "tick", "lot", "asset")},
        response_ns=15,
    )
    Listens.heard.clear()
    events = [*BOOK, depth(20, 1, 100, 0), trade(28, -1, 98, 1), depth(1_000, 1, 50, 1)]
    stream = ListedStream(slow, tuple(events))
    config = BacktestConfig(risk=RiskLimits(max_position_lots=5))
    result = run_backtest(Listens(), [stream], config)
    rejected, accepted = int(JournalEvent.REJECTED), int(JournalEvent.ACCEPTED)
    refused = int(JournalEvent.REPLACE_REJECTED)
    assert Listens.heard == [(2, rejected), (1, accepted), (1, refused), (1, 1)]
    assert result.counters["fills"] == 1


def test_trials_have_limits_of_their_own():
    class Buys(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx: Context) -> None:
            ctx.take(0, 1, 1, 102)

    stream = ListedStream(ITEM, (*BOOK, depth(100, 1, 50, 1)))
    limits = BacktestConfig(risk=RiskLimits(max_position_lots=3))
    results = run_trials([Buys(), Buys()], [stream], limits)
    assert [result.samples["position_lots"][-1] for result in results] == [3, 3]
    assert results[0].journal_hash == results[1].journal_hash


def test_a_cancel_that_overtook_its_order_is_sent_again():
    """It is refused; once we hear that the order stands, the cancel leaves again."""
    item = Instrument(
        **{name: getattr(ITEM, name) for name in ("venue", "symbol", "tick", "lot", "asset")},
        order_entry_ns=40,
        cancel_entry_ns=1,
    )

    class Late(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx: Context) -> None:
            if ctx.now_ns == T0 + 10:
                ctx.buy(0, 1, 99)

    events = [*BOOK, depth(1_000, 1, 50, 1)]
    config = BacktestConfig(risk=RiskLimits(stale_after_ns=30))
    result = run_backtest(Late(), [ListedStream(item, tuple(events))], config)
    told = _noted(result, JournalEvent.ACCEPTED, JournalEvent.CANCELLED)
    assert told == [
        (31, 0, "RISK_BREACH", "STALE"),
        (31, 1, "CANCEL_SENT", "STALE"),
        (32, 1, "CANCEL_REJECTED", "NO_SUCH_ORDER"),
        (50, 1, "ACCEPTED", "NONE"),
        (50, 1, "CANCEL_SENT", "STALE"),
        (51, 1, "CANCELLED", "NONE"),
    ]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: RiskLimits(max_loss=0.0), "risk.max_loss must be above 0"),
        (lambda: RiskLimits(on_loss="panic"), "on_loss must be one of cancel, flatten"),
        (lambda: Protection(), "protection needs max_fills or max_lots"),
        (lambda: Protection(max_lots=10**6), "remembers up to 100000"),
        (
            lambda: run(BOOK, risk=RiskLimits(books={"v:YX": BookLimits()})),
            "risk.books names v:YX",
        ),
    ],
)
def test_limits_that_make_no_sense_are_refused(make, told: str):
    with pytest.raises(SpecError, match=told):
        make()


def test_limits_in_money_take_one_currency():
    other = Instrument(
        venue="w", symbol="XY", tick=Decimal("0.01"), lot=Decimal(1), asset="X", currency="EUR"
    )
    events = [Event(T0, T0, b, EventKind.DEPTH, 1, int(EventFlag.LAST), 100, 1) for b in range(2)]
    streams = [ListedStream(ITEM, (events[0],)), ListedStream(other, (events[1],))]

    class Sleeps(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx: Context) -> None:
            """Do nothing."""

    with pytest.raises(SpecError, match=r"risk\.max_loss needs books of one currency"):
        run_backtest(Sleeps(), streams, BacktestConfig(risk=RiskLimits(max_loss=1.0)))
