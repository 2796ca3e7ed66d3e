"""What a quant gets wrong at first, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from framework.core.errors import SpecError, StrategyError
from framework.engine import StrategyFailedError, run_backtest
from framework.replay import GoldStream, open_streams
from framework.strategy import NO_PRICE, Context, OnBest, OnTimer, Strategy, param
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


def _on_best(body: Callable[[Context], object]) -> Strategy:
    class OnEveryBest(Strategy):
        wakes = (OnBest(),)

        def on_best(self, ctx: Context, book: int) -> None:
            body(ctx)

    return OnEveryBest()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda ctx: ctx.buy(0, 1.5, 100), "quantity in lots must be a whole number, got 1.5"),
        (lambda ctx: ctx.buy(0, 1, 100.25), "price in ticks must be a whole number, got 100.25"),
        (lambda ctx: ctx.sell(0, 1, NO_PRICE + 50), "comes from NO_PRICE"),
        (lambda ctx: ctx.buy("alpha:XYZ", 1, 100), "got book 'alpha:XYZ', side 1"),
        (lambda ctx: ctx.replace(ctx.buy(0, 1, 100), 99.5, 1), "got 99.5"),
        (lambda ctx: ctx.replace(ctx.buy(0, 1, 100), NO_PRICE, 1), "comes from NO_PRICE"),
    ],
)
def test_an_order_that_is_none_is_explained(
    streams: list[GoldStream], body: Callable[[Context], object], words: str
) -> None:
    with pytest.raises(StrategyFailedError) as caught:
        run_backtest(_on_best(body), streams)
    assert words in caught.value.message
    assert "traceback above" not in caught.value.remedy


def test_whole_numbers_of_numpy_are_taken(streams: list[GoldStream]) -> None:
    strategy = _on_best(lambda ctx: ctx.n_orders == 0 and ctx.buy(0, np.int64(1), np.int32(100)))
    assert run_backtest(strategy, streams).summary()["orders"] == 1


def test_wakes_must_be_a_tuple_with_one_of_each() -> None:
    def on_timer(self: Strategy, ctx: Context) -> None:
        """Do nothing."""

    with pytest.raises(StrategyError, match="ends with a comma"):
        type("NoComma", (Strategy,), {"wakes": OnTimer("1s"), "on_timer": on_timer})
    twice = (OnTimer("1s"), OnTimer("2s"))
    with pytest.raises(StrategyError, match="may hold one OnTimer, got 2"):
        type("Twice", (Strategy,), {"wakes": twice, "on_timer": on_timer})


class NeedsMore(WakesItself):
    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more


def test_what_is_not_made_from_parameters_is_refused(streams: list[GoldStream]) -> None:
    with pytest.raises(StrategyError, match="NeedsMore must be made from its parameters alone"):
        run_backtest(NeedsMore(3), streams)
    with pytest.raises(StrategyError, match="needs instances of Strategy"):
        run_backtest(WakesItself, streams)
    with pytest.raises(SpecError, match="needs a list of streams"):
        run_backtest(WakesItself(), streams[0])


def test_an_interrupt_is_passed_on(streams: list[GoldStream]) -> None:
    class Interrupted(Strategy):
        wakes = (OnBest(),)

        def on_best(self, ctx: Context, book: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_backtest(Interrupted(), streams)
