"""Planted markets whose volatility only news move, and tables to train on."""

from __future__ import annotations

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
from research.volatility import READING_SCHEMA, TARGET, BarSettings, volatility_table

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


def planted_table(market: PlantedMarket, horizon_ns: int) -> pl.DataFrame:
    """Measure the bars of a market's best quotes."""
    (name,) = market.streams()
    derive = Deriver(Level.QUOTES)

    def gold() -> Iterator[pa.Table]:
        for piece in market:
            yield derive(piece.gold[name])

    batches = feature_batches(gold(), FeatureSettings(levels=1, depth=1), when=When.BEST)
    quotes = pl.concat([batch.select(READING_SCHEMA.names()) for batch in batches])
    settings = BarSettings(horizon_ns=horizon_ns)
    return volatility_table(quotes, settings, news=market.news.frame("PLT"))


def random_table(rows: int, columns: int) -> pl.DataFrame:
    """Draw bars whose variance remembers and rises with six of the columns."""
    rng = np.random.default_rng(0)
    risk = rng.standard_normal((rows, columns - 3))
    wandering = pl.Series(rng.standard_normal(rows)).ewm_mean(alpha=0.05, adjust=False).to_numpy()
    log_rv = 3.0 * wandering + 0.4 * rng.standard_normal(rows)
    log_rv[1:] += 0.2 * risk[:-1, :6].sum(axis=1)
    rv = pl.Series("rv_bps2", np.exp(log_rv))
    return pl.DataFrame(
        {
            "ts_ns": np.arange(rows) * 10 * NS_PER_S,
            "rv_bps2": rv,
            "log_rv": rv.log(),
            "log_rv_5": rv.rolling_mean(5, min_samples=1).log(),
            "log_rv_22": rv.rolling_mean(22, min_samples=1).log(),
            TARGET: rv.shift(-1),
        }
        | {f"risk_{place}": risk[:, place] for place in range(columns - 3)}
    )
