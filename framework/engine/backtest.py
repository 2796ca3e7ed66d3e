"""Run strategies over gold events and hand back what they would have earned."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np

from framework.book.queue_l3 import has_room
from framework.core.clock import format_ns
from framework.core.errors import (
    CrossbookError,
    DataError,
    EngineError,
    SpecError,
    StrategyError,
)
from framework.engine.books import book_records, settlement_records, tier_records
from framework.engine.compiling import compile_first
from framework.engine.config import BacktestConfig
from framework.engine.loop import advance
from framework.engine.recording import Recorder, drain
from framework.engine.result import Result
from framework.engine.shelf import ROOM_BYTES
from framework.replay.held import Market, in_order
from framework.replay.market import Chunk, read_market
from framework.replay.stream import GoldStream
from framework.strategy.base import Strategy, check_wakes, fresh_copy
from framework.strategy.compiled import compile_strategy
from framework.strategy.context import Context
from framework.venue.memory import World
from framework.venue.records import Status, WakeKind
from framework.venue.world import FOREVER, W

Progress = Callable[[int, int], None]

_SAMPLES = 2_000


class StrategyFailedError(StrategyError):
    """A strategy raised; its own traceback is the cause, and what it did so far is kept.

    Attributes
    ----------
    result
        The run up to the wake-up that failed.
    """

    def __init__(self, message: str, *, remedy: str, result: Result) -> None:
        super().__init__(message, remedy=remedy)
        self.result = result


def run_backtest(
    strategy: Strategy,
    streams: Sequence[GoldStream] | Market,
    config: BacktestConfig | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run one strategy; see `run_trials`."""
    return run_trials([strategy], streams, config, progress)[0]


def run_trials(
    strategies: Sequence[Strategy],
    streams: Sequence[GoldStream] | Market,
    config: BacktestConfig | None = None,
    progress: Progress | None = None,
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
    return _Run(strategies, streams, config, progress).results()


def _traced(
    strategy: Strategy,
    streams: Sequence[GoldStream] | Market,
    config: BacktestConfig,
    order_id: int,
) -> Result:
    """Run a strategy again and write down every move of one order in its queue."""
    return run_backtest(strategy, streams, replace(config, trace_order=order_id))


class _Run:
    """One replay and the trials it drives."""

    def __init__(
        self,
        strategies: Sequence[Strategy],
        market: Sequence[GoldStream] | Market,
        config: BacktestConfig,
        progress: Progress | None,
    ) -> None:
        self._strategies = strategies
        self._market = market
        streams = self._streams = market.streams if isinstance(market, Market) else market
        self._config = config
        self._progress = progress
        self._instruments = tuple(stream.instrument for stream in streams)
        files = [stream.files() for stream in streams]
        self._rows = sum(sum(table["rows"].to_pylist()) for table in files)
        self._first_ns = min(table["first_ns"][0].as_py() for table in files)
        self._end_ns = max(max(table["last_ns"].to_pylist()) for table in files)
        self._world = World(
            book_records(streams, config),
            len(strategies),
            slots=1 << (config.max_orders - 1).bit_length(),
            tiers=tier_records(self._instruments),
            settlements=settlement_records(self._instruments, self._first_ns, self._end_ns),
        )
        self._world.root[W.TRACE_ID] = config.trace_order
        self._contexts = [
            Context(self._world, k, self._instruments) for k in range(len(strategies))
        ]
        self._hasher = ThreadPoolExecutor(1, "crossbook-journal")
        self._recorders = [
            Recorder(
                self._instruments,
                self._hasher,
                config.trace_order,
                room_bytes=ROOM_BYTES // len(strategies),
            )
            for _ in strategies
        ]
        self._began = time.perf_counter()
        self._notes: list[np.ndarray] = []
        self._handlers = [_handlers(strategy) for strategy in self._strategies]

    def results(self) -> list[Result]:
        """Replay everything and build the results."""
        with self._hasher:
            return self._replay_all()

    def _replay_all(self) -> list[Result]:
        self._prepare()
        self._began = time.perf_counter()  # after the kernels are loaded, or compiled at first use
        with closing(self._chunks()) as chunks:  # an error ends the reading ahead as well
            for chunk in chunks:
                self._world.load(
                    chunk.tape,
                    first_event=chunk.first_event,
                    n_receivable=chunk.n_receivable,
                    horizon_ns=chunk.horizon_ns,
                    fifo=chunk.fifo,
                )
                self._world.root[W.LAST_NS] = _last_ns(chunk)
                self._replay()
                self._world.leave()
                if self._progress:
                    self._progress(int(self._world.root[W.EVENTS_DONE]), self._rows)
        self._final_sample()
        drain(self._world, self._recorders)
        return [self._result(k) for k in range(len(self._strategies))]

    def _chunks(self) -> Generator[Chunk]:
        if isinstance(self._market, Market):
            return self._market.chunks()
        return read_market(self._streams, chunk_rows=self._config.chunk_rows)

    def _prepare(self) -> None:
        root, trials = self._world.root, self._world.trials
        starts = [stream.start_ns for stream in self._streams if stream.start_ns is not None]
        ends = [stream.end_ns for stream in self._streams if stream.end_ns is not None]
        start_ns = max([self._first_ns, *([min(starts)] if starts else [])])
        end_ns = min([self._end_ns, *([max(ends)] if ends else [])])
        if end_ns < start_ns:
            raise DataError(
                f"the run must cover some events, but it ends at {format_ns(end_ns)} and begins at "
                f"{format_ns(start_ns)}",
                remedy=f"the data reaches from {format_ns(self._first_ns)} to "
                f"{format_ns(self._end_ns)}: choose start and end inside",
            )
        root[W.START_NS] = root[W.NOW_NS] = start_ns
        interval_ns = self._config.sample_interval_ns or max(1, (end_ns - start_ns) // _SAMPLES)
        root[W.SAMPLE_INTERVAL_NS] = interval_ns
        root[W.NEXT_SAMPLE_NS] = -(-start_ns // interval_ns) * interval_ns
        for k, strategy in enumerate(self._strategies):
            trials[k]["wakes"] = strategy.wake_mask()
            trials[k]["edge_ppb"] = strategy.edge_ppb()
            timer_ns = strategy.timer_ns()
            trials[k]["timer_ns"] = timer_ns
            if timer_ns:
                trials[k]["next_timer_ns"] = -(-start_ns // timer_ns) * timer_ns
            root[W.ANY_WAKES] |= strategy.wake_mask()
            root[W.WAKE_TRIAL] = k
            self._call(k, strategy.on_start, ())
            if self._config.compiled:
                self._compile(k, strategy)
            advance(self._world.root)  # with no market loaded this only posts the requests

    def _compile(self, k: int, strategy: Strategy) -> None:
        """Hand the loop a strategy's machine code and its record, as `on_start` has left it."""
        compiled = compile_strategy(type(strategy))
        notes = compiled.record(strategy)
        self._notes.append(notes)  # the world holds addresses only
        self._world.trials[k]["wake_entry"] = compiled.address
        self._world.trials[k]["notes"] = notes.ctypes.data

    def _replay(self) -> None:
        """Run the loop over the loaded chunk, waking strategies as it asks."""
        world, root = self._world, self._world.root
        wake, flush, done = int(Status.WAKE), int(Status.FLUSH), int(Status.DONE)
        while True:
            status = advance(root)
            if status == wake:
                k = int(root[W.WAKE_TRIAL])
                handler, arguments = self._handlers[k][root[W.WAKE_KIND]]
                self._call(k, handler, root[W.WAKE_A : W.WAKE_A + arguments].tolist())
            elif status == flush:
                drain(world, self._recorders)
            elif status == Status.CHECKPOINT:
                world.checkpoint()
            elif status == done:
                return
            elif status == Status.GROW:
                if has_room(world.queues.handle):
                    world.grow_ladders()
                else:
                    world.queues.grow()
            else:
                raise _limit(status)

    def _call(self, k: int, handler: Callable[..., object], arguments: Sequence[int]) -> None:
        try:
            handler(self._contexts[k], *arguments)
        except Exception as error:
            drain(self._world, self._recorders)
            at = format_ns(int(self._world.root[W.NOW_NS]))
            name = type(self._strategies[k]).__name__
            told = error if isinstance(error, CrossbookError) else CrossbookError(str(error))
            raise StrategyFailedError(
                f"{name}.{handler.__name__}({', '.join(map(str, arguments))}) raised at {at}: "
                f"{type(error).__name__}: {told.message}",
                remedy=told.remedy
                or "see the strategy's own traceback above; what it did until then is kept",
                result=self._result(k),
            ) from error

    def _final_sample(self) -> None:
        """Sample the state after the last event."""
        root = self._world.root
        root[W.NEXT_SAMPLE_NS] = root[W.LAST_NS]
        root[W.SAMPLE_INTERVAL_NS] = FOREVER // 4
        self._replay()

    def _result(self, k: int) -> Result:
        trial = self._world.trials[k]
        recorder = self._recorders[k]
        strategy = self._strategies[k]
        return Result(
            strategy=type(strategy).__name__,
            parameters=dict(strategy.parameters()),
            instruments=self._instruments,
            journal=recorder.journal(),
            journal_hash=recorder.journal_hash,
            samples=recorder.samples(),
            events=int(self._world.root[W.EVENTS_DONE]),
            seconds=time.perf_counter() - self._began,
            counters={
                "orders": int(trial["orders"]),
                "fills": int(trial["fills"]),
                "excluded_fills": int(trial["excluded"]),
                "gaps": int(self._world.venue_ladders.book["gaps"].sum()),
            },
            trace=recorder.trace(),
            again=partial(_traced, strategy, self._market, self._config),
        )


def _handlers(strategy: Strategy) -> list[tuple[Callable[..., object], int]]:
    """Handler of each kind of wake-up and how many of the wake's arguments it takes."""

    def ignore(ctx: Context) -> None:
        raise AssertionError("woken for something it did not ask for")

    table = {
        WakeKind.TIMER: ("on_timer", 0),
        WakeKind.TRADE: ("on_trade", 1),
        WakeKind.BEST: ("on_best", 1),
        WakeKind.CROSS: ("on_cross", 2),
        WakeKind.FILL: ("on_fill", 3),
        WakeKind.ORDER: ("on_order", 2),
    }
    return [(getattr(strategy, table[kind][0], ignore), table[kind][1]) for kind in WakeKind]


def _last_ns(chunk: Chunk) -> int:
    """Latest instant of the whole market where this is its last chunk, else the largest integer."""
    if chunk.horizon_ns != FOREVER:
        return FOREVER
    if chunk.tape.ts_exch_ns.size == 0:
        raise DataError(
            "a run needs events, but none of its streams has any in the period asked for",
            remedy="choose a period that crossbook tables shows to hold events",
        )
    return int(max(chunk.tape.ts_exch_ns.max(), chunk.tape.ts_recv_ns.max()))


def _limit(status: int) -> CrossbookError:
    if status == Status.MAIL_FULL:
        return EngineError(
            "a strategy has more messages on their way than the run has room for",
            remedy="raise max_orders, or lower the latency or the order rate",
        )
    if status == Status.NO_PROGRESS:
        return EngineError(
            "a strategy answers every answer at once, and without latency time never moves on",
            remedy="let it wait for the market or a timer, or give the venue a response latency",
        )
    if status == Status.REFUSED:
        return StrategyError(
            "a compiled strategy asked for what cannot be done: a book or side that does not "
            "exist, an order beyond max_orders, a replace without quantity, an alarm in the past",
            remedy="run it interpreted (compiled: false) to see which line it is",
        )
    if status == Status.ILLEGAL_STEP:
        return EngineError(
            "an order must move only as the table of order states allows, and was moved otherwise",
            remedy="this is a fault in the simulated venue: please report it with the run's spec",
        )
    if status == Status.CONSUMED_FULL:
        return EngineError(
            "a strategy has taken liquidity at more price levels than the run remembers",
            remedy="take fewer levels at once",
        )
    return EngineError(
        "price times quantity must fit 64 bits with room for fees, and no longer does",
        remedy="give the instrument a coarser lot in the catalog",
    )
