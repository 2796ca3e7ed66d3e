"""What a model plants can be measured in the market: impact, premium, recovery, lag."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from framework.core.events import EventKind
from framework.features import Clock, FeatureSettings, feature_frame
from framework.synthetic.planted import (
    EpisodeRates,
    PlantedModel,
    PlantedTables,
    RegimeModel,
    VenueModel,
    generate_planted,
    planted_instruments,
)

NOTHING = EpisodeRates(**dict.fromkeys((field.name for field in fields(EpisodeRates)), 0.0))
ALWAYS_NORMAL = (RegimeModel(mean_s=1.0, share=1.0),)


def mid_on_grid(market: PlantedTables, name: str, step_ns: int) -> tuple[np.ndarray, np.ndarray]:
    frame = feature_frame(market.gold[name], clock=Clock.EXCHANGE)
    ts_ns = frame["ts_ns"].to_numpy()
    grid_ns = np.arange(ts_ns[0] + 1_000_000_000, ts_ns[-1], step_ns)
    at = np.searchsorted(ts_ns, grid_ns, side="right") - 1
    return grid_ns, frame["mid_ticks"].to_numpy()[at]


def test_the_price_moves_by_its_impact_and_nothing_else() -> None:
    model = PlantedModel(
        episodes=NOTHING, regimes=ALWAYS_NORMAL, volatility_ticks=0.0, impact_ticks=2.0
    )
    market = generate_planted(2, 3, model=model)
    rows = pl.concat(pl.DataFrame(pl.from_arrow(table)) for table in market.gold.values())
    taken = rows.filter(kind=EventKind.ORDER_EXECUTE).join(
        market.truth.select("venue", "seq", "agent"), on=["venue", "seq"]
    )
    bought = taken.filter(pl.col("agent") == "uninformed").select(
        -(pl.col("side").cast(pl.Int64) * pl.col("qty_lots")).sum()
    )
    moved = market.truth.sort("ts_exch_ns")["price_ticks"]
    assert moved[-1] - moved[0] == pytest.approx(2.0 * bought.item() / 1_000, abs=1.0)
    assert abs(bought.item()) > 1_000


def test_a_premium_reverts_with_its_half_life() -> None:
    venue = VenueModel(premium_sigma_ticks=6.0, premium_half_life_s=2.0, lag_ns=0)
    model = PlantedModel(
        venues=(venue,), episodes=NOTHING, regimes=ALWAYS_NORMAL, volatility_ticks=0.3
    )
    market = generate_planted(15, 4, model=model, instruments=planted_instruments(1))
    grid_ns, mid = mid_on_grid(market, "ash:PLT", 500_000_000)
    path = market.path
    at = np.searchsorted(path["ts_ns"].to_numpy(), grid_ns, side="right") - 1
    premium = mid - path["price_ticks"].to_numpy()[at]
    assert premium.std() == pytest.approx(6.0, rel=0.25)
    kept = np.corrcoef(premium[1:], premium[:-1])[0, 1]
    # 1,800 steps of a process that remembers 2.9 s: the half-life's deviation is about 10 %.
    assert 0.5 / np.log2(1 / kept) == pytest.approx(2.0, rel=0.35)


@pytest.mark.parametrize("seed", [5, 6])
def test_venues_rank_by_their_speed_of_recovery(seed: int) -> None:
    """Equal depth in the mean, four times the turnover."""
    slow = VenueModel(limit_rate=20.0, cancel_rate=0.2, improve_rate=30.0, lag_ns=0)
    fast = VenueModel(limit_rate=80.0, cancel_rate=0.8, improve_rate=120.0, lag_ns=0)
    model = PlantedModel(venues=(slow, fast), episodes=NOTHING, regimes=ALWAYS_NORMAL)
    market = generate_planted(6, seed, model=model)
    speed = {
        name: feature_frame(table, FeatureSettings(levels=5, depth=5))[-1, "bid_recovery"]
        for name, table in market.gold.items()
    }
    assert speed["beech:PLT"] > 1.4 * speed["ash:PLT"]


def test_a_venue_that_sees_late_follows() -> None:
    early, late = VenueModel(lag_ns=0), VenueModel(lag_ns=400_000_000)
    model = PlantedModel(
        venues=(early, late), episodes=NOTHING, regimes=ALWAYS_NORMAL, volatility_ticks=2.0
    )
    market = generate_planted(6, 6, model=model)
    step_ns = 50_000_000
    first = np.diff(mid_on_grid(market, "ash:PLT", step_ns)[1])
    second = np.diff(mid_on_grid(market, "beech:PLT", step_ns)[1])
    n = min(first.size, second.size) - 20
    by_lag = [np.corrcoef(first[:n], second[lag : lag + n])[0, 1] for lag in range(20)]
    assert int(np.argmax(by_lag)) * step_ns == pytest.approx(400_000_000, abs=100_000_000)
