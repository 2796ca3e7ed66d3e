"""Feed latency per venue: received minus exchange time, and moments at which it jumps.

Latency is measured once per message, on gold clocks (the venue's offset applied). Snapshots and
diffs that waited for one are left out: their delay is a request's, not the feed's. Where a stream
sends nothing but snapshots, they are the feed.

A *spike* is a run of whole seconds (of received time) in which a venue's median latency lies above
the median of all its seconds by more than five robust standard deviations (1.4826 · median absolute
deviation) and more than a millisecond. Where, in all of a spike's seconds, every other venue of the
table is heard from and none of them spikes, the spike is *alone*: one venue is congested rather
than our own machine or line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.events import EventFlag, I64Array

SPIKE_DEVIATIONS: Final = 5.0
SPIKE_FLOOR_NS: Final = NS_PER_MS
_ROBUST_SIGMA: Final = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLatency:
    """Received minus exchange time of one venue's messages, nanoseconds.

    Parameters
    ----------
    messages
        Messages measured.
    spikes
        Runs of seconds with unusual latency.
    spikes_alone
        Those during which all other venues of the table were calm; None where there is no other.
    """

    messages: int
    min_ns: int
    p50_ns: int
    p95_ns: int
    p99_ns: int
    max_ns: int
    spikes: int
    spikes_alone: int | None

    def as_json(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return asdict(self)


class LatencyMeter:
    """Collects the latencies of gold rows, stream by stream."""

    def __init__(self) -> None:
        self._latency_ns: defaultdict[str, list[I64Array]] = defaultdict(list)
        self._second: defaultdict[str, list[I64Array]] = defaultdict(list)

    def add(self, venue: str, gold: pl.DataFrame) -> None:
        """Take gold rows of one stream."""
        is_snapshot = pl.col("flags") & int(EventFlag.SNAPSHOT) != 0
        waited_for = gold.filter(is_snapshot)["ts_recv_ns"].unique()
        messages = gold.filter(pl.col("flags") & int(EventFlag.LAST) != 0)
        feed = messages.filter(~pl.col("ts_recv_ns").is_in(waited_for.implode()))
        if feed.is_empty():
            feed = messages
        feed = feed.select(
            latency=pl.col("ts_recv_ns") - pl.col("ts_exch_ns"),
            second=pl.col("ts_recv_ns") // NS_PER_S,
        )
        self._latency_ns[venue].append(feed["latency"].to_numpy())
        self._second[venue].append(feed["second"].to_numpy())

    def report(self) -> dict[str, VenueLatency]:
        """Summarise what was taken, by venue; venues without a measured message are left out."""
        latency = {venue: np.concatenate(parts) for venue, parts in self._latency_ns.items()}
        latency = {venue: values for venue, values in sorted(latency.items()) if values.size}
        seconds = {venue: np.concatenate(self._second[venue]) for venue in latency}
        high = {venue: _high_seconds(seconds[venue], latency[venue]) for venue in latency}
        heard = {venue: set(np.unique(seconds[venue]).tolist()) for venue in latency}
        return {
            venue: _summary(values, *_spikes(venue, high, heard))
            for venue, values in latency.items()
        }


def _high_seconds(second: I64Array, latency_ns: I64Array) -> list[int]:
    by_second = (
        pl.DataFrame({"second": second, "latency": latency_ns})
        .group_by("second")
        .agg(pl.col("latency").median())
        .sort("second")
    )
    median = by_second["latency"].to_numpy()
    usual = np.median(median)
    sigma = _ROBUST_SIGMA * np.median(np.abs(median - usual))
    limit = usual + max(SPIKE_DEVIATIONS * sigma, float(SPIKE_FLOOR_NS))
    high: list[int] = by_second.filter(pl.col("latency") > limit)["second"].to_list()
    return high


def runs(seconds: Sequence[int]) -> list[list[int]]:
    """Group ascending seconds into runs without a hole.

    >>> runs([3, 4, 8])
    [[3, 4], [8]]
    """
    grouped: list[list[int]] = []
    for second in seconds:
        if grouped and second == grouped[-1][-1] + 1:
            grouped[-1].append(second)
        else:
            grouped.append([second])
    return grouped


def _spikes(
    venue: str, high: Mapping[str, list[int]], heard: Mapping[str, set[int]]
) -> tuple[int, int | None]:
    spikes = runs(high[venue])
    others = [other for other in high if other != venue]
    if not others:
        return len(spikes), None
    calm = set.intersection(*(heard[other] - set(high[other]) for other in others))
    return len(spikes), sum(calm.issuperset(spike) for spike in spikes)


def _summary(latency_ns: I64Array, spikes: int, spikes_alone: int | None) -> VenueLatency:
    # "lower" keeps whole nanoseconds: each figure is a latency that did occur.
    p50, p95, p99 = np.quantile(latency_ns, [0.5, 0.95, 0.99], method="lower").tolist()
    return VenueLatency(
        messages=latency_ns.size,
        min_ns=int(latency_ns.min()),
        p50_ns=int(p50),
        p95_ns=int(p95),
        p99_ns=int(p99),
        max_ns=int(latency_ns.max()),
        spikes=spikes,
        spikes_alone=spikes_alone,
    )
