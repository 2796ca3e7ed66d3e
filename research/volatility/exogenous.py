"""What is known besides prices: heat of news, and any column with an instant of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array
from framework.features.heat import Heat, faded_heat_over, log_heat_over

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
    >>> import numpy as np
    >>> news = pl.DataFrame({"available_ns": [10, 20], "intensity": [1.0, 2.0]})
    >>> news_heat(news, np.array([5, 10, 20]), 10).round(4).tolist()  # 2 + e⁻¹
    [0.0, 1.0, 2.3679]
    """
    known = heat_signal(news, memory_ns)
    heats, known_ns = known["heat"].to_numpy(), known["available_ns"].to_numpy()
    return faded_heat_over(heats, known_ns, at_ns, float(memory_ns))


def heat_signal(news: pl.DataFrame, memory_ns: int) -> pl.DataFrame:
    """List the heat right after each headline: ``available_ns`` and ``heat``.

    A strategy that reads it as a signal fades it as the table does: `framework.features.log_heat`.
    """
    known = news.sort("available_ns")
    available_ns = known["available_ns"].to_numpy()
    heat = Heat(memory_ns).over(available_ns, known["intensity"].cast(pl.Float64).to_numpy())
    return pl.DataFrame({"available_ns": available_ns, "heat": heat})


def with_news(table: pl.DataFrame, news: pl.DataFrame) -> pl.DataFrame:
    """Add the heat of news, a column for each of `NEWS_MEMORIES_S`."""
    at_ns = table["ts_ns"].to_numpy()
    columns = []
    for memory_s in NEWS_MEMORIES_S:
        memory_ns = memory_s * NS_PER_S
        known = heat_signal(news, memory_ns)
        log = log_heat_over(
            known["heat"].to_numpy(), known["available_ns"].to_numpy(), at_ns, float(memory_ns)
        )
        columns.append(pl.Series(f"news_heat_{memory_s}s", log))
    return table.with_columns(columns)


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
