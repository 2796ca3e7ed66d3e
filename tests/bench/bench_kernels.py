"""Print what each part of the engine costs: ``python -m tests.bench.bench_kernels``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from framework.book.ladder import Ladders
from framework.core.clock import NS_PER_S
from framework.core.events import EventKind, Tape
from framework.engine import BacktestConfig, run_backtest
from framework.features import Deviation, Ema, OrderFlowImbalance, TimeEma, Vwap
from framework.replay import GoldStream, Market, hold_market
from framework.replay.market import read_market
from framework.strategy import Context, OnTimer, Strategy
from framework.venue.queue import QueueModel
from tests.bench import kernel_loops as loops
from tests.bench.comparisons import quotes
from tests.bench.strategies import QuoteBothSides, WatchBest
from tests.bench.stream import Stream
from tests.bench.workers import CHECKOUT

_LEVELS: Final = 10
_CALLS: Final = 1_000_000


class Sleep(Strategy):
    """Do nothing, once an hour."""

    wakes = (OnTimer("1h"),)

    def on_timer(self, ctx: Context) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line: what is called, how many times a run, and the run."""

    name: str
    calls: int
    run: Callable[[], object]

    def ns(self, rounds: int) -> float:
        """Nanoseconds a call, the median of some runs after one that compiles."""
        self.run()
        seconds = []
        for _ in range(rounds):
            began = time.perf_counter()
            self.run()
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds) / self.calls * 1e9


def joined(market: Market) -> Tape:
    """Put a held market's events together, each once."""
    parts: list[list[np.ndarray]] = []
    for chunk in market.chunks():
        columns = [np.asarray(column) for column in chunk.tape]
        parts.append([column[chunk.first_event :] for column in columns])
    return Tape(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def decode(streams: list[GoldStream]) -> None:
    """Decode every column a run reads, without merging."""
    for stream in streams:
        for batch in stream.batches(1 << 17):
            for column in batch.columns:
                column.to_numpy(zero_copy_only=False)


def exhaust(streams: list[GoldStream]) -> None:
    """Read and merge all events."""
    for _ in read_market(streams):
        pass


def book_parts(tape: Tape) -> Iterator[Part]:
    """Time the price ladders."""
    events = (tape.book, tape.kind, tape.side, tape.px_ticks, tape.qty_lots, tape.flags)

    def change() -> None:
        ladders = Ladders(2)  # kept by name: its handle holds addresses only
        loops.change_books(ladders.handle, *events)

    yield Part("ladder: apply one event", tape.kind.size, change)
    full = Ladders(2)
    loops.change_books(full.handle, *events)
    best = partial(loops.look_at_best, full.handle, _CALLS)
    yield Part("ladder: best price and size, both sides", _CALLS, best)
    walk = partial(loops.walk_levels, full.handle, _CALLS, _LEVELS)
    yield Part(f"ladder: walk {_LEVELS} levels", _CALLS, walk)


def venue_parts(tape: Tape) -> Iterator[Part]:
    """Time queue models, fees and latencies."""
    depth = tape.kind == EventKind.DEPTH
    now = np.ascontiguousarray(tape.qty_lots[depth])
    before = np.roll(now, 1)
    front = 0.5 * before
    for model in QueueModel:
        if model != QueueModel.L3_EXACT:
            run = partial(loops.move_queue, int(model), 3.0, front, before, now)
            yield Part(f"queue: {model.name.lower()} after a level's change", now.size, run)
    trades = tape.kind == EventKind.TRADE
    px_ticks, lots = tape.px_ticks[trades].copy(), tape.qty_lots[trades].copy()
    yield Part("fee of a fill", lots.size, partial(loops.charge, px_ticks, lots))
    yield Part("draw a log-normal latency", _CALLS, partial(loops.draw_latencies, _CALLS))


def feature_parts(tape: Tape) -> Iterator[Part]:
    """Time streaming features, each over the trades of the market."""
    trades = tape.kind == EventKind.TRADE
    ts_ns, px_ticks = tape.ts_exch_ns[trades].copy(), tape.px_ticks[trades].copy()
    lots, n = tape.qty_lots[trades].copy(), int(trades.sum())
    prices = px_ticks.astype(np.float64)
    yield Part("feature: Ema", n, lambda: Ema(20).over(prices))
    yield Part("feature: TimeEma", n, lambda: TimeEma(NS_PER_S).over(ts_ns, prices))
    yield Part("feature: Deviation", n, lambda: Deviation(NS_PER_S).over(ts_ns, prices))
    yield Part("feature: Vwap", n, lambda: Vwap().over(px_ticks, lots))
    quote = (px_ticks, lots, px_ticks + 1, lots)
    yield Part("feature: OrderFlowImbalance", n, lambda: OrderFlowImbalance().over(*quote))


def engine_parts(stream: Stream, market: Market) -> Iterator[Part]:
    """Time reading, and whole runs over the market in memory."""
    streams, rows = stream.gold(), stream.exact_rows()
    yield Part("gold: decode", rows, lambda: decode(streams))
    yield Part("gold: decode and merge", rows, lambda: exhaust(streams))
    compiled, plain = BacktestConfig(compiled=True), BacktestConfig()

    def run(strategy: Strategy, config: BacktestConfig) -> Callable[[], object]:
        return lambda: run_backtest(strategy, market, config)

    maker = QuoteBothSides(**quotes(stream)[0])
    yield Part("run: nobody wakes", rows, run(Sleep(), plain))
    yield Part("run: quotes every 100 ms, compiled", rows, run(maker, compiled))
    yield Part("run: quotes every 100 ms, Python", rows, run(maker, plain))
    yield Part("run: every best price, compiled", rows, run(WatchBest(), compiled))
    yield Part("run: every best price, Python", rows, run(WatchBest(), plain))


@click.command()
@click.option("--rows", default=2_000_000, show_default=True, help="Rows of the market.")
@click.option("--rounds", default=5, show_default=True, help="Runs of each part.")
@click.option("--only", default="", help="Parts whose name holds this text.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=CHECKOUT / "build" / "bench",
    help="Where markets are kept between runs.  [default: build/bench]",
)
def main(rows: int, rounds: int, only: str, folder: Path) -> None:
    """Time the kernels one by one, over one market."""
    folder.mkdir(parents=True, exist_ok=True)
    stream = Stream(folder, rows)
    stream.write()
    market = hold_market(stream.gold())
    tape = joined(market)
    table = Table("part", "calls", "ns a call", "M calls/s")
    for parts in (book_parts(tape), venue_parts(tape), feature_parts(tape)):
        for part in parts:
            _measure(table, part, rounds, only)
    for part in engine_parts(stream, market):
        _measure(table, part, rounds, only)
    Console().print(table)


def _measure(table: Table, part: Part, rounds: int, only: str) -> None:
    if only in part.name:
        ns = part.ns(rounds)
        table.add_row(part.name, f"{part.calls:,}", f"{ns:.2f}", f"{1e3 / ns:,.1f}")


if __name__ == "__main__":
    main()
