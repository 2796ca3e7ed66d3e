"""Half-lives: those of known processes, and the same numbers as statsmodels."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from framework.core.errors import DataError
from framework.replay import open_streams
from framework.synthetic import write_demo_market
from research.basis import basis
from research.half_life import half_life
from research.regime import Detector, detect


def _process(b: float, n: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    x = np.zeros(n)
    for t in range(1, n):
        x[t] = 3.0 * (1.0 - b) + b * x[t - 1] + noise[t]
    return x


@pytest.mark.parametrize("b", [0.5, 0.9, 0.99])
def test_the_half_life_of_a_known_process_is_found(b: float):
    found = half_life(_process(b, 200_000, 1), 500_000_000)
    assert found.persistence == pytest.approx(b, abs=4 * found.persistence_error)
    assert found.half_life_s == pytest.approx(-math.log(2) / math.log(b) / 2, rel=0.1)
    assert found.mean == pytest.approx(3.0, abs=0.3)
    assert found.deviation == pytest.approx(1 / math.sqrt(1 - b * b), rel=0.05)
    assert found.reverts


def test_a_random_walk_does_not_revert():
    walks = [half_life(np.cumsum(_process(0.0, 2_000, seed)), 1) for seed in range(20)]
    assert sum(walk.reverts for walk in walks) <= 3


def test_the_statistic_is_that_of_dickey_and_fuller():
    stattools = pytest.importorskip("statsmodels.tsa.stattools", reason="comes with crossbook[ml]")
    x = _process(0.95, 500, 3)
    statistic = stattools.adfuller(x, maxlag=0, autolag=None, result_object=False)[0]
    assert half_life(x, 1).t_unit_root == pytest.approx(statistic)


def test_a_series_without_movement_is_refused():
    with pytest.raises(DataError, match="that move"):
        half_life(np.ones(100), 1)
    with pytest.raises(DataError, match="finite"):
        half_life(np.append(np.arange(50.0), np.nan), 1)


def test_the_basis_is_what_was_known(tmp_path: Path):
    write_demo_market(tmp_path, rows=20_000, seed=2)
    streams = open_streams(tmp_path, "demo")
    sampled = basis(streams[::-1], 100_000_000)
    assert (sampled["ts_ns"] % 100_000_000 == 0).all()
    assert sampled["basis_bps"].abs().max() < 50
    assert sampled["mid_0"].null_count() == 0
    early = basis(streams, 100_000_000)
    assert early.equals(sampled)
    alone = basis(streams[:1], 100_000_000)
    assert alone["basis_bps"][0] == 0.0
    with pytest.raises(DataError, match="that of two streams"):
        basis([*streams, streams[0]], 100_000_000)


def test_a_crisis_and_a_trend_are_detected_from_the_past_alone():
    rng = np.random.default_rng(4)
    returns = rng.normal(scale=1e-4, size=1_500)
    returns[600:700] *= 4.0
    returns[1_000:1_300] += 1e-4
    mid = 100.0 * np.exp(np.cumsum(returns))
    regime = detect(mid, Detector())
    assert (regime[100:590] == 0).mean() > 0.7
    assert (regime[615:700] == 2).mean() > 0.8
    assert (regime[1_060:1_300] == 1).mean() > 0.6
    for cut in (300, 650, 1_100):
        assert np.array_equal(detect(mid[:cut], Detector()), regime[:cut])
