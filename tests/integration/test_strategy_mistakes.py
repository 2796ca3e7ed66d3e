"""What a quant gets wrong at first, and what is said about it."""

from __future__ import annotations

import pytest

from framework.core.errors import StrategyError
from framework.engine import StrategyFailedError, run_backtest
from framework.replay import GoldStream, open_streams
from framework.strategy import Context, OnBest, OnTimer, Strategy, param
from framework.synthetic import write_demo_market


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=2_000, seed=2)
    return open_streams(folder, "demo")


class Sleeps(Strategy):
    size: int = param(1, low=1)


class ForgetsTrades(Strategy):
    wakes = (OnTimer("1s"),)

    def on_timer(self, ctx: Context) -> None:
        """Do nothing."""

    def on_trade(self, ctx: Context, book: int) -> None:
        """Never called."""


class AsksForAnotherBook(Strategy):
    wakes = (OnBest(),)

    def on_best(self, ctx: Context, book: int) -> None:
        ctx.buy(ctx.book("gamma:XYZ"), 1, 100)


class Divides(Strategy):
    wakes = (OnBest(),)

    def on_best(self, ctx: Context, book: int) -> None:
        raise ZeroDivisionError("made to fail")


class WakesItself(Strategy):
    """Set the alarm at the start; no wake-up is listed."""

    def on_start(self, ctx: Context) -> None:
        ctx.wake_at(ctx.now_ns + 1_000_000_000)

    def on_timer(self, ctx: Context) -> None:
        ctx.market(0, 1, 1)


def test_a_strategy_that_nothing_wakes_is_refused(streams: list[GoldStream]) -> None:
    with pytest.raises(StrategyError, match="Sleeps asks for no wake-up"):
        run_backtest(Sleeps(), streams)


def test_a_handler_that_nothing_calls_is_refused(streams: list[GoldStream]) -> None:
    with pytest.raises(StrategyError, match=r"on_trade .* do not hold OnTrade") as caught:
        run_backtest(ForgetsTrades(), streams)
    assert "add OnTrade()" in caught.value.remedy


def test_an_alarm_needs_no_wake_up(streams: list[GoldStream]) -> None:
    assert run_backtest(WakesItself(), streams).summary()["orders"] == 1


def test_the_remedy_of_a_mistake_inside_a_handler_is_kept(streams: list[GoldStream]) -> None:
    with pytest.raises(StrategyFailedError, match=r"on_best\([01]\) raised at 20") as caught:
        run_backtest(AsksForAnotherBook(), streams)
    assert "no book 'gamma:XYZ'" in caught.value.message
    assert caught.value.remedy == "it has: alpha:XYZ, beta:XYZ"


def test_a_strategys_own_exception_is_the_cause(streams: list[GoldStream]) -> None:
    with pytest.raises(StrategyFailedError, match="ZeroDivisionError: made to fail") as caught:
        run_backtest(Divides(), streams)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.result.summary()["orders"] == 0


def test_a_misspelt_parameter_is_told_the_right_one() -> None:
    with pytest.raises(StrategyError, match="did you mean size"):
        Sleeps(sise=2)
