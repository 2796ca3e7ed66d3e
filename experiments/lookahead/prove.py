"""Run a strategy in worlds with other futures and find where it knew too much."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from experiments.lookahead.alter import Cut, Future
from experiments.lookahead.names import altered_names
from experiments.lookahead.tracing import Step, Tracer, is_own
from experiments.lookahead.watch import WakeLog, watched_run
from experiments.lookahead.world import Worlds, true_path
from framework.core.clock import format_ns
from framework.core.errors import SpecError, StrategyError
from framework.engine.config import BacktestConfig
from framework.engine.run import StrategyFailedError
from framework.replay.stream import GoldStream
from framework.strategy import Strategy
from framework.venue.world import FOREVER

POINTS: Final = 8
"""Wake-ups after which the future is altered, each in two ways."""

Load = Callable[[], Strategy]
OnPoint = Callable[[str, int, int], None]
"""Called with what is running, worlds done and worlds in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """A decision that hung on what was not known yet.

    Parameters
    ----------
    ts_ns
        When it was made.
    future
        How the future was altered.
    cut_ns
        From when on.
    file, line, source
        The line from which the runs went different ways; 0 where none was found.
    read_line, read_source
        The line that first held other data, where it is an earlier one.
    values
        What differed there: ``{name: (with the true future, with the other)}``.
    names
        Global names the line read, which hold data.
    told
        What was sent on both sides, or what the strategy raised.
    """

    ts_ns: int
    future: Future
    cut_ns: int
    file: str = ""
    line: int = 0
    source: str = ""
    read_line: int = 0
    read_source: str = ""
    values: dict[str, tuple[str, str]]
    names: tuple[str, ...] = ()
    told: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.source}" if self.line else "no line found"
        return f"{place} (at {format_ns(self.ts_ns)}, future {self.future} from then on)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What altering the future showed.

    Parameters
    ----------
    strategy
        Name of the class.
    cuts
        Where the future was altered.
    wakes, requests
        Wake-ups of the true run, and those in which something was sent.
    offence
        The first decision found that hung on the future; None where none did.
    unaltered
        Data that the strategy reads from global names and that no alteration reaches: what hangs
        on them is not proven.
    """

    strategy: str
    cuts: tuple[Cut, ...]
    wakes: int
    requests: int
    offence: Offence | None
    unaltered: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True where no decision hung on the future."""
        return self.offence is None


def prove(
    strategy: Strategy | Load,
    streams: Sequence[GoldStream],
    config: BacktestConfig | None = None,
    *,
    points: int = POINTS,
    on_point: OnPoint | None = None,
) -> Proof:
    """Alter the future at many wake-ups and demand that everything sent until then is the same.

    Half of the wake-ups are chosen among those in which something was sent while events had
    happened that had not reached us, a quarter among those that sent something, the rest among all.
    A world is a folder of links to the working directory in which the run's tables are altered, so
    that whatever reads the lake by its path, or through `DeltaTable` by any, finds the other
    future; tables with a clock that stand in global names of the strategy are altered as well.

    Parameters
    ----------
    strategy
        The strategy, or what makes it; the latter is called in each world.
    streams
        What it is run on.
    config
        As in `run_backtest`; the strategy runs interpreted.
    points
        Wake-ups to alter the future after; each costs two runs up to it.
    on_point
        For a progress display.

    Raises
    ------
    SpecError
        Where there is nothing to prove: no wake-up is followed by an event.
    StrategyError
        Where the strategy does not even send the same in a world with the same future.
    """
    load = strategy if callable(strategy) else lambda: strategy
    config = replace(config or BacktestConfig(), compiled=False)
    worlds = Worlds(streams)
    owner = load()
    truth = watched_run(owner, worlds.streams, config)
    if truth.failure is not None:
        raise truth.failure
    cuts = tuple(
        cut for cut in _cuts(truth, worlds, points) if worlds.first_after(cut.now_ns) is not None
    )
    if not cuts:
        raise SpecError(
            "a proof needs a wake-up that is followed by events, the run has none",
            remedy="give it a longer period",
        )
    _check_repeatable(_Attempt(load, worlds, config, _the_end(truth), Future.REMOVED), truth)
    offence, unaltered = _tried(load, worlds, config, cuts, truth, type(owner), on_point)
    return Proof(
        strategy=type(owner).__name__,
        cuts=cuts,
        wakes=len(truth.now_ns),
        requests=len(truth.sent),
        offence=offence,
        unaltered=unaltered,
    )


def _tried(
    load: Load,
    worlds: Worlds,
    config: BacktestConfig,
    cuts: Sequence[Cut],
    truth: WakeLog,
    owner: type[Strategy],
    on_point: OnPoint | None,
) -> tuple[Offence | None, tuple[str, ...]]:
    """Try every other future until one is told from the true one; and name data out of reach."""
    with altered_names(owner, cuts[0], Future.REMOVED) as fixed:
        unaltered = dict(fixed)
    offence = None
    for done, (cut, future) in enumerate((c, f) for c in cuts for f in Future):
        if on_point is not None:
            on_point(owner.__name__, done, len(cuts) * len(Future))
        attempt = _Attempt(load, worlds, config, cut, future)
        offence = attempt.offence(truth)
        # What a world has made anew, from its own tables, is another object or other data.
        unaltered = {k: v for k, v in unaltered.items() if attempt.unaltered.get(k) == v}
        if offence is not None:
            break
    return offence, tuple(unaltered)


def _the_end(truth: WakeLog) -> Cut:
    return Cut(wake=len(truth.now_ns) - 1, now_ns=FOREVER)


def _check_repeatable(attempt: _Attempt, truth: WakeLog) -> None:
    """Refuse a strategy that hangs on chance, on a clock or on the order of files."""
    found = attempt.offence(truth)
    if found is None:
        return
    place = f" at {found.file}:{found.line}: {found.source}" if found.line else ""
    raise StrategyError(
        f"a strategy must send the same when it is run again on the same data, it did not{place}",
        remedy="seed what is random, read no clock but ctx.now_ns, and sort what is read from "
        "tables by all that tells rows apart",
    )


def _cuts(truth: WakeLog, worlds: Worlds, points: int) -> list[Cut]:
    """Choose wake-ups: that sent something, that did while events were on their way, and any."""
    sent = [wake for wake in truth.sent if wake > 0]
    on_its_way = worlds.on_their_way(np.array([truth.now_ns[wake] for wake in sent], np.int64))
    tempted = [wake for wake, there in zip(sent, on_its_way.tolist(), strict=True) if there]
    chosen = {*_even(tempted, -(-points // 2)), *_even(sent, -(-points // 4))}
    chosen |= {*_even(range(1, len(truth.now_ns)), max(1, points - len(chosen)))}
    return [
        Cut(
            wake=wake,
            now_ns=truth.now_ns[wake],
            book=None if truth.book[wake] < 0 else truth.book[wake],
        )
        for wake in sorted(chosen)
    ]


def _even(values: Sequence[int], n: int) -> list[int]:
    """Take n values from the middle of n equal parts.

    >>> _even(range(10), 2)
    [2, 7]
    """
    if len(values) <= n:
        return list(values)
    return [values[(2 * k + 1) * len(values) // (2 * n)] for k in range(n)]


class _Attempt:
    """One other future, and the search for the line where it shows."""

    def __init__(
        self, load: Load, worlds: Worlds, config: BacktestConfig, cut: Cut, future: Future
    ) -> None:
        self._load = load
        self._worlds = worlds
        self._config = config
        self._cut = cut
        self._future = future
        self.unaltered: dict[str, object] = {}

    def offence(self, truth: WakeLog) -> Offence | None:
        """Compare with the true run; None where all that was sent is the same."""
        other = self._other()
        wake = truth.first_difference(other, self._cut.wake)
        if wake is None:
            return None
        found = Offence(
            ts_ns=truth.now_ns[wake],
            future=self._future,
            cut_ns=self._cut.now_ns,
            values={},
            told=_told(truth, other, wake),
        )
        if other.failure is not None and wake == len(other.now_ns) - 1:
            return _raised(found, other.failure)
        return self._located(found, wake)

    def _other(self, tracer: Tracer | None = None, last: int | None = None) -> WakeLog:
        with self._worlds.open(self._cut, self._future) as streams:
            strategy = self._load()
            with altered_names(type(strategy), self._cut, self._future) as unaltered:
                self.unaltered = dict(unaltered)
                last = self._cut.wake if last is None else last
                return watched_run(strategy, streams, self._config, last=last, around=tracer)

    def _true(self, tracer: Tracer, last: int) -> WakeLog:
        streams = self._worlds.streams
        return watched_run(self._load(), streams, self._config, last=last, around=tracer)

    def _located(self, found: Offence, wake: int) -> Offence:
        """Trace both runs up to a wake-up and compare them line by line."""
        digests: list[tuple[int, int]] = []
        self._true(Tracer(lambda n, s: digests.append((s.digest, s.data_digest))), wake)
        search = _Search(digests)
        self._other(Tracer(search), wake)
        if search.step is None:
            return found
        there: list[Step] = []
        at = search.number
        self._true(Tracer(lambda n, s: there.append(s) if n == at else None), wake)
        step, read = search.step, search.read
        earlier = read is not None and (read.file, read.line) != (step.file, step.line)
        return replace(
            found,
            file=true_path(step.file),
            line=step.line,
            source=_source(step.file, step.line),
            values=dict(_differing(there[0], step)) if there else {},
            names=tuple(step.globals_read()),
            read_line=read.line if read is not None and earlier else 0,
            read_source=_source(read.file, read.line) if read is not None and earlier else "",
        )


class _Search:
    """Looks for the first step that differs from a list of digests, in values and in data."""

    def __init__(self, digests: Sequence[tuple[int, int]]) -> None:
        self._digests = digests
        self.number = -1
        self.step: Step | None = None
        self.read: Step | None = None

    def __call__(self, number: int, step: Step) -> None:
        if self.step is not None:
            return
        known = self._digests[number] if number < len(self._digests) else (0, 0)
        if self.read is None and known[1] != step.data_digest:
            self.read = step
        if known[0] != step.digest:
            self.number, self.step = number, step


def _differing(true: Step, other: Step) -> Iterator[tuple[str, tuple[str, str]]]:
    for name in dict.fromkeys([*true.values, *other.values]):
        pair = (str(true.values.get(name, "unset")), str(other.values.get(name, "unset")))
        if pair[0] != pair[1]:
            yield name, pair


def _raised(found: Offence, failure: StrategyFailedError) -> Offence:
    """Take the line from the traceback of what was raised in the other world."""
    cause = failure.__cause__
    frames = traceback.extract_tb(cause.__traceback__ if cause else None)
    own = [f for f in frames if is_own(f.filename) and f.lineno]
    if not own:
        return found
    last = own[-1]
    file, line = true_path(last.filename), last.lineno or 0
    return replace(found, file=file, line=line, source=_source(file, line))


def _source(file: str, line: int) -> str:
    """Text of a line; that of a notebook's cell as well."""
    return linecache.getline(true_path(file), line).strip() or linecache.getline(file, line).strip()


def _told(truth: WakeLog, other: WakeLog, wake: int) -> str:
    if other.failure is not None and wake == len(other.now_ns) - 1:
        return f"without the true future it raised: {other.failure.message}"
    sides = ["something" if wake in log.sent else "nothing" for log in (truth, other)]
    if sides[0] == sides[1]:
        return "other orders were sent"
    return f"it sent {sides[0]} with the true future, {sides[1]} with the other"
