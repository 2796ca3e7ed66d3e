"""Volatility models on planted markets, and how long XGBoost trains on a million rows.

python -m tests.bench.bench_volatility [--seeds 8] [--hours 8] [--rows 1000000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa

from framework.core.clock import NS_PER_S
from framework.features import FeatureSettings
from framework.features.frame import When, feature_batches
from framework.synthetic.planted import (
    Deriver,
    EpisodeRates,
    Level,
    NewsModel,
    PlantedMarket,
    PlantedModel,
    RegimeModel,
    VenueModel,
    planted_instruments,
)
from research.volatility import (
    READING_SCHEMA,
    TARGET,
    BarSettings,
    Evaluation,
    evaluate,
    pooled_diebold_mariano,
    volatility_table,
)
from research.volatility.models import KINDS, Boosting

_HORIZON_NS = 10 * NS_PER_S
_ONLY_NEWS = EpisodeRates(
    structural=0, noise=0, dust=0, spoof=0, layering=0, iceberg=0, congestion=0, loss=0, jump=0
)


def news_market(seed: int, hours: float, *, drives_volatility: bool) -> PlantedMarket:
    """Make a market in which nothing is planted but news."""
    model = PlantedModel(
        venues=(VenueModel(limit_rate=25.0, cancel_rate=0.25),),
        log_volatility_sigma=0.2,
        regimes=(RegimeModel(mean_s=240.0, share=1.0),),
        episodes=_ONLY_NEWS,
        news=NewsModel(drives_volatility=drives_volatility, heat_variance=12.0, jump_ticks=0.5),
    )
    return PlantedMarket(hours * 60, seed, instruments=planted_instruments(1), model=model)


def planted_table(market: PlantedMarket) -> pl.DataFrame:
    """Measure the bars of a market's best quotes."""
    (name,) = market.streams()
    derive = Deriver(Level.QUOTES)

    def gold() -> Iterator[pa.Table]:
        for piece in market:
            yield derive(piece.gold[name])

    batches = feature_batches(gold(), FeatureSettings(levels=1, depth=1), when=When.BEST)
    quotes = pl.concat([batch.select(READING_SCHEMA.names()) for batch in batches])
    settings = BarSettings(horizon_ns=_HORIZON_NS)
    return volatility_table(quotes, settings, news=market.news.frame("PLT"))


def print_planted(seeds: int, hours: float) -> None:
    """Print what each model is worth with and without news that matter."""
    print("| news drive volatility | model | QLIKE | CRPS | gain on HAR | p | seeds won | 90 % |")
    print("|---|---|---|---|---|---|---|---|")
    for drives in (True, False):
        found = [
            evaluate(
                planted_table(news_market(seed, hours, drives_volatility=drives)),
                dict(KINDS),
                _HORIZON_NS,
                folds=2,
            )
            for seed in range(1, seeds + 1)
        ]
        for kind in KINDS:
            print(_row(found, kind, drives))


def print_training(rows: int, columns: int = 40) -> None:
    """Print how long XGBoost takes on random rows."""
    rng = np.random.default_rng(0)
    names = ["log_rv", "log_rv_5", "log_rv_22", *(f"risk_{n}" for n in range(columns - 3))]
    values = rng.standard_normal((rows, columns)).astype(np.float32)
    outcome = np.exp(values[:, :6].sum(axis=1) * 0.3 + 0.5 * rng.standard_normal(rows))
    table = pl.DataFrame(values, schema=names).cast(pl.Float64)
    table = table.with_columns(pl.Series(TARGET, outcome.astype(np.float64)))
    table = table.with_columns(ts_ns=pl.int_range(rows))
    model = Boosting()
    begun = time.perf_counter()
    model.fit(table)
    trees = len(model.curves["train"])
    print(f"XGBoost, {rows:,} × {columns}: {time.perf_counter() - begun:.1f} s, {trees} trees")


def _row(found: list[Evaluation], kind: str, drives: bool) -> str:
    own = [evaluation.losses()[kind] for evaluation in found]
    har = [evaluation.losses()["har"] for evaluation in found]
    test = pooled_diebold_mariano(own, har)
    won = sum(a.mean() < b.mean() for a, b in zip(own, har, strict=True))
    rows = pl.concat([evaluation.rows for evaluation in found]).filter(pl.col("model") == kind)
    means = rows.select(pl.col("qlike", "crps", "is_within").mean()).row(0)
    is_reference = kind == "har"
    cells = (
        "yes" if drives else "no",
        kind,
        f"{means[0]:.4f}",
        f"{means[1]:.3f}",
        "" if is_reference else f"{test.gain:+.4f}",
        "" if is_reference else f"{test.p_value:.2g}",
        "" if is_reference else f"{won} of {len(found)}",
        f"{100 * means[2]:.1f} %",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--rows", type=int, default=1_000_000)
    told = parser.parse_args()
    print_training(told.rows)
    print_planted(told.seeds, told.hours)
