"""Integrity of one stream: what its book showed, and whether its rows keep grid and clock.

What the book shows is read off the book rebuilt from gold, after each message and only while the
book is valid. For streams of quotes it is read off the silver quotes, because the catalog's policy
for crossed quotes may have kept them out of gold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl

from framework.core.events import NO_PRICE, EventFlag, EventKind, F64Array
from framework.core.instrument import Instrument
from framework.lake.findings import Finding, found
from framework.lake.rebuild import message_ends

_PRICES: Final = {
    "depth": ("price",),
    "quotes": ("bid_price", "ask_price"),
    "trades": ("price",),
    "orders": ("price",),
}
_VOLUMES: Final = {
    "depth": ("volume",),
    "quotes": ("bid_volume", "ask_volume"),
    "trades": ("volume",),
    "orders": ("volume",),
}

Counts = Counter[str]
"""Numbers of things found, by name."""


def book_findings(
    rebuilt: pl.DataFrame, counts: Counts, *, shows_book: bool
) -> Iterator[pl.DataFrame]:
    """Count what a stream's rebuilt rows show and yield the findings.

    Parameters
    ----------
    rebuilt
        What `framework.lake.rebuild.rebuild` returned.
    counts
        Counted into.
    shows_book
        False where the silver quotes tell the book's state instead.
    """
    ends = message_ends(rebuilt)
    counts["rows"] += rebuilt.height
    counts["messages"] += int((rebuilt["flags"] & int(EventFlag.LAST) != 0).sum())
    counts["untrusted"] += int((~ends["is_valid"]).sum())
    gaps = rebuilt.filter(pl.col("kind") == int(EventKind.GAP))
    early = rebuilt.filter(
        (pl.col("flags") & int(EventFlag.LAST) != 0) & (pl.col("ts_recv_ns") < pl.col("ts_exch_ns"))
    )
    yield _counted(counts, Finding.GAP, gaps, pl.lit("messages were lost before this one"))
    late = pl.format(
        "received {} ns before it happened", pl.col("ts_exch_ns") - pl.col("ts_recv_ns")
    )
    yield _counted(counts, Finding.EARLY, early, late)
    if shows_book:
        valid = ends.filter("is_valid")
        shown = pl.format(
            "bid {} × {} lots, ask {} × {} lots, in ticks",
            "bid_ticks",
            "bid_lots",
            "ask_ticks",
            "ask_lots",
        )
        bid, ask = (
            pl.when(pl.col(name) != NO_PRICE).then(pl.col(name))
            for name in ("bid_ticks", "ask_ticks")
        )
        yield from _touch_findings(valid, bid, ask, shown, counts)


def quote_findings(quotes: pl.DataFrame, counts: Counts) -> Iterator[pl.DataFrame]:
    """Count crossed, locked and one-sided quotes of one stream's silver rows."""
    shown = pl.format("bid {}, ask {}", *_shown("bid_price", "ask_price"))
    yield from _touch_findings(quotes, pl.col("bid_price"), pl.col("ask_price"), shown, counts)


def grid_findings(
    silver: pl.DataFrame, kind: str, instrument: Instrument, counts: Counts
) -> Iterator[pl.DataFrame]:
    """Count silver values off the instrument's grid."""
    if kind == "orders":
        silver = silver.filter(pl.col("action") != int(EventKind.STATUS))
    grids = (
        (Finding.OFF_TICK, _PRICES[kind], instrument.to_ticks, instrument.tick),
        (Finding.OFF_LOT, _VOLUMES[kind], instrument.to_lots, instrument.lot),
    )
    for finding, columns, to_steps, step in grids:
        for column in columns:
            rows = silver.filter(pl.col(column).is_not_null())
            values: F64Array = rows[column].to_numpy()
            _, off = to_steps(values)
            detail = pl.format(f"{column} {{}} is no multiple of {step}", column)
            yield _counted(counts, finding, rows.filter(pl.Series(off)), detail)


def refused_findings(quarantine: pl.DataFrame, counts: Counts) -> Iterator[pl.DataFrame]:
    """Count the rows that ingestion refused, and among them those off the grid."""
    counts["quarantined"] += quarantine.height
    for finding, grid in ((Finding.OFF_TICK, "tick"), (Finding.OFF_LOT, "lot")):
        off = pl.col("reason").str.contains(f"multiple of the {grid} ", literal=True)
        yield _counted(counts, finding, quarantine.filter(off), pl.col("reason"))


def clock_findings(silver: pl.DataFrame, counts: Counts) -> Iterator[pl.DataFrame]:
    """Count steps backwards in time, row after row of one file and stream.

    A snapshot requested outside the stream is dated by the state it shows, not by its place in the
    file, so its exchange time is not compared.
    """
    clocks = (
        (Finding.EXCHANGE_BACKWARDS, "exchange_timestamp_ns"),
        (Finding.RECEIVED_BACKWARDS, "received_timestamp_ns"),
    )
    for finding, clock in clocks:
        rows = silver.filter(pl.col(clock).is_not_null())
        if finding == Finding.EXCHANGE_BACKWARDS and "is_snapshot" in rows.columns:
            rows = rows.filter(~pl.col("is_snapshot"))
        rows = rows.with_columns(step_ns=pl.col(clock).diff().over("source_file"))
        back = rows.filter(pl.col("step_ns") < 0)
        yield _counted(counts, finding, back, pl.format("{} ns", "step_ns"))


def _touch_findings(
    rows: pl.DataFrame, bid: pl.Expr, ask: pl.Expr, detail: pl.Expr, counts: Counts
) -> Iterator[pl.DataFrame]:
    yield _counted(counts, Finding.CROSSED, rows.filter(bid > ask), detail)
    yield _counted(counts, Finding.LOCKED, rows.filter(bid == ask), detail)
    one_sided = rows.filter(bid.is_null() ^ ask.is_null())
    side = pl.when(bid.is_null()).then(pl.lit("no bid")).otherwise(pl.lit("no ask"))
    yield _counted(counts, Finding.ONE_SIDED, one_sided, side)


def _counted(counts: Counts, kind: Finding, rows: pl.DataFrame, detail: pl.Expr) -> pl.DataFrame:
    counts[kind.value] += rows.height
    return found(kind, rows, detail)


def _shown(*names: str) -> list[pl.Expr]:
    return [pl.col(name).cast(pl.String).fill_null("none") for name in names]
