"""Running the trials of a batch: one replay for all, or processes that share them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from framework.core.clock import duration_ns
from framework.core.errors import SpecError, StrategyError
from framework.engine import BacktestConfig, Prune, Result, run_trials
from framework.engine.jobs import by_trials
from framework.engine.parallel import run_parallel
from framework.engine.run import Span as Covered
from framework.replay import GoldStream
from framework.replay.held import Market, hold_market
from framework.strategy.base import Strategy
from research.performance import bar_length
from research.validation import Span

HOLD_EVENTS: Final = 20_000_000
"""Markets of up to so many events are kept in memory for all batches: about 1 GB."""
_SAMPLES: Final = 2_000  # of a run, where the spec does not say how far apart

Looking = Callable[[Sequence[int]], Prune]
"""Makes the looks at the trials of these rows of a batch."""
Outcome = tuple[Result, ...] | StrategyError
"""One result a span, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class Replays:
    """A market that batches of trials are driven through.

    Parameters
    ----------
    streams
        Gold streams.
    config
        Models and settings.
    spans
        Spans of time, each begun flat and run by itself; the streams' own period where empty.
    workers
        Processes that share the trials of an interpreted strategy; the trials of a compiled one
        share one replay and ``config.threads``. Results do not depend on it.
    """

    streams: Sequence[GoldStream]
    config: BacktestConfig = field(default_factory=BacktestConfig)
    spans: tuple[Span, ...] = ()
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.streams:
            raise SpecError("a sweep needs at least one stream", remedy="name a table under data")
        if self.workers < 1:
            raise SpecError(
                f"a sweep needs one worker or more, got {self.workers}",
                remedy="leave workers out for one",
            )
        parts = [within(self.streams, span) for span in self.spans] or [list(self.streams)]
        held: list[Sequence[GoldStream] | Market] = list(parts)
        if self.in_process and Covered(self.streams).rows <= HOLD_EVENTS:
            held = [hold_market(part, chunk_rows=self.config.chunk_rows) for part in parts]
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_held", held)

    _parts: list[list[GoldStream]] = field(init=False, repr=False)
    _held: list[Sequence[GoldStream] | Market] = field(init=False, repr=False)

    @property
    def in_process(self) -> bool:
        """True where trials are run in this process."""
        return self.config.compiled or self.workers == 1

    def awake(self) -> list[Span]:
        """Give the time that each span covers with events."""
        return [Span(*Covered(part).awake()) for part in self._parts]

    def bar_ns(self, asked: str | int | None = None) -> int:
        """Choose the bars that all trials are measured in, none shorter than samples lie apart.

        See `profit_bars`.
        """
        lengths_ns = [span.end_ns - span.start_ns for span in self.awake()]
        spacing_ns = self.config.sample_interval_ns or max(1, max(lengths_ns) // _SAMPLES)
        if asked is not None:
            return max(duration_ns(asked), spacing_ns)
        return bar_length(sum(lengths_ns), spacing_ns)

    def run(self, strategies: Sequence[Strategy], looking: Looking | None = None) -> list[Outcome]:
        """Run the trials of a batch.

        A trial whose strategy fails has its error for an outcome; the others are run without it.

        Parameters
        ----------
        strategies
            One a trial.
        looking
            Ends trials early; none where None. Such trials are run in this process.
        """
        rows = list(range(len(strategies)))
        try:
            return list(self._together(strategies, rows, looking))
        except StrategyError:
            return [self._alone(strategy, row, looking) for row, strategy in enumerate(strategies)]

    def _alone(self, strategy: Strategy, row: int, looking: Looking | None) -> Outcome:
        try:
            return self._together([strategy], [row], looking)[0]
        except StrategyError as error:
            return error

    def _together(
        self, strategies: Sequence[Strategy], rows: Sequence[int], looking: Looking | None
    ) -> list[tuple[Result, ...]]:
        if not strategies:
            return []
        if self.in_process or looking or len(strategies) == 1:
            spans = [
                run_trials(strategies, market, self.config, prune=looking and looking(rows))
                for market in self._held
            ]
        else:
            jobs = [
                job
                for part in self._parts
                for job in by_trials(strategies, part, self.config, groups=self.workers)
            ]
            flat = [one for results in run_parallel(jobs, workers=self.workers) for one in results]
            n = len(strategies)
            spans = [flat[start : start + n] for start in range(0, len(flat), n)]
        return list(zip(*spans, strict=True))


def within(streams: Sequence[GoldStream], span: Span) -> list[GoldStream]:
    """Let streams run within a span only, and within what they were given before."""
    return [
        replace(
            stream,
            start_ns=max(span.start_ns, stream.start_ns or span.start_ns),
            end_ns=min(span.end_ns, stream.end_ns or span.end_ns),
        )
        for stream in streams
    ]
