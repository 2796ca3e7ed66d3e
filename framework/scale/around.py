"""Ticks around events such as news: a join that reads only what the events ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.align.keys import require_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def ticks_around(
    news: DataFrame,
    ticks: DataFrame,
    *,
    before_ns: int,
    after_ns: int,
    by: str = "symbol",
    ts: str = "ts_exch_ns",
    news_ts: str = "news_ts_ns",
) -> DataFrame:
    """Join each piece of news with the ticks of its symbol in [t − before, t + after].

    Where `ticks` is partitioned by `by` and the news are few enough to be broadcast, Spark reads
    the partitions of their symbols only. Where they are not, both sides are shuffled, and adaptive
    execution splits a symbol that is much larger than the others.

    Parameters
    ----------
    news
        Has `by` and `news_ts`.
    ticks
        Has `by` and `ts`.
    before_ns, after_ns
        The window, both ends inside.
    """
    from pyspark.sql import functions as F  # noqa: N812

    require_columns(news.columns, [by, news_ts], "news")
    require_columns(ticks.columns, [by, ts], "ticks")
    joined = ticks.join(news, on=by)
    return joined.where(F.col(ts).between(F.col(news_ts) - before_ns, F.col(news_ts) + after_ns))
