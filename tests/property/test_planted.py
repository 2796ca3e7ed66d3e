"""Whatever the model, the planted market is one that venues could have sent."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.synthetic.planted import (
    EpisodeRates,
    PlantedModel,
    VenueModel,
    generate_planted,
    planted_instruments,
)
from tests.unit.planted_book import follow

RATES = st.sampled_from([0.0, 3.0, 40.0])
VENUES = st.builds(
    VenueModel,
    lag_ns=st.sampled_from([0, 2_000_000, 50_000_000]),
    limit_rate=st.floats(1.0, 80.0),
    market_rate=st.floats(0.2, 8.0),
    cancel_rate=st.floats(0.1, 5.0),
    stale_rate=st.floats(1.0, 400.0),
    improve_rate=st.floats(1.0, 200.0),
    premium_sigma_ticks=st.floats(0.0, 2.0),
)
MODELS = st.builds(
    PlantedModel,
    venues=st.tuples(VENUES, VENUES),
    volatility_ticks=st.floats(0.0, 6.0),
    jump_ticks=st.floats(0.0, 40.0),
    impact_ticks=st.floats(0.0, 3.0),
    hesitation_ticks=st.floats(0.0, 2.0),
    episodes=st.builds(
        EpisodeRates,
        structural=RATES,
        noise=RATES,
        dust=RATES,
        spoof=RATES,
        layering=RATES,
        iceberg=RATES,
        congestion=RATES,
        loss=RATES,
        jump=RATES,
        news=RATES,
    ),
)


@settings(max_examples=12)
@given(model=MODELS, seed=st.integers(0, 2**31), venues=st.integers(1, 3))
def test_books_queues_and_truth_hold(model: PlantedModel, seed: int, venues: int) -> None:
    market = generate_planted(0.15, seed, model=model, instruments=planted_instruments(venues))
    for item in market.instruments:
        rows = pl.DataFrame(pl.from_arrow(market.gold[item.name]))
        for _ in follow(rows):
            pass
        assert (rows["ts_recv_ns"] > rows["ts_exch_ns"]).all()
        assert (rows["ts_recv_ns"].diff().drop_nulls() >= 0).all()
        truth = market.truth.filter(pl.col("venue") == item.venue)
        assert truth["seq"].to_list() == list(range(1, truth.height + 1))
        got = truth.filter(~pl.col("is_lost"))["seq"]
        assert got.to_list() == rows["seq"].unique(maintain_order=True).to_list()
    assert (market.crosses["max_edge_ticks"] > 0).all()
    assert (market.crosses["mean_edge_ticks"] <= market.crosses["max_edge_ticks"] + 1e-9).all()
    assert (market.crosses["lots"] > 0).all()
