"""Realised measures against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from framework.core.errors import DataError
from research.volatility import (
    bipower_variance,
    garman_klass,
    parkinson,
    realised_kernel,
    realised_variance,
    rogers_satchell,
    signature,
    subsampled_variance,
    two_scale_variance,
)

_N = 23_400
_IV = 100.0**2  # bps² of a day at 1 % a day
_OMEGA = 1.0  # noise of a price in bps


def _days(count: int, *, noise: float = _OMEGA, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    days = []
    for _ in range(count):
        steps = np.sqrt(_IV / _N) * rng.standard_normal(_N)
        efficient = np.concatenate([[0.0], np.cumsum(steps)])
        days.append(efficient + noise * rng.standard_normal(_N + 1))
    return days


def test_noise_adds_twice_its_variance_per_return() -> None:
    measured = np.mean([realised_variance(day) for day in _days(20)])
    assert measured == pytest.approx(_IV + 2 * _N * _OMEGA**2, rel=0.01)


@pytest.mark.parametrize("measure", [two_scale_variance, realised_kernel])
def test_noise_cancels(measure: object) -> None:
    assert callable(measure)
    measured = np.array([measure(day) for day in _days(20)])
    assert measured.mean() == pytest.approx(_IV, rel=0.05)
    assert measured.std() < 0.15 * _IV


def test_without_noise_all_measures_agree() -> None:
    (day,) = _days(1, noise=0.0)
    for measure in (realised_variance, bipower_variance, two_scale_variance, realised_kernel):
        assert measure(day) == pytest.approx(_IV, rel=0.08)


def test_bipower_resists_a_jump() -> None:
    (day,) = _days(1, noise=0.0)
    jumped = day + 50.0 * (np.arange(day.size) > _N // 2)
    assert realised_variance(jumped) - realised_variance(day) == pytest.approx(50.0**2, rel=0.05)
    assert abs(bipower_variance(jumped) - bipower_variance(day)) < 0.1 * 50.0**2


def test_the_signature_plot_falls_to_the_variance_as_noise_is_skipped() -> None:
    plots = np.mean([signature(day, [1, 5, 30, 300]) for day in _days(10)], axis=0)
    assert (np.diff(plots) < 0).all()
    expected = _IV + 2 * _N * _OMEGA**2 / np.array([1, 5, 30, 300])
    np.testing.assert_allclose(plots, expected, rtol=0.1)


def test_subsampling_uses_all_grids() -> None:
    prices = np.array([0.0, 1.0, -1.0, 2.0, 0.5, 0.0])
    grids = [np.diff(prices[k::2]) for k in range(2)]
    squares = np.concatenate([grid**2 for grid in grids])
    assert subsampled_variance(prices, 2) == pytest.approx(squares.mean() * 5 / 2)


def test_range_statistics_of_a_continuous_path() -> None:
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((2_000, 2_000)) / np.sqrt(2_000)
    paths = np.concatenate([np.zeros((2_000, 1)), np.cumsum(steps, axis=1)], axis=1)
    bars = (paths[:, 0], paths.max(axis=1), paths.min(axis=1), paths[:, -1])
    # Extremes between the points looked at are missed, so all lie a little low.
    assert parkinson(bars[1], bars[2]).mean() == pytest.approx(1.0, abs=0.08)
    assert garman_klass(*bars).mean() == pytest.approx(1.0, abs=0.08)
    assert rogers_satchell(*bars).mean() == pytest.approx(1.0, abs=0.08)


def test_rogers_and_satchell_do_not_mind_drift() -> None:
    line = np.linspace(0.0, 3.0, 10)
    bars = tuple(np.array([value]) for value in (line[0], line.max(), line.min(), line[-1]))
    assert rogers_satchell(*bars)[0] == 0.0
    assert parkinson(bars[1], bars[2])[0] > 3.0


@pytest.mark.parametrize(
    ("prices", "step"), [(np.zeros(3), 3), (np.zeros(3), 0), (np.array([0.0, np.nan, 1.0]), 1)]
)
def test_what_cannot_be_measured_is_refused(prices: np.ndarray, step: int) -> None:
    with pytest.raises(DataError, match="realised measure needs"):
        subsampled_variance(prices, step)
