"""Read a dataset's silver rows stream by stream and file by file, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from framework.lake.dataset import Dataset
from framework.lake.formats.base import SILVER_SCHEMAS
from framework.lake.store import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class SilverStream:
    """One stream's silver rows.

    Parameters
    ----------
    lake
        Where they are stored.
    dataset
        Which tables.
    venue, symbol
        Which rows.
    clock_offset_ns
        Added to received times in ``ts_recv_ns``, as gold does.
    until_ns
        Rows with a later ``ts_recv_ns`` are left out; None: none are.
    """

    lake: Lake
    dataset: Dataset
    venue: str
    symbol: str
    clock_offset_ns: int
    until_ns: int | None = None

    def has(self, kind: str) -> bool:
        """Tell whether there are any rows of a kind."""
        table = self.dataset.silver(kind)
        return self.lake.exists(table) and bool(
            self._rows(kind).select(pl.len() > 0).collect().item()
        )

    def kinds(self) -> list[str]:
        """List the kinds of which there are rows."""
        return [kind for kind in SILVER_SCHEMAS if self.has(kind)]

    def files(self, kind: str) -> Iterator[pl.DataFrame]:
        """Yield a kind's rows file by file, earliest first, each in the file's order.

        Beside the silver columns the rows have gold's ``venue``, ``ts_exch_ns`` and
        ``ts_recv_ns``.
        """
        rows = self._rows(kind)
        first = pl.col("received_timestamp_ns").min()
        order = rows.group_by("source_file").agg(first).collect()
        for name in order.sort("received_timestamp_ns", "source_file")["source_file"]:
            yield (
                rows.filter(pl.col("source_file") == name)
                .with_columns(
                    venue=pl.col("exchange"),
                    ts_exch_ns=pl.col("exchange_timestamp_ns"),
                    ts_recv_ns=pl.col("received_timestamp_ns") + self.clock_offset_ns,
                )
                .collect()
                .sort("source_row", maintain_order=True)
            )

    def all(self, kind: str) -> pl.DataFrame:
        """Return a kind's rows, file after file."""
        return pl.concat(list(self.files(kind)))

    def bronze(self, source_file: str) -> pl.DataFrame:
        """Return a file's raw rows in order."""
        rows = self.lake.scan(self.dataset.bronze)
        return rows.filter(pl.col("source_file") == source_file).collect().sort("source_row")

    def has_orderbook(self) -> bool:
        """Tell whether order messages came with the book that each of them left behind."""
        names = self._rows("orders").select(pl.col("source_file").unique()).collect()
        if not self.lake.exists(self.dataset.bronze):
            return False
        return all("_message_" in name for name in names["source_file"])

    def placed(self, findings: pl.DataFrame) -> pl.DataFrame:
        """Fill in the file and row of findings made on gold rows, by their received time."""
        received = findings["ts_recv_ns"].unique() - self.clock_offset_ns
        places = [
            self._rows(kind)
            .filter(pl.col("received_timestamp_ns").is_in(received.implode()))
            .select("received_timestamp_ns", file="source_file", row="source_row")
            .collect()
            for kind in ("depth", "orders", "quotes")
            if self.has(kind)
        ]
        if not places:
            return findings
        place = (
            pl.concat(places)
            .unique("received_timestamp_ns", keep="first", maintain_order=True)
            .with_columns(ts_recv_ns=pl.col("received_timestamp_ns") + self.clock_offset_ns)
        )
        return (
            findings.join(place, on="ts_recv_ns", how="left", maintain_order="left")
            .with_columns(
                source_file=pl.coalesce("source_file", "file"),
                source_row=pl.coalesce("source_row", "row"),
            )
            .select(findings.columns)
        )

    def _rows(self, kind: str) -> pl.LazyFrame:
        rows = self.lake.scan(self.dataset.silver(kind)).filter(
            pl.col("exchange") == self.venue, pl.col("symbol") == self.symbol
        )
        if self.until_ns is None:
            return rows
        return rows.filter(
            pl.col("received_timestamp_ns").fill_null(0) <= self.until_ns - self.clock_offset_ns
        )
