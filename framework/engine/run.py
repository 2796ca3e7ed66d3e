"""One replay and the trials that share its world."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from framework.book.queue_l3 import has_room
from framework.core.clock import format_ns
from framework.core.errors import CrossbookError, DataError, EngineError, StrategyError
from framework.core.instrument import Instrument
from framework.core.orders import Journal
from framework.engine.books import book_records, settlement_records, tier_records
from framework.engine.config import BacktestConfig
from framework.engine.loop import advance
from framework.engine.pruning import Prune
from framework.engine.recording import Recorder, drain
from framework.engine.result import Result
from framework.engine.shelf import ROOM_BYTES
from framework.engine.signals import SignalFeed
from framework.engine.stored import make_store
from framework.engine.waking import Failure, Waker
from framework.replay.market import Chunk
from framework.replay.stream import GoldStream
from framework.risk.room import RiskRoom
from framework.strategy.base import Strategy
from framework.strategy.compiled import CompiledStrategy, compile_strategy
from framework.strategy.context import Context
from framework.venue.memory import World
from framework.venue.records import Status
from framework.venue.world import FOREVER, W

Again = Callable[[Strategy, int], Callable[[int], Result]]
"""Given a strategy and when its trial ended early (0: not), what runs it again tracing an order."""

_SAMPLES = 2_000


@dataclass(frozen=True)
class Span:
    """What a run covers: its streams in order, how many rows, from when to when."""

    streams: Sequence[GoldStream]

    @cached_property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments of the streams."""
        return tuple(stream.instrument for stream in self.streams)

    @cached_property
    def _files(self) -> pa.Table:
        """The files of all streams; listing them opens the table's log, so it is done once."""
        return pa.concat_tables([stream.files() for stream in self.streams])

    @cached_property
    def rows(self) -> int:
        """Events in all."""
        return int(pc.sum(self._files["rows"]).as_py())

    @cached_property
    def first_ns(self) -> int:
        """Instant of the first event."""
        return int(pc.min(self._files["first_ns"]).as_py())

    @cached_property
    def last_ns(self) -> int:
        """Instant of the last event at its venue."""
        return int(pc.max(self._files["last_ns"]).as_py())

    def awake(self) -> tuple[int, int]:
        """Give the first and the last instant at which strategies are awake.

        Raises
        ------
        DataError
            Where there is none.
        """
        starts = [stream.start_ns for stream in self.streams if stream.start_ns is not None]
        ends = [stream.end_ns for stream in self.streams if stream.end_ns is not None]
        start_ns = max([self.first_ns, *([min(starts)] if starts else [])])
        end_ns = min([self.last_ns, *([max(ends)] if ends else [])])
        if end_ns < start_ns:
            raise DataError(
                f"the run must cover some events, but it ends at {format_ns(end_ns)} and begins at "
                f"{format_ns(start_ns)}",
                remedy=f"the data reaches from {format_ns(self.first_ns)} to "
                f"{format_ns(self.last_ns)}: choose start and end inside",
            )
        return start_ns, end_ns


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


class Run:
    """A world and the trials it drives through the market, chunk by chunk.

    Parameters
    ----------
    strategies
        One a trial; the first of them is number ``first_trial`` of the whole run.
    span
        What the run covers.
    config, prune
        As in `run_trials`.
    hasher
        Hashes journals while the replay goes on.
    again
        What a result runs again with.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        first_trial: int,
        span: Span,
        config: BacktestConfig,
        prune: Prune | None,
        hasher: ThreadPoolExecutor,
        again: Again,
    ) -> None:
        self._strategies = strategies
        self._first_trial = first_trial
        self._span = span
        self._config = config
        self._prune = prune
        self._again = again
        self._world = World(
            book_records(span.streams, config),
            len(strategies),
            slots=1 << (config.max_orders - 1).bit_length(),
            tiers=tier_records(span.instruments),
            settlements=settlement_records(span.instruments, span.first_ns, span.last_ns),
            store=make_store(strategies, span.instruments, config),
        )
        self._world.root[W.TRACE_ID] = config.trace_order
        self._room = _risk_room(config, span.instruments, self._world)
        # A traced order tells its whole life beside whatever journal is kept.
        self._world.root[W.KEPT_EVENTS] = Journal.ALL if config.trace_order else config.kept_events
        self._signals = SignalFeed(config.signals, self._world)
        self._contexts = [
            Context(self._world, k, span.instruments, config.signals)
            for k in range(len(strategies))
        ]
        room_bytes = ROOM_BYTES // len(strategies)
        self._recorders = [
            Recorder(
                span.instruments,
                hasher,
                kept=config.kept_events,
                trace_order=config.trace_order,
                room_bytes=room_bytes,
            )
            for _ in strategies
        ]
        self._began = time.perf_counter()
        self._notes: list[np.ndarray] = []
        self._compiled: dict[type[Strategy], CompiledStrategy] = {}
        self._wakers = [
            Waker(strategy, ctx, self._world.root)
            for strategy, ctx in zip(strategies, self._contexts, strict=True)
        ]

    @property
    def events_done(self) -> int:
        """Market events that have happened so far."""
        return int(self._world.root[W.EVENTS_DONE])

    def step(self, chunk: Chunk) -> None:
        """Go on through one more chunk of the market."""
        self._world.load(
            chunk.tape,
            first_event=chunk.first_event,
            n_receivable=chunk.n_receivable,
            horizon_ns=chunk.horizon_ns,
            fifo=chunk.fifo,
        )
        self._world.root[W.LAST_NS] = last_ns = _last_ns(chunk)
        self._signals.bring(min(chunk.horizon_ns, last_ns))
        self._replay()
        self._world.leave()

    def finish(self) -> list[Result]:
        """Sample the state after the last event and build the results."""
        root = self._world.root
        root[W.NEXT_SAMPLE_NS] = root[W.LAST_NS]
        root[W.SAMPLE_INTERVAL_NS] = FOREVER // 4
        root[W.NEXT_PAUSE_NS] = FOREVER
        self._replay()
        drain(self._world, self._recorders)
        return [self._result(k) for k in range(len(self._strategies))]

    def prepare(self) -> None:
        """Start the strategies, and compile them where they are to be."""
        root, trials = self._world.root, self._world.trials
        start_ns, end_ns = self._span.awake()
        root[W.START_NS] = root[W.NOW_NS] = start_ns
        interval_ns = self._config.sample_interval_ns or max(1, (end_ns - start_ns) // _SAMPLES)
        root[W.SAMPLE_INTERVAL_NS] = interval_ns
        root[W.NEXT_SAMPLE_NS] = -(-start_ns // interval_ns) * interval_ns
        self._signals.start(start_ns)
        if self._prune:
            every_ns = self._prune.interval_ns
            root[W.NEXT_PAUSE_NS] = (start_ns // every_ns + 1) * every_ns
        for k, strategy in enumerate(self._strategies):
            trials[k]["wakes"] = strategy.wake_mask()
            trials[k]["edge_ppb"] = strategy.edge_ppb()
            trials[k]["wall_lots"] = strategy.wall_lots()
            trials[k]["refills"] = strategy.refills()
            timer_ns = strategy.timer_ns()
            trials[k]["timer_ns"] = timer_ns
            if timer_ns:
                trials[k]["next_timer_ns"] = -(-start_ns // timer_ns) * timer_ns
            root[W.ANY_WAKES] |= strategy.wake_mask()
            root[W.WAKE_TRIAL] = k
            root[W.VIEW] = self._world.view(k).ctypes.data
            strategy.make_memory(len(self._span.instruments))
            self._start(k, strategy)
            if self._config.compiled:
                self._compile(k, strategy)
            advance(self._world.root)  # with no market loaded this only posts the requests
        self._began = time.perf_counter()  # kernels are loaded by now, or compiled at first use

    def _start(self, k: int, strategy: Strategy) -> None:
        self._world.trials[k]["notes"] = self._wakers[k].address
        try:
            strategy.on_start(self._contexts[k])
        except Exception as error:
            raise self._failed(k, Failure("on_start", (), error)) from error

    def _compile(self, k: int, strategy: Strategy) -> None:
        """Hand the loop a strategy's machine code and its record, as `on_start` has left it."""
        owner = type(strategy)
        if owner not in self._compiled:
            self._compiled[owner] = compile_strategy(owner)
        compiled = self._compiled[owner]
        notes = compiled.record(strategy)
        self._notes.append(notes)  # the world holds addresses only
        self._world.trials[k]["wake_entry"] = compiled.address
        self._world.trials[k]["notes"] = notes.ctypes.data

    def _replay(self) -> None:
        """Run the loop over the loaded chunk, waking strategies as it asks."""
        world, root = self._world, self._world.root
        while True:
            status = advance(root)
            if status == Status.DONE:
                return
            if status == Status.FLUSH:
                drain(world, self._recorders)
            elif status == Status.FAILED:
                self._raise(int(root[W.WAKE_TRIAL]))
            elif status == Status.CHECKPOINT:
                world.checkpoint()
            elif status == Status.PAUSE:
                self._look()
            elif status == Status.GROW_STORE:
                world.grow_store()
            elif status == Status.GROW:
                if has_room(world.queues.handle):
                    world.grow_ladders()
                else:
                    world.queues.grow()
            else:
                raise _limit(status)

    def _look(self) -> None:
        """Ask which trials are to end here."""
        assert self._prune is not None
        drain(self._world, self._recorders)
        for k, trial in enumerate(self._world.trials):
            if not trial["ended_ns"] and self._prune.decide(self._first_trial + k, self._result(k)):
                trial["ending"] = 1
        self._world.root[W.NEXT_PAUSE_NS] += self._prune.interval_ns

    def _raise(self, k: int) -> Never:
        """Raise what a strategy has raised: an interrupt as it is, a mistake as its failure."""
        failure = self._wakers[k].failure
        assert failure is not None
        if not isinstance(failure.error, Exception):
            raise failure.error
        raise self._failed(k, failure) from failure.error

    def _failed(self, k: int, failure: Failure) -> StrategyFailedError:
        drain(self._world, self._recorders)
        handler, arguments, error = failure
        at = format_ns(int(self._world.root[W.NOW_NS]))
        name = type(self._strategies[k]).__name__
        told = error if isinstance(error, CrossbookError) else CrossbookError(str(error))
        return StrategyFailedError(
            f"{name}.{handler}({', '.join(map(str, arguments))}) raised at {at}: "
            f"{type(error).__name__}: {told.message}",
            remedy=told.remedy
            or "see the strategy's own traceback above; what it did until then is kept",
            result=self._result(k),
        )

    def _result(self, k: int) -> Result:
        trial = self._world.trials[k]
        recorder = self._recorders[k]
        strategy = self._strategies[k]
        return Result(
            strategy=type(strategy).__name__,
            parameters=dict(strategy.parameters()),
            instruments=self._span.instruments,
            journal=recorder.journal(),
            journal_hash=recorder.journal_hash,
            samples=recorder.samples(),
            events=self.events_done,
            seconds=time.perf_counter() - self._began,
            counters={
                "orders": int(trial["orders"]),
                "fills": int(trial["fills"]),
                "excluded_fills": int(trial["excluded"]),
                "gaps": int(self._world.venue_ladders.book["gaps"].sum()),
            },
            ended_ns=int(trial["ended_ns"]) or None,
            trace=recorder.trace(),
            again=self._again(strategy, int(trial["ended_ns"])),
        )


def _risk_room(
    config: BacktestConfig, instruments: Sequence[Instrument], world: World
) -> RiskRoom | None:
    """Put the risk room between strategies and venues, where there is one."""
    if config.risk is None:
        return None
    room = RiskRoom(config.risk, instruments, world.trials.size, int(world.root[W.SLOTS]))
    room.publish(world.root)
    return room


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
    if status == Status.STORE_LOST:
        return EngineError(
            "a read must find the store as it was then, but its rows of that time are gone",
            remedy="give the read lag a smaller sigma or factor",
        )
    if status == Status.NO_PROGRESS:
        return EngineError(
            "a strategy answers every answer at once, and without latency time never moves on",
            remedy="let it wait for the market or a timer, or give the venue a response latency",
        )
    if status == Status.REFUSED:
        return StrategyError(
            "a compiled strategy asked for what cannot be done: a book or side that does not "
            "exist, an order beyond max_orders, a replace without quantity, an alarm in the past, "
            "a place outside its memory",
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
