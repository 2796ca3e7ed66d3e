"""How bronze lines become typed columns: fields, checks with reasons, and rejected rows.

A check is a condition and the reason a row is refused for; the first that holds is reported. Text
that is no number never becomes a silent null: `unreadable` tells it from an empty field.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.lake.formats.base import BRONZE_SCHEMA, REJECT_SCHEMA
from framework.lake.formats.lines import HEADER

REASON: Final = "reason"
MAX_TS_US: Final = (2**63 - 1) // 1000

Check = tuple[pl.Expr, str]
"""Where the condition holds, the row is refused for the reason; null counts as not holding."""


def split_fields(bronze: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Split payloads at commas into text columns, stripped of blanks; empty fields are null.

    A row with another number of fields has its `REASON` set and its fields null. Lines with
    quotes go through the standard library's reader.
    """
    count = pl.col("payload").str.count_matches(",", literal=True) + 1
    parts = pl.col("payload").str.split_exact(",", len(names) - 1).struct.rename_fields(names)
    base = bronze.select(BRONZE_SCHEMA.names()).with_columns(n_fields=count.cast(pl.Int64))
    frame = base.with_columns(parts.alias("parts")).unnest("parts")
    if bronze["payload"].str.contains('"', literal=True).any():
        frame = _with_quoted(frame, names)
    blank = pl.col("n_fields") != len(names)
    fields = [pl.col(name).str.strip_chars(" \r") for name in names]
    return frame.with_columns(
        *(
            pl.when(~blank & (field != "")).then(field).alias(field.meta.output_name())
            for field in fields
        ),
        pl.when(blank)
        .then(pl.format(f"{len(names)} fields must stand in a row, found {{}}", "n_fields"))
        .alias(REASON),
    ).drop("n_fields")


def _with_quoted(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    quoted = frame.with_row_index("at").filter(pl.col("payload").str.contains('"', literal=True))
    rows = [_cells(line) for line in quoted["payload"]]
    width = len(names)
    cells = pl.DataFrame(
        [[*row[:width], *[None] * (width - len(row))] for row in rows],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    ).with_columns(quoted["at"], n_fields=pl.Series([len(row) for row in rows], dtype=pl.Int64))
    return frame.with_row_index("at").update(cells, on="at", how="left").drop("at")


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error:  # a field beyond the reader's limit: no row of any vendor
        return []


def integer(name: str) -> pl.Expr:
    """Read a text column as int64; null where it is none."""
    return pl.col(name).cast(pl.Int64, strict=False)


def number(name: str) -> pl.Expr:
    """Read a text column as float64; null where it is none or not finite."""
    value = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value).alias(name)


def ts_us(name: str) -> pl.Expr:
    """Read microseconds since the epoch as nanoseconds; null where out of range."""
    value = integer(name)
    return pl.when(value.is_between(0, MAX_TS_US)).then(value * 1000)


def missing(name: str) -> Check:
    """Refuse an empty field."""
    return pl.col(name).is_null(), f"{name} must not be empty"


def unreadable(name: str, value: pl.Expr, what: str = "a finite number") -> Check:
    """Refuse text that is not what it must be."""
    return pl.col(name).is_not_null() & value.is_null(), f"{name} must be {what}"


def price_checks(name: str, *, required: bool = True) -> list[Check]:
    """Check a price: a finite number above zero."""
    checks = [missing(name)] if required else []
    return [
        *checks,
        unreadable(name, number(name)),
        (number(name) <= 0, f"{name} must be above zero"),
    ]


def volume_checks(name: str, *, required: bool = True, zero: bool = False) -> list[Check]:
    """Check a volume: a finite number above zero, or at least zero where `zero` is legal."""
    checks = [missing(name)] if required else []
    bad = number(name) < 0 if zero else number(name) <= 0
    limit = "at least zero" if zero else "above zero"
    return [*checks, unreadable(name, number(name)), (bad, f"{name} must be {limit}")]


def ts_checks(name: str, value: pl.Expr, unit: str) -> list[Check]:
    """Check a time: a whole number of the unit since the epoch, before the year 2262."""
    return [missing(name), unreadable(name, value, f"whole {unit} since 1970, before 2262")]


def partition(rows: pl.DataFrame, checks: Iterable[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part typed rows from refused ones.

    Parameters
    ----------
    rows
        Split rows with `REASON` and the bronze columns.
    checks
        In the order in which they are reported.

    Returns
    -------
    good, rejects
        `rejects` follows `REJECT_SCHEMA`.
    """
    reasons = [pl.when(condition).then(pl.lit(reason)) for condition, reason in checks]
    judged = rows.with_columns(pl.coalesce(pl.col(REASON), *reasons).alias(REASON))
    rejects = judged.filter(pl.col(REASON).is_not_null())
    good = judged.filter(pl.col(REASON).is_null())
    return good, rejects.select(REJECT_SCHEMA.names()).cast(REJECT_SCHEMA)


def scaled(values: pl.Series, divisor: int) -> pl.Series:
    """Divide whole numbers below 2**53, rounding each quotient once; null stays null.

    Polars multiplies by the reciprocal of a scalar and so rounds twice: its 2238200 / 10000 is
    223.82000000000002.

    >>> scaled(pl.Series([2238200, None]), 10000).to_list()
    [223.82, None]
    """
    quotients = values.cast(pl.Float64).to_numpy() / float(divisor)
    return pl.Series(values.name, quotients, pl.Float64).fill_nan(None)


def to_schema(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Bring rows into a silver schema: its columns, order and types; absent columns are null."""
    present = set(rows.columns)
    return rows.select(
        (pl.col(name) if name in present else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def headers_of(bronze: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
    """Part a batch by its files' header lines.

    Raises
    ------
    DataError
        Where the batch has lost its header column.
    """
    if HEADER not in bronze.columns:
        raise DataError(
            f"bronze of this format must have the column {HEADER!r}, found {bronze.columns}",
            remedy="ingest the file again",
        )
    for (header,), rows in bronze.group_by(HEADER, maintain_order=True):
        yield str(header), rows
