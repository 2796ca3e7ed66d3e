"""Decode a column of JSON objects at once, and find the rows that are none."""

from __future__ import annotations

import polars as pl


def decode(rows: pl.DataFrame, dtype: pl.Struct) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Turn column ``json`` from text into objects.

    Parameters
    ----------
    rows
        Any columns, and ``json`` (text).
    dtype
        Fields wanted; what a row lacks is null, what it has besides is passed over.

    Returns
    -------
    decoded
        Rows that are such an object; ``json`` is of type `dtype`.
    bad
        The others, with a ``reason`` instead of ``json``.
    """
    good: list[pl.DataFrame] = []
    bad: list[pl.DataFrame] = []
    _decode_into(rows, dtype, good, bad)
    empty = rows.clear().with_columns(json=pl.lit(None, dtype))
    decoded = pl.concat([empty, *good])
    failed = pl.concat([rows.clear().with_columns(reason=pl.lit("")), *bad]).drop("json")
    return decoded, failed


def _decode_into(
    rows: pl.DataFrame, dtype: pl.Struct, good: list[pl.DataFrame], bad: list[pl.DataFrame]
) -> None:
    """Decode all rows, or halve them until the illegible ones stand alone."""
    if rows.is_empty():
        return
    try:
        objects = rows["json"].str.json_decode(dtype)
        if len(objects) == rows.height:
            good.append(rows.with_columns(json=objects))
            return
        reason = "one JSON object a line, found several"
    except pl.exceptions.ComputeError as error:
        reason = str(error).partition("\n")[0]
    if rows.height == 1:
        bad.append(rows.with_columns(reason=pl.lit(reason)))
        return
    middle = rows.height // 2
    _decode_into(rows[:middle], dtype, good, bad)
    _decode_into(rows[middle:], dtype, good, bad)
