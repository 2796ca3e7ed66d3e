"""Run strategies over gold events and hand back what they would have earned."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import groupby

from framework.core.errors import SpecError
from framework.engine.compiling import compile_first
from framework.engine.config import BacktestConfig
from framework.engine.cores import usable_cores
from framework.engine.pruning import Prune
from framework.engine.result import Result
from framework.engine.run import Run, Span
from framework.engine.stored import view_of
from framework.replay.held import Market, in_order
from framework.replay.market import Chunk, read_market
from framework.replay.stream import GoldStream
from framework.strategy.base import Strategy, check_wakes, fresh_copy

Progress = Callable[[int, int], None]


def run_backtest(
    strategy: Strategy,
    streams: Sequence[GoldStream] | Market,
    config: BacktestConfig | None = None,
    progress: Progress | None = None,
    prune: Prune | None = None,
) -> Result:
    """Run one strategy; see `run_trials`."""
    return run_trials([strategy], streams, config, progress, prune)[0]


def run_trials(
    strategies: Sequence[Strategy],
    streams: Sequence[GoldStream] | Market,
    config: BacktestConfig | None = None,
    progress: Progress | None = None,
    prune: Prune | None = None,
) -> list[Result]:
    """Replay the market once and drive every strategy through it.

    The market is shared; orders, queue positions, consumed liquidity and accounts are each
    trial's own, so a trial's result does not depend on the others.

    Parameters
    ----------
    strategies
        One a trial.
    streams
        Gold streams, in any order; a symbol may appear once per venue. Or a `Market` that holds
        them in memory, for the same results without reading.
    config
        Models and settings; the defaults where None.
    progress
        Called now and then with events done and events in all.
    prune
        Ends trials before their market does; none where None. A strategy may also end its own
        trial, with ``ctx.end_trial()``.

    Returns
    -------
    results
        One a strategy, in the order given.

    Raises
    ------
    DataError
        Where the events break a rule the replay needs.
    StrategyError
        Where nothing could ever wake a strategy, or call one of its handlers.
    StrategyFailedError
        Where a strategy raised.
    EngineError
        Where a limit was met: too many messages on their way, numbers too large.
    """
    config = config or BacktestConfig()
    # Fresh copies: a strategy's own notes from an earlier run must not leak into this one.
    strategies = [fresh_copy(strategy) for strategy in strategies]
    for strategy in strategies:
        check_wakes(strategy)
    if isinstance(streams, str | GoldStream):
        raise SpecError(
            "a backtest needs a list of streams, got one thing",
            remedy='open a table with open_streams(lake, "demo")',
        )
    if not isinstance(streams, Market) and not streams:
        raise SpecError("a backtest needs at least one stream", remedy="name a table under data")
    if not isinstance(streams, Market):
        streams = in_order(streams)
    compile_first(dict.fromkeys(map(type, strategies)) if config.compiled else ())
    return _replay(strategies, streams, config, progress, prune)


def _traced(
    strategy: Strategy,
    streams: Sequence[GoldStream] | Market,
    config: BacktestConfig,
    ended_ns: int,
    order_id: int,
) -> Result:
    """Run a strategy again and write down every move of one order in its queue."""
    # The one whole multiple of an instant within reach is the instant itself.
    prune = Prune(ended_ns, lambda trial, so_far: True) if ended_ns else None
    return run_backtest(strategy, streams, replace(config, trace_order=order_id), prune=prune)


def _replay(
    strategies: Sequence[Strategy],
    market: Sequence[GoldStream] | Market,
    config: BacktestConfig,
    progress: Progress | None,
    prune: Prune | None,
) -> list[Result]:
    """Replay the market once; groups of trials go through each chunk side by side."""
    span = Span(market.streams if isinstance(market, Market) else market)

    def again(strategy: Strategy, ended_ns: int) -> Callable[[int], Result]:
        return partial(_traced, strategy, market, config, ended_ns)

    with ThreadPoolExecutor(1, "crossbook-journal") as hasher:
        runs = [
            Run(group, first, span, config, prune, hasher, again)
            for first, group in _groups(strategies, config)
        ]
        for run in runs:
            run.prepare()
        with (
            ThreadPoolExecutor(len(runs), "crossbook-trials") as pool,
            closing(_chunks(market, config)) as chunks,  # an error ends the reading ahead as well
        ):
            for chunk in chunks:
                _step(runs, chunk, pool)
                if progress:
                    progress(runs[0].events_done, span.rows)
        return [result for run in runs for result in run.finish()]


def _groups(
    strategies: Sequence[Strategy], config: BacktestConfig
) -> list[tuple[int, Sequence[Strategy]]]:
    """Cut the trials into one group a thread, each with the number of its first trial.

    Trials of one group read the market in one way: those that read the store share one.
    """
    threads = config.threads or usable_cores()
    # Interpreted strategies take turns anyway: one interpreter runs one thread at a time.
    n = min(threads, len(strategies)) if config.compiled else 1
    ends = [len(strategies) * (i + 1) // n for i in range(n)]
    groups: list[tuple[int, Sequence[Strategy]]] = []
    for first, end in zip([0, *ends[:-1]], ends, strict=True):
        for _, same in groupby(strategies[first:end], lambda strategy: view_of(strategy, config)):
            group = list(same)
            groups.append((first, group))
            first += len(group)
    return groups


def _step(runs: Sequence[Run], chunk: Chunk, pool: ThreadPoolExecutor) -> None:
    if len(runs) == 1:
        runs[0].step(chunk)
        return
    for done in [pool.submit(run.step, chunk) for run in runs]:
        done.result()


def _chunks(market: Sequence[GoldStream] | Market, config: BacktestConfig) -> Generator[Chunk]:
    if isinstance(market, Market):
        return market.chunks()
    return read_market(market, chunk_rows=config.chunk_rows)
