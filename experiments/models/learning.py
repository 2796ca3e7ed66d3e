"""From a stored stream to a model that was tested out of sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from experiments.report import DataVersion
from framework.catalog import Catalog
from framework.core.clock import duration_ns
from framework.core.errors import DataError, SpecError
from framework.lake.store import Lake, TableName
from framework.replay import open_streams
from research.volatility import (
    BarSettings,
    Evaluation,
    evaluate,
    find_leaks,
    known_rows,
    read_quotes,
    volatility_table,
)
from research.volatility.evaluation import OnFold
from research.volatility.models import KINDS, Boosting, OnProgress, Transformer, VolatilityModel

_LEAK_CUTS = (0.3, 0.6, 0.9)
_REFERENCE = "har"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a model learns from.

    Attributes
    ----------
    stream
        ``venue:symbol``.
    horizon_ns
        Length of a bar.
    table
        As `volatility_table` makes it.
    data
        Tables read, at which versions.
    """

    stream: str
    horizon_ns: int
    table: pl.DataFrame
    data: tuple[DataVersion, ...]

    @property
    def learnt_until_ns(self) -> int:
        """When the last outcome in the table was known."""
        return int(known_rows(self.table)["ts_ns"][-1]) + self.horizon_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A model and what it is worth.

    Attributes
    ----------
    model
        Fitted on the whole period.
    evaluation
        Of its kind and the reference's, by a purged walk forward.
    """

    model: VolatilityModel
    evaluation: Evaluation


def open_source(
    lake: Lake,
    catalog: Catalog | None,
    table: str,
    horizon: str,
    *,
    venue: str | None = None,
    symbol: str | None = None,
    version: int | None = None,
    news: str | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> Source:
    """Open one stream, measure its bars, and prove that no feature looks ahead.

    Parameters
    ----------
    start_ns, end_ns
        Quotes that count, the end outside; all there are where left out.
    news
        Silver table of headlines, where there is one.

    Raises
    ------
    DataError
        Where the table has several streams and none was chosen, or a feature looks ahead.
    """
    streams = open_streams(
        lake, table, catalog=catalog, venue=venue, symbols=symbol, version=version
    )
    if len(streams) != 1:
        names = ", ".join(stream.instrument.name for stream in streams)
        raise DataError(
            f"a model learns from one stream, {table} has {len(streams)}: {names}",
            remedy="choose one with --venue and --symbol",
        )
    (stream,) = streams
    settings = BarSettings(horizon_ns=duration_ns(horizon))
    quotes = _within(read_quotes(stream), start_ns, end_ns)
    data = [
        DataVersion(
            table=stream.table,
            version=stream.version,
            stream=stream.instrument.name,
            rows=quotes.height,
        )
    ]
    headlines = None
    if news is not None:
        name = TableName("silver", news.removeprefix("silver/"))
        headlines = lake.scan(name).select("available_ns", "intensity").collect()
        data.append(
            DataVersion(
                table=str(name),
                version=lake.version(name) or 0,
                stream="news",
                rows=headlines.height,
            )
        )

    def build(rows: pl.DataFrame, known: pl.DataFrame | None) -> pl.DataFrame:
        return volatility_table(rows, settings, news=known)

    made = build(quotes, headlines)
    cuts_ns = np.quantile(made["ts_ns"].to_numpy(), _LEAK_CUTS, method="nearest").tolist()
    leaks = find_leaks(build, quotes, cuts_ns, news=headlines, horizon_ns=settings.horizon_ns)
    if leaks:
        raise DataError(
            f"no feature may know the future, {leaks[0].column} does",
            remedy="report it: features are altered prices away from being usable",
        )
    return Source(
        stream=stream.instrument.name,
        horizon_ns=settings.horizon_ns,
        table=made,
        data=tuple(data),
    )


def _within(quotes: pl.DataFrame, start_ns: int | None, end_ns: int | None) -> pl.DataFrame:
    if start_ns is not None:
        quotes = quotes.filter(pl.col("ts_ns") >= start_ns)
    if end_ns is not None:
        quotes = quotes.filter(pl.col("ts_ns") < end_ns)
    if quotes.is_empty():
        raise DataError(
            "there must be quotes in the period to learn from, there are none",
            remedy="choose another --start or --end",
        )
    return quotes


def makers(kinds: tuple[str, ...], seed: int) -> Mapping[str, Callable[[], VolatilityModel]]:
    """Say how to make each model.

    Raises
    ------
    SpecError
        Where there is none of that name.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise SpecError(
            f"there is no model {', '.join(unknown)}", remedy=f"there are: {', '.join(KINDS)}"
        )

    made: dict[str, Callable[[], VolatilityModel]] = dict(KINDS)
    made |= {
        Boosting.kind: lambda: Boosting(seed=seed),
        Transformer.kind: lambda: Transformer(seed=seed),
    }
    return {kind: made[kind] for kind in kinds}


def learn(
    source: Source,
    kind: str,
    *,
    seed: int = 0,
    folds: int = 3,
    on_fold: OnFold | None = None,
    on_progress: OnProgress | None = None,
) -> Learnt:
    """Test a kind of model against HAR out of sample, then fit it on everything.

    Parameters
    ----------
    on_fold, on_progress
        Told of folds tested, and of the steps of the fit on everything.

    Raises
    ------
    SpecError
        Where there is no such kind.
    DataError
        Where the period is too short.
    """
    kinds = (kind,) if kind == _REFERENCE else (_REFERENCE, kind)
    made = makers(kinds, seed)
    evaluation = evaluate(source.table, made, source.horizon_ns, folds=folds, on_fold=on_fold)
    model = made[kind]()
    model.fit(source.table, on_progress=on_progress)
    return Learnt(model=model, evaluation=evaluation)
