"""Verify a gold table: rebuild its books, compare them with the truth, count what is odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from framework.catalog.catalog import Catalog
from framework.core.errors import DataError
from framework.lake.dataset import Dataset
from framework.lake.findings import Finding, in_order
from framework.lake.integrity import Counts, refused_findings
from framework.lake.latency import LatencyMeter, VenueLatency
from framework.lake.sequence import SequenceRule
from framework.lake.silver import SilverStream
from framework.lake.store import Lake
from framework.lake.stream_check import StreamCheck, StreamReport, figures
from framework.lake.units import read_units


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was found in a table.

    Parameters
    ----------
    table, version
        The gold table and the version that was read.
    streams
        Stream by stream, in alphabetical order.
    refused
        Rows in quarantine, and how many of them are off the grid.
    latency
        By venue.
    findings
        Row by row (`framework.lake.findings.FINDING_SCHEMA`).
    """

    table: str
    version: int
    streams: tuple[StreamReport, ...]
    refused: Counts
    latency: dict[str, VenueLatency]
    findings: pl.DataFrame = field(repr=False)

    @property
    def truth_checked(self) -> int:
        """Messages compared with the source's truth."""
        return sum(stream.truth_checked for stream in self.streams)

    @property
    def truth_equal(self) -> int:
        """Messages that agree with it."""
        return sum(stream.truth_equal for stream in self.streams)

    def totals(self) -> dict[str, int]:
        """Sum the figures of all streams and of the quarantine."""
        total: Counts = Counter(self.refused)
        for stream in self.streams:
            total.update(stream.counts)
        return figures(total) | {"quarantined": total["quarantined"]}

    def as_json(self, *, max_findings: int = 20) -> dict[str, object]:
        """Return the report as plain values, with the first findings; truth comes first."""
        truth_first = self.findings.sort(
            pl.col("finding") != Finding.TRUTH.value, maintain_order=True
        )
        return {
            "table": self.table,
            "version": self.version,
            **self.totals(),
            "truth_checked": self.truth_checked,
            "truth_equal": self.truth_equal,
            "latency": {venue: latency.as_json() for venue, latency in self.latency.items()},
            "streams": [stream.as_json() for stream in self.streams],
            "findings_total": self.findings.height,
            "findings": truth_first.head(max_findings).to_dicts(),
        }


def verify(
    lake: Lake,
    dataset: Dataset,
    catalog: Catalog,
    *,
    version: int | None = None,
    progress: Callable[[str, int, int], None] = lambda stream, done, total: None,
) -> VerifyReport:
    """Verify a dataset's gold table against itself and against its silver and bronze tables.

    Parameters
    ----------
    lake, dataset
        What to verify.
    catalog
        Sequence rules by venue.
    version
        Version of the gold table; the latest where None. An earlier one is compared with silver
        rows received until its own last row.
    progress
        Called with a stream's name, the gold rows done so far and their total.

    Raises
    ------
    DataError
        Where there is no such table, or it has no rows.
    """
    delta = lake.open(dataset.gold, version)
    gold = lake.scan(dataset.gold, delta.version())
    streams = (
        gold.group_by("venue", "symbol")
        .agg(rows=pl.len(), last_ns=pl.col("ts_recv_ns").max())
        .sort("venue", "symbol")
        .collect()
    )
    if streams.is_empty():
        raise DataError(
            f"table {dataset.gold} must have rows, version {delta.version()} has none",
            remedy="ingest files into it first",
        )
    is_past = delta.version() != lake.version(dataset.gold)
    units = read_units(lake, dataset.name)
    meter = LatencyMeter()
    reports, findings = [], []
    done = 0
    for venue, symbol, _, last_ns in streams.iter_rows():
        kept = units.get((venue, symbol))
        check = StreamCheck(
            silver=SilverStream(
                lake=lake,
                dataset=dataset,
                venue=venue,
                symbol=symbol,
                clock_offset_ns=kept.clock_offset_ns if kept else 0,
                until_ns=last_ns if is_past else None,
            ),
            instrument=kept.instrument if kept else catalog.instrument(venue, symbol),
            rule=SequenceRule(catalog.venue(venue).sequence_rule),
        )
        for rows in check.rebuilt(gold, meter):
            done += rows
            progress(f"{venue}:{symbol}", done, int(streams["rows"].sum()))
        reports.append(check.finish())
        findings += check.findings
    refused: Counts = Counter()
    findings += _refused(lake, dataset, refused)
    return VerifyReport(
        table=str(dataset.gold),
        version=delta.version(),
        streams=tuple(reports),
        refused=refused,
        latency=meter.report(),
        findings=in_order(findings),
    )


def _refused(lake: Lake, dataset: Dataset, counts: Counts) -> list[pl.DataFrame]:
    if not lake.exists(dataset.quarantine):
        return []
    return list(refused_findings(lake.scan(dataset.quarantine).collect(), counts))
