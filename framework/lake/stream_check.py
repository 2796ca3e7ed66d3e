"""Check one stream: rebuild its book, count what is odd, compare it with its source's truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from framework.core.events import EventKind
from framework.core.instrument import Instrument
from framework.lake.findings import Finding
from framework.lake.integrity import (
    Counts,
    book_findings,
    clock_findings,
    grid_findings,
    quote_findings,
)
from framework.lake.latency import LatencyMeter
from framework.lake.rebuild import message_ends, rebuilt_days
from framework.lake.sequence import SequenceRule
from framework.lake.silver import SilverStream
from framework.lake.truth import Truth, orderbook_truth, ticker_truth

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
            **figures(self.counts),
            "truth_source": self.truth_source,
            "truth_checked": self.truth_checked,
            "truth_equal": self.truth_equal,
        }


def figures(counts: Counts) -> dict[str, int]:
    """Name the figures of a report, in their order."""
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


@dataclass(slots=True, kw_only=True)
class StreamCheck:
    """One stream on its way through the checks: first `rebuilt`, to its end, then `finish`.

    Parameters
    ----------
    silver
        Its silver rows.
    instrument
        Units of its gold rows; None where nobody knows them.
    rule
        How its depth is numbered.
    """

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
