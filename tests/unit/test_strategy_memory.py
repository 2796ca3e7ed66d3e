"""Arrays and features of a strategy class: fresh for each run, the same in both modes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from framework._jit import kernel
from framework.core.errors import SpecError, StrategyError
from framework.core.events import I64Array
from framework.engine.backtest import run_trials
from framework.engine.config import BacktestConfig
from framework.features import (
    Deviation,
    Ema,
    Feature,
    OrderFlowImbalance,
    RecoverySpeed,
    TimeEma,
    Vwap,
    Vwma,
    imbalance,
    sweep_bps,
)
from framework.replay import GoldStream, open_streams
from framework.strategy import (
    Context,
    OnBest,
    OnTimer,
    OnTrade,
    Strategy,
    memory,
    param,
    per_book,
)
from framework.strategy.compiled import compile_strategy
from framework.synthetic import write_demo_market


@kernel
def longest_update(state: I64Array, length: int) -> int:
    """Keep the longest."""
    state[0] = max(state[0], length)
    return state[0]


class Longest(Feature):
    """A feature of one's own."""

    kernels = {"update": longest_update}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(1)

    def update(self, length: int) -> int:
        """Keep the longest."""
        return int(longest_update(self.state, length))


class Averages(Strategy):
    """A base class with memory of its own."""

    tau_ns: int = param(100_000_000, low=1)
    n: int = param(8, low=1)
    volatility = per_book(Deviation("tau_ns"))
    slow = Deviation(tau_ns="1s")
    by_event = per_book(Ema(5))
    by_time = TimeEma(tau_ns)
    vwma = per_book(Vwma("n"))
    vwap = Vwap()


class Everything(Averages):
    """Uses every kind of memory, and trades on what it holds."""

    flow = per_book(OrderFlowImbalance())
    recovery = RecoverySpeed("1s", 0.5, 0.9)
    longest = Longest()
    recent = memory("n")
    counts = memory(16, int)
    last = per_book(0.0)
    seen = per_book(0)
    table = per_book(memory("n", first=1.0))
    bid_ticks = memory(5, int)
    bid_lots = memory(5, int)
    ask_ticks = memory(5, int)
    ask_lots = memory(5, int)
    wakes = (OnBest(), OnTrade())

    def on_start(self, ctx: Context) -> None:
        """Fill a place: what is done here counts in both modes."""
        self.counts[3] = 7

    def on_trade(self, ctx: Context, book: int) -> None:
        """Average trades."""
        self.vwma[book].update(ctx.trade_px_ticks(book), ctx.trade_lots(book))
        self.vwap.update(ctx.trade_px_ticks(book), ctx.trade_lots(book))

    def on_best(self, ctx: Context, book: int) -> None:
        """Bring all up to date; trade by a sum over it."""
        if not ctx.has_quote(book):
            return
        mid = (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2
        now_ns = ctx.now_ns
        total = self.volatility[book].update(now_ns, mid) + self.slow.update(now_ns, mid)
        total += self.by_event[book].update(mid) - self.by_time.update(now_ns, mid)
        self.flow[book].update(
            ctx.bid_ticks(book), ctx.bid_lots(book), ctx.ask_ticks(book), ctx.ask_lots(book)
        )
        speed = self.recovery.update(now_ns, ctx.bid_lots(book))
        total += self.longest.update(ctx.bid_lots(book))
        place = self.seen[book] % len(self.recent)
        self.recent[place] = mid - self.last[book]
        self.table[book, place] += mid
        self.table[book][-1] += 1.0
        self.seen[book] += 1
        self.last[book] = mid
        self.counts[-1] += self.counts[3]
        for i in range(len(self.recent)):
            total += self.recent[i] + self.table[book, i]
        ctx.levels(book, 1, self.bid_ticks, self.bid_lots)
        ctx.levels(book, -1, self.ask_ticks, self.ask_lots)
        total += imbalance(self.bid_lots, self.ask_lots, 5)
        total += sweep_bps(self.ask_ticks, self.ask_lots, mid, 1)
        total += self.flow[book].total + self.slow.value + self.by_event[book].value
        if not math.isnan(self.vwma[book].value) and not math.isnan(speed):
            total += self.vwma[book].value + self.vwap.value + self.recovery.value
        if self.seen[book] % 50 == 0:
            lots = 1 + abs(int(total * 1000.0)) % 97
            ctx.take(book, 1 if lots % 2 else -1, lots, ctx.bid_ticks(book))


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    lake = tmp_path_factory.mktemp("lake")
    write_demo_market(lake, rows=20_000, seed=3)
    return open_streams(lake, "demo")


TRIALS = [Everything(), Everything(n=3), Everything(tau_ns=5_000_000)]


def test_memory_is_the_same_in_both_modes_alone_and_among_trials(streams: list[GoldStream]):
    interpreted = [run_trials([trial], streams)[0] for trial in TRIALS]
    hashes = [result.journal_hash for result in interpreted]
    assert len(set(hashes)) == 3
    assert all(result.counters["fills"] > 10 for result in interpreted)
    compiled = BacktestConfig(compiled=True)
    for _ in range(2):  # fresh in every run
        results = run_trials(TRIALS, streams, compiled)
        assert [result.journal_hash for result in results] == hashes


def test_every_instance_has_its_own_memory():
    one, other = Everything(), Everything(n=3)
    one.slow.update(0, 0.0)
    one.slow.update(10, 5.0)
    one.slow.update(20, 5.0)
    one.recent[0] = 4.0
    assert one.slow.value > 0.0
    assert (other.slow.value, other.recent[0], len(other.recent)) == (0.0, 0.0, 3)
    one.make_memory(2)
    assert (one.slow.value, len(one.volatility), one.table.shape) == (0.0, 2, (2, 8))


def test_a_parameter_sets_a_feature():
    one, other = Everything(tau_ns=10), Everything(tau_ns=1_000_000)
    for strategy in (one, other):
        strategy.by_time.update(0, 0.0)
        strategy.by_time.update(0, 1.0)
        strategy.by_time.update(1_000, 1.0)
    assert one.by_time.value == pytest.approx(1.0)
    assert other.by_time.value == pytest.approx(0.001, rel=1e-3)


def test_a_feature_named_after_nothing_is_refused():
    with pytest.raises(StrategyError, match="names the parameter 'tua_ns'") as caught:
        type("Wrong", (Averages,), {"other": Deviation("tua_ns")})
    assert "did you mean tau_ns" in caught.value.remedy
    with pytest.raises(SpecError, match="stands for a parameter"):
        Deviation("soon").update(0, 1.0)
    with pytest.raises(StrategyError, match="other cannot be made: span must be above 0"):
        type("Wrong", (Averages,), {"rate": param(0.0), "other": Ema("rate")})()
    with pytest.raises(StrategyError, match="must hold a number"):
        type("Wrong", (Averages,), {"other": per_book("3")})
    with pytest.raises(StrategyError, match="room for one number"):
        type("Wrong", (Averages,), {"other": memory(0)})()


_BAD = {
    "self.recent = self.recent": ("give recent another value", "change what it holds"),
    "self.recent[1:3] = 1.0": ("assign to a slice of recent", "write the loop out"),
    "self.recent[0, 1] = 1.0": ("give recent so many indices", "one for each"),
    "x = self.slow": ("use the feature slow as a value", "update, value"),
    "self.slow[0].update(0, 1.0)": ("reach slow like this", "self.slow.update"),
    "self.volatility.update(0, 1.0)": ("reach volatility", "self.volatility[book].update"),
    "self.slow.over(0, 1.0)": ("use slow.over", "it has update, value"),
    "x = self.slow.value()": ("reach slow.value like this", "write self.slow.value"),
    "x = len(self.slow)": ("take the length of slow", "has none"),
    "x = self.table": ("use table as a whole", "self.table[book]"),
}


@pytest.mark.parametrize("body", _BAD)
def test_what_memory_cannot_do_compiled_names_the_line(body: str, tmp_path: Path):
    found, remedy = _BAD[body]
    file = tmp_path / "mine.py"
    file.write_text(
        "from framework.features import Deviation\n"
        "from framework.strategy import OnTimer, Strategy, memory, per_book\n"
        "class Mine(Strategy):\n"
        "    recent = memory(8)\n"
        "    slow = Deviation('1s')\n"
        "    volatility = per_book(Deviation())\n"
        "    table = per_book(memory(3))\n"
        "    wakes = (OnTimer('1s'),)\n"
        "    def on_timer(self, ctx):\n"
        f"        {body}\n"
    )
    space: dict[str, type[Strategy]] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    with pytest.raises(StrategyError) as caught:
        compile_strategy(space["Mine"])
    assert found in caught.value.message
    assert remedy in caught.value.remedy
    assert "line 10" in caught.value.message


class Outside(Strategy):
    """Writes past the end of its memory."""

    place: int = param(8)
    recent = memory(8)
    wakes = (OnTimer("1ms"),)

    def on_timer(self, ctx: Context) -> None:
        """Write."""
        self.recent[self.place] = 1.0


@pytest.mark.parametrize("place", [8, -9])
def test_a_place_outside_memory_stops_a_compiled_run(place: int, streams: list[GoldStream]):
    with pytest.raises(StrategyError, match="a place outside its memory"):
        run_trials([Outside(place=place)], streams, BacktestConfig(compiled=True))


class Rebinds(Strategy):
    """Puts another array in the place of its memory."""

    recent = memory(8)
    wakes = (OnTimer("1ms"),)

    def on_start(self, ctx: Context) -> None:
        """Lose the memory."""
        self.recent = self.recent + 1.0

    def on_timer(self, ctx: Context) -> None:
        """Look."""
        self.recent[0] += 1.0


def test_memory_given_another_value_is_refused_compiled(streams: list[GoldStream]):
    with pytest.raises(StrategyError, match="must stay the same object"):
        run_trials([Rebinds()], streams, BacktestConfig(compiled=True))
