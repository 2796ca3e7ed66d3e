"""Verify a gold table: rebuild its books, compare them with the truth, count what is odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from framework.catalog.catalog import Catalog
from framework.core.errors import DataError
from framework.core.events import EventKind
from framework.core.instrument import Instrument
from framework.lake.dataset import Dataset
from framework.lake.findings import Finding, in_order
from framework.lake.integrity import (
    Counts,
    book_findings,
    clock_findings,
    grid_findings,
    quote_findings,
    refused_findings,
)
from framework.lake.latency import LatencyMeter, VenueLatency
from framework.lake.rebuild import message_ends, rebuilt_days
from framework.lake.sequence import SequenceRule
from framework.lake.silver import SilverStream
from framework.lake.store import Lake
from framework.lake.truth import Truth, orderbook_truth, ticker_truth
from framework.lake.units import read_units

_ENDS: Final = (
    "ts_exch_ns",
    "ts_recv_ns",
    "kind",
    "bid_ticks",
    "bid_lots",
    "ask_ticks",
    "ask_lots",
    "is_valid",
    "before_lots",
    "after_lots",
)
_ONE_LINE_RULES: Final = (SequenceRule.BINANCE_SPOT, SequenceRule.BINANCE_FUTURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """What was found in one stream.

    Parameters
    ----------
    venue, symbol
        Which stream.
    counts
        ``rows``, ``messages``, ``untrusted`` and the number of each `Finding`.
    truth_source
        What the book was compared with; empty where the source tells nothing.
    truth_checked, truth_equal
        Messages compared, and those that agree.
    """

    venue: str
    symbol: str
    counts: Counts
    truth_source: str
    truth_checked: int
    truth_equal: int

    def as_json(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return {
            "venue": self.venue,
            "symbol": self.symbol,
            **_figures(self.counts),
            "truth_source": self.truth_source,
            "truth_checked": self.truth_checked,
            "truth_equal": self.truth_equal,
        }


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
        return _figures(total) | {"quarantined": total["quarantined"]}

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


def _figures(counts: Counts) -> dict[str, int]:
    backwards = counts[Finding.EXCHANGE_BACKWARDS] + counts[Finding.RECEIVED_BACKWARDS]
    return {
        "rows": counts["rows"],
        "messages": counts["messages"],
        "gaps": counts[Finding.GAP],
        "untrusted": counts["untrusted"],
        "crossed": counts[Finding.CROSSED],
        "locked": counts[Finding.LOCKED],
        "one_sided": counts[Finding.ONE_SIDED],
        "off_tick": counts[Finding.OFF_TICK],
        "off_lot": counts[Finding.OFF_LOT],
        "backwards": backwards,
        "exchange_backwards": counts[Finding.EXCHANGE_BACKWARDS],
        "received_backwards": counts[Finding.RECEIVED_BACKWARDS],
        "early": counts[Finding.EARLY],
    }


def verify(
    lake: Lake,
    dataset: Dataset,
    catalog: Catalog,
    *,
    version: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> VerifyReport:
    """Verify a dataset's gold table against itself and against its silver and bronze tables.

    Parameters
    ----------
    lake, dataset
        What to verify.
    catalog
        Sequence rules by venue.
    version
        Version of the gold table; the latest where None.
    progress
        Called with a stream's name, the gold rows done so far and their total.

    Raises
    ------
    DataError
        Where there is no such table, or it has no rows.
    """
    delta = lake.open(dataset.gold, version)
    gold = lake.scan(dataset.gold, delta.version())
    streams = gold.group_by("venue", "symbol").agg(rows=pl.len()).sort("venue", "symbol").collect()
    if streams.is_empty():
        raise DataError(
            f"table {dataset.gold} must have rows, version {delta.version()} has none",
            remedy="ingest files into it first",
        )
    units = read_units(lake, dataset.name)
    meter = LatencyMeter()
    reports, findings = [], []
    done = 0
    total = int(streams["rows"].sum())
    for venue, symbol, _ in streams.iter_rows():
        kept = units.get((venue, symbol))
        check = _StreamCheck(
            silver=SilverStream(
                lake=lake,
                dataset=dataset,
                venue=venue,
                symbol=symbol,
                clock_offset_ns=kept.clock_offset_ns if kept else 0,
            ),
            instrument=kept.instrument if kept else catalog.instrument(venue, symbol),
            rule=SequenceRule(catalog.venue(venue).sequence_rule),
        )
        for rows in check.rebuilt(gold, meter):
            done += rows
            if progress is not None:
                progress(f"{venue}:{symbol}", done, total)
        reports.append(check.finish())
        findings += check.findings
    refused: Counts = Counter()
    if lake.exists(dataset.quarantine):
        findings += refused_findings(lake.scan(dataset.quarantine).collect(), refused)
    return VerifyReport(
        table=str(dataset.gold),
        version=delta.version(),
        streams=tuple(reports),
        refused=refused,
        latency=meter.report(),
        findings=in_order(findings),
    )


@dataclass(slots=True, kw_only=True)
class _StreamCheck:
    """One stream on its way through the checks."""

    silver: SilverStream
    instrument: Instrument | None
    rule: SequenceRule
    counts: Counts = field(default_factory=Counter)
    findings: list[pl.DataFrame] = field(default_factory=list)
    ends: list[pl.DataFrame] = field(default_factory=list)
    has_best: bool = False

    def rebuilt(self, gold: pl.LazyFrame, meter: LatencyMeter) -> Iterator[int]:
        """Rebuild the book day by day; yield the rows done."""
        self.has_best = self._has_kind(gold, EventKind.BEST)
        shows_book = not (self.has_best and self.silver.has("quotes"))
        for rows in rebuilt_days(gold, self.silver.venue, self.silver.symbol):
            meter.add(self.silver.venue, rows)
            self.findings += [
                self._placed(part)
                for part in book_findings(rows, self.counts, shows_book=shows_book)
            ]
            self.ends.append(message_ends(rows).select(_ENDS))
            yield rows.height

    def finish(self) -> StreamReport:
        """Check the silver rows and compare with the truth."""
        for kind in self.silver.kinds():
            for rows in self.silver.files(kind):
                if self.instrument is not None:
                    self.findings += grid_findings(rows, kind, self.instrument, self.counts)
                self.findings += clock_findings(rows, self.counts)
                if kind == "quotes" and self.has_best:
                    self.findings += quote_findings(rows, self.counts)
        truth = self._truth()
        self.findings.append(truth.differing)
        return StreamReport(
            venue=self.silver.venue,
            symbol=self.silver.symbol,
            counts=self.counts,
            truth_source=truth.source,
            truth_checked=truth.checked,
            truth_equal=truth.equal,
        )

    def _truth(self) -> Truth:
        if self.instrument is None:
            return Truth()
        ends = pl.concat(self.ends)
        has = set(self.silver.kinds())
        if self.rule in _ONE_LINE_RULES and {"depth", "quotes"} <= has:
            return ticker_truth(self.silver, self.instrument, self.rule, ends)
        if "orders" in has and self.silver.has_orderbook():
            return orderbook_truth(self.silver, self.instrument, ends)
        return Truth()

    def _has_kind(self, gold: pl.LazyFrame, kind: EventKind) -> bool:
        rows = gold.filter(
            pl.col("venue") == self.silver.venue,
            pl.col("symbol") == self.silver.symbol,
            pl.col("kind") == int(kind),
        )
        return rows.head(1).collect().height > 0

    def _placed(self, findings: pl.DataFrame) -> pl.DataFrame:
        return findings if findings.is_empty() else self.silver.placed(findings)
