"""How a table's files lie: their sizes, what a filter lets a reader skip, what is worth merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.lake.store import Lake, TableName
from framework.scale.files import table_files

TARGET_BYTES: Final = 128 << 20
"""Much smaller files cost more to open than to read, much larger ones are skipped too rarely."""

_HOUR_NS: Final = 3600 * NS_PER_S
_SYMBOLS: Final = ("symbol", "pair")
_TIMES: Final = ("ts_exch_ns", "exchange_timestamp_ns", "ts_ns", "start_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """Files of one version of a table.

    Parameters
    ----------
    version, files, size_bytes
        The version, its files and their size in all.
    smallest_bytes, median_bytes, largest_bytes
        Of the files.
    partitioned_by
        Partition columns.
    symbol_share, hour_share, symbol_hour_share
        Share of all bytes in the files that a filter on one symbol, on one hour, and on both cannot
        skip, on average; None where the files have no statistics of such a column. A reader skips
        row groups within those files besides.
    small_files, small_bytes
        Files below a quarter of the target size, and their size.
    file_debt
        Files that merging the small ones would save.
    """

    version: int
    files: int
    size_bytes: int
    smallest_bytes: int
    median_bytes: int
    largest_bytes: int
    partitioned_by: tuple[str, ...]
    symbol_share: float | None
    hour_share: float | None
    symbol_hour_share: float | None
    small_files: int
    small_bytes: int
    file_debt: int


def table_layout(
    lake: Lake, table: TableName, version: int | None = None, *, target_bytes: int = TARGET_BYTES
) -> TableLayout:
    """Look at a table's files through its log.

    Raises
    ------
    DataError
        Where there is no such table or version.
    """
    delta = lake.open(table, version)
    files = table_files(delta)
    sizes = files["size_bytes"].cast(pl.Int64)
    partitioned_by = tuple(delta.metadata().partition_columns)
    small = files.filter(pl.col("size_bytes") * 4 < target_bytes)
    symbol, time = _bounds(files, _SYMBOLS), _bounds(files, _TIMES)
    return TableLayout(
        version=delta.version(),
        files=files.height,
        size_bytes=int(sizes.sum()),
        smallest_bytes=int(sizes.min() or 0),  # type: ignore[arg-type]
        median_bytes=int(sizes.median() or 0),  # type: ignore[arg-type]
        largest_bytes=int(sizes.max() or 0),  # type: ignore[arg-type]
        partitioned_by=partitioned_by,
        symbol_share=_share(sizes, symbol, None),
        hour_share=_share(sizes, None, time),
        symbol_hour_share=_share(sizes, symbol, time) if symbol and time else None,
        small_files=small.height,
        small_bytes=int(small["size_bytes"].sum()),
        file_debt=_debt(small, partitioned_by, target_bytes),
    )


def _debt(small: pl.DataFrame, partitioned_by: tuple[str, ...], target_bytes: int) -> int:
    """Count the files that merging saves: small ones merge within their partition."""
    keys = [f"partition.{name}" for name in partitioned_by]
    parts = small.partition_by(keys) if keys else [small]
    sizes = [(part.height, int(part["size_bytes"].sum())) for part in parts if part.height]
    return sum(count - max(1, -(-size // target_bytes)) for count, size in sizes)


_Bounds = tuple[pl.Series, pl.Series]


def _bounds(files: pl.DataFrame, names: tuple[str, ...]) -> _Bounds | None:
    """Return the least and greatest value of each file, of the first column that has them."""
    for name in names:
        if f"partition.{name}" in files.columns:
            return files[f"partition.{name}"], files[f"partition.{name}"]
        if f"min.{name}" in files.columns:
            return files[f"min.{name}"], files[f"max.{name}"]
    return None


def _share(sizes: pl.Series, symbol: _Bounds | None, time: _Bounds | None) -> float | None:
    """Average, over values the files' own bounds suggest, what share of the bytes stays."""
    if symbol is None and time is None:
        return None
    total = int(sizes.sum())
    if not total:
        return 0.0
    shares = [
        _touched(sizes, symbol, time, name, hour_ns) / total
        for name in _spread(symbol)
        for hour_ns in _hours(time)
    ]
    return float(np.mean(shares))


def _spread(symbol: _Bounds | None) -> list[object]:
    if symbol is None:
        return [None]
    known = pl.concat([symbol[0], symbol[1]]).drop_nulls().unique().sort()
    step = max(1, len(known) // 14)
    return known.gather_every(step).to_list()


def _hours(time: _Bounds | None) -> list[int | None]:
    if time is None:
        return [None]
    first, last = int(time[0].min() or 0), int(time[1].max() or 0)  # type: ignore[arg-type]
    hours = np.arange(first // _HOUR_NS, last // _HOUR_NS + 1) * _HOUR_NS
    return [int(hour) for hour in hours[:: max(1, hours.size // 14)]]


def _touched(
    sizes: pl.Series,
    symbol: _Bounds | None,
    time: _Bounds | None,
    name: object,
    hour_ns: int | None,
) -> float:
    stays = pl.Series([True]).new_from_index(0, len(sizes))
    if symbol is not None:
        stays = stays & (symbol[0] <= name).fill_null(True) & (symbol[1] >= name).fill_null(True)
    if time is not None and hour_ns is not None:
        later, sooner = time[0] < hour_ns + _HOUR_NS, time[1] >= hour_ns
        stays = stays & later.fill_null(True) & sooner.fill_null(True)
    return float(sizes.filter(stays).sum())
