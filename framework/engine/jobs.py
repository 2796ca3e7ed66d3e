"""Cut one study into jobs that can run side by side: by day, by symbol, by groups of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.errors import SpecError
from framework.engine.config import BacktestConfig
from framework.replay.files import group_spans
from framework.replay.stream import GoldStream
from framework.strategy.base import Strategy

_DAY_NS: Final = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One replay and the trials it drives; see `run_trials`.

    Parameters
    ----------
    strategies
        One a trial.
    streams
        Gold streams. A market held in memory stays with its process: hand over its streams.
    config
        Models and settings; the defaults where None.
    """

    strategies: Sequence[Strategy]
    streams: Sequence[GoldStream]
    config: BacktestConfig | None = None


def by_day(
    strategies: Sequence[Strategy],
    streams: Sequence[GoldStream],
    config: BacktestConfig | None = None,
) -> list[Job]:
    """Make one job of each UTC day that holds events.

    Simulation assumption: every day begins flat, without orders, and strategies begin anew; the
    books begin as they stood at midnight.
    """
    held = [(stream, _days_held(stream)) for stream in streams]
    jobs = []
    for day in sorted({day for _, days in held for day in days}):
        begin_ns, end_ns = day * _DAY_NS, (day + 1) * _DAY_NS
        taken = [
            replace(
                stream,
                start_ns=max(begin_ns, stream.start_ns or begin_ns),
                end_ns=min(end_ns, stream.end_ns or end_ns),
            )
            for stream, days in held
            if day in days
        ]
        jobs.append(Job(strategies=strategies, streams=taken, config=config))
    return jobs


def by_symbol(
    strategies: Sequence[Strategy],
    streams: Sequence[GoldStream],
    config: BacktestConfig | None = None,
) -> list[Job]:
    """Make one job of each symbol with all its venues, in alphabetical order."""
    symbols = sorted({stream.instrument.symbol for stream in streams})
    return [
        Job(
            strategies=strategies,
            streams=[stream for stream in streams if stream.instrument.symbol == symbol],
            config=config,
        )
        for symbol in symbols
    ]


def by_trials(
    strategies: Sequence[Strategy],
    streams: Sequence[GoldStream],
    config: BacktestConfig | None = None,
    *,
    groups: int,
) -> list[Job]:
    """Deal the strategies out to as many jobs, each of which replays the whole market once.

    The results, end to end, are those of `run_trials` with all strategies.

    Raises
    ------
    SpecError
        Where `groups` is not positive.
    """
    if groups < 1:
        raise SpecError(
            f"trials need one group or more, got {groups}", remedy="give the number of cores"
        )
    places = np.array_split(np.arange(len(strategies)), min(groups, len(strategies)))
    return [
        Job(strategies=[strategies[k] for k in group], streams=streams, config=config)
        for group in places
    ]


def _days_held(stream: GoldStream) -> set[int]:
    """UTC days, counted from the epoch, on which the stream has events within its period."""
    days: set[int] = set()
    whole = stream.start_ns is None and stream.end_ns is None
    for path in stream.files()["path"].to_pylist():
        file = stream.open_file(path)
        for group, (first_ns, last_ns) in enumerate(group_spans(file)):
            if whole and first_ns // _DAY_NS == last_ns // _DAY_NS:
                days.add(first_ns // _DAY_NS)
                continue
            times = file.read_row_group(group, columns=["ts_exch_ns"])["ts_exch_ns"].to_numpy()
            if stream.start_ns is not None:
                times = times[times >= stream.start_ns]
            if stream.end_ns is not None:
                times = times[times < stream.end_ns]
            days.update(np.unique(times // _DAY_NS).tolist())
    return days
