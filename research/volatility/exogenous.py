"""What is known besides prices: heat of news, and any column with an instant of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array

NEWS_MEMORIES_S: Final = (10, 40, 160)
"""Time constants with which the heat of news fades, a column each."""


def news_heat(news: pl.DataFrame, at_ns: I64Array, memory_ns: int) -> F64Array:
    """Sum the intensities of headlines available by an instant, fading exponentially.

    Parameters
    ----------
    news
        ``available_ns`` and ``intensity``.
    at_ns
        Instants in order, shape ``(n,)``.

    Examples
    --------
    >>> news = pl.DataFrame({"available_ns": [10, 20], "intensity": [1.0, 2.0]})
    >>> news_heat(news, np.array([5, 10, 20]), 10).round(4).tolist()  # 2 + e⁻¹
    [0.0, 1.0, 2.3679]
    """
    known = news.sort("available_ns")
    available_ns = known["available_ns"].to_numpy()
    intensity = known["intensity"].to_numpy()
    after = np.zeros(available_ns.size + 1)
    previous_ns = 0
    for row, (ts_ns, size) in enumerate(zip(available_ns, intensity, strict=True)):
        after[row + 1] = after[row] * np.exp((previous_ns - ts_ns) / memory_ns) + size
        previous_ns = ts_ns
    place = np.searchsorted(available_ns, at_ns, side="right")
    latest_ns = np.concatenate([at_ns[:1], available_ns])[place] if at_ns.size else at_ns
    fade: F64Array = np.exp(-np.maximum(at_ns - latest_ns, 0) / memory_ns)
    return np.asarray(after[place] * fade, np.float64)


def with_news(table: pl.DataFrame, news: pl.DataFrame) -> pl.DataFrame:
    """Add the heat of news, a column for each of `NEWS_MEMORIES_S`."""
    at_ns = table["ts_ns"].to_numpy()
    return table.with_columns(
        pl.Series(f"news_heat_{memory_s}s", np.log1p(news_heat(news, at_ns, memory_s * NS_PER_S)))
        for memory_s in NEWS_MEMORIES_S
    )


def with_known(table: pl.DataFrame, known: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Add the latest values that were available at each row's instant.

    Parameters
    ----------
    known
        ``available_ns`` and `columns`. Text, such as a regime, becomes a column of 0 and 1 for
        each state after the first; rows before the first value get 0 there and null elsewhere.

    Raises
    ------
    DataError
        Where a column is missing.
    """
    missing = [name for name in ("available_ns", *columns) if name not in known.columns]
    if missing:
        raise DataError(
            f"exogenous columns need {', '.join(missing)}, the table has "
            f"{', '.join(known.columns)}",
            remedy="name the columns as they are, and say from when on each row may be used",
        )
    rows = known.select("available_ns", *columns).sort("available_ns")
    joined = table.join_asof(rows, left_on="ts_ns", right_on="available_ns", strategy="backward")
    joined = joined.drop("available_ns", strict=False)
    for name in columns:
        if joined.schema[name] != pl.String:
            continue
        states = sorted(known[name].drop_nulls().unique().to_list())
        flags = [(pl.col(name) == s).fill_null(False).cast(pl.Float64) for s in states[1:]]
        names = [f"{name}_{state}" for state in states[1:]]
        joined = joined.with_columns(
            flag.alias(alias) for flag, alias in zip(flags, names, strict=True)
        ).drop(name)
    return joined
