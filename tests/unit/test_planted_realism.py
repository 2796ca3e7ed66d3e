"""A planted market is like a captured one, by stated statistics and bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from framework.catalog import load_catalog
from framework.core.errors import DataError
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake
from framework.replay import open_streams
from framework.synthetic.planted import generate_planted
from framework.synthetic.planted.realism import BANDS, BINANCE_USDM, compare, market_statistics

CORE = (
    "market_orders_per_s",
    "market_order_log_sd",
    "best_over_market_order",
    "sign_acf_1",
    "sign_acf_5",
    "sign_acf_20",
    "fano_100ms",
    "fano_1s",
    "signature_1s",
    "best_life_median_ms",
)
"""What must hold for any seed; the rest depends on the crises and headlines of ten minutes."""


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_planted_market_is_like_a_capture(seed: int) -> None:
    market = generate_planted(10, seed)
    for table in market.gold.values():
        found = compare(market_statistics([pl.DataFrame(pl.from_arrow(table))]))
        assert found.height == len(BANDS) == 18
        core = found.filter(pl.col("statistic").is_in(CORE))
        assert core.filter(~pl.col("holds")).is_empty(), core
        assert found["holds"].sum() >= 14, found


def test_a_market_without_memory_is_not_alike() -> None:
    """Independent arrivals and signs fail the statistics that are about memory."""
    rng = np.random.default_rng(1)
    n = 6_000
    poisson = {
        "fano_1s": float(np.var(rng.poisson(15, 400)) / 15),
        "sign_acf_1": float(np.corrcoef(rng.choice((-1, 1), (2, n)))[0, 1]),
    }
    assert not compare(poisson)["holds"].any()


def test_too_short_a_market_is_refused() -> None:
    market = generate_planted(0.02, 1)
    rows = pl.DataFrame(pl.from_arrow(market.gold["ash:PLT"]))
    with pytest.raises(DataError, match="200 market orders or more"):
        market_statistics([rows])


@pytest.mark.captures
def test_the_reference_is_what_the_capture_says(captures: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    files = [captures / "binance" / "usdm"]
    ingest(lake, "binance_usdm", BinanceFormat(), files, load_catalog())
    found = market_statistics(open_streams(lake.root, "binance_usdm")[0])
    assert set(found) == set(BINANCE_USDM) == set(BANDS)
    for name, value in BINANCE_USDM.items():
        assert found[name] == pytest.approx(value, rel=1e-3), name
