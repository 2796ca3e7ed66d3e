"""What a strategy class may declare, ask for and do wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from framework.core.errors import StrategyError
from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent
from framework.engine import StrategyFailedError, run_backtest
from framework.engine.config import BacktestConfig
from framework.strategy import OnFill, OnTimer, Strategy, param
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream

ITEM = Instrument(venue="v", symbol="XY", tick=Decimal("0.5"), lot=Decimal(1))
LAST = int(EventFlag.LAST)
EVENTS = tuple(
    Event(1_000 + ns, 1_000 + ns, 0, EventKind.DEPTH, side, LAST, 100 - side, 5)
    for ns in range(0, 101, 10)
    for side in (1, -1)
)


def _run(strategy: Strategy, **config: object):
    return run_backtest(strategy, [ListedStream(ITEM, EVENTS)], BacktestConfig(**config))


class Sized(Strategy):
    """A strategy with parameters of every type."""

    size: int = param(2, low=1, high=10)
    edge: float = param(1, low=0.0, high=2.0)
    quiet: bool = param(False)


def test_parameters_have_defaults_and_types() -> None:
    assert Sized().parameters() == {"size": 2, "edge": 1.0, "quiet": False}
    assert type(Sized().edge) is float
    assert Sized(size=3.0).parameters()["size"] == 3
    assert Sized(size=10, edge=0).parameters() == {"size": 10, "edge": 0.0, "quiet": False}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "parameter size must be at least 1, got 0"),
        ({"size": 11}, "parameter size must be at most 10, got 11"),
        ({"size": 1.5}, "parameter size must be a whole number"),
        ({"size": True}, "parameter size must be int"),
        ({"size": "2"}, "parameter size must be int"),
        ({"edge": 2.1}, "parameter edge must be at most 2.0"),
        ({"quiet": 1}, "parameter quiet must be bool"),
    ],
)
def test_a_bad_value_is_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        Sized(**values)


def test_a_misspelt_parameter_gets_the_close_one() -> None:
    with pytest.raises(StrategyError, match="has no parameter sise") as caught:
        Sized(sise=1)
    assert "did you mean size?" in str(caught.value)
    with pytest.raises(StrategyError, match="has no parameter zzz") as caught:
        Sized(zzz=1)
    assert "size, edge, quiet" in str(caught.value)


def test_a_default_must_fit_its_annotation() -> None:
    with pytest.raises(StrategyError, match=r"annotated int but defaults to 1\.5"):

        class Wrong(Strategy):
            size: int = param(1.5)


def test_a_wake_up_needs_its_handler() -> None:
    with pytest.raises(StrategyError, match="asks for OnFill but has no on_fill"):

        class Deaf(Strategy):
            wakes = (OnFill(),)


@pytest.mark.parametrize("interval", ["0s", "no such", -5])
def test_a_timer_needs_a_positive_duration(interval: str | int) -> None:
    class Ticks(Strategy):
        wakes = (OnTimer(interval),)

        def on_timer(self, ctx):
            raise NotImplementedError

    with pytest.raises(StrategyError):
        Ticks().timer_ns()


def test_an_unknown_book_lists_those_there_are() -> None:
    class Looks(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx):
            assert ctx.book("v:XY") == 0
            ctx.book("v:ZZ")

    with pytest.raises(StrategyFailedError, match="v:ZZ") as caught:
        _run(Looks())
    assert "v:XY" in str(caught.value.__cause__)


def test_the_alarm_rings_once_between_the_timers() -> None:
    heard = []

    class Sleeps(Strategy):
        wakes = (OnTimer("50ns"),)

        def on_start(self, ctx):
            ctx.wake_at(ctx.now_ns + 5)
            ctx.wake_at(ctx.now_ns + 7)  # there is one alarm: this replaces the first

        def on_timer(self, ctx):
            heard.append(ctx.now_ns - 1_000)
            if heard[-1] == 7:
                ctx.wake_at(ctx.now_ns + 43)

    _run(Sleeps())
    assert heard == [0, 7, 50, 50, 100]


def test_an_alarm_must_lie_ahead() -> None:
    class Late(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx):
            ctx.wake_at(ctx.now_ns)

    with pytest.raises(StrategyFailedError, match="alarm must be in the future"):
        _run(Late())


class Breaks(Strategy):
    """Buys at every timer and fails at the fourth."""

    wakes = (OnTimer("10ns"),)
    woken = 0

    def on_timer(self, ctx):
        self.woken += 1
        ctx.market(0, 1, 1)
        if self.woken == 4:
            raise ZeroDivisionError("made to fail")


def test_a_failing_strategy_leaves_its_traceback_and_its_journal() -> None:
    with pytest.raises(StrategyFailedError, match=r"Breaks.on_timer\(\) raised at") as caught:
        _run(Breaks())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    frames = []
    trace = caught.value.__cause__.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "on_timer"
    journal = caught.value.result.journal["event"].to_pylist()
    assert journal.count(JournalEvent.FILLED) == 3
    assert caught.value.result.summary()["fills"] == 3


def test_too_many_orders_are_refused() -> None:
    class Floods(Strategy):
        wakes = (OnTimer("10ns"),)

        def on_timer(self, ctx):
            while True:
                ctx.buy(0, 1, 90)

    with pytest.raises(StrategyFailedError, match="all 4 order slots are taken"):
        _run(Floods(), max_orders=3)


def test_on_start_and_the_handlers_share_one_instance() -> None:
    seen = []

    class Notes(Strategy):
        wakes = (OnTimer("50ns"),)

        def on_start(self, ctx):
            self.mine = [ctx.now_ns]

        def on_timer(self, ctx):
            self.mine.append(ctx.now_ns)
            seen[:] = self.mine

    given = Notes()
    _run(given)
    assert seen == [1_000, 1_000, 1_050, 1_100]
    assert not hasattr(given, "mine")  # a run works on a copy
