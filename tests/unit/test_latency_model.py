"""Drawn latencies against their definition in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.core.errors import SpecError
from framework.core.links import LatencyKind, LatencyModel
from framework.venue.latency import drawn_ns, hashed_uniform

_WORD = 2**64


def _splitmix64(state: int) -> int:
    """One output of the published generator, for the state after its increment."""
    x = state % _WORD
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % _WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % _WORD
    return x ^ (x >> 31)


def _uniform(seed: int, counter: int) -> float:
    word = _splitmix64(seed + (counter + 1) * 0x9E3779B97F4A7C15)
    return ((word >> 11) + 0.5) / 2**53


def test_the_hash_is_splitmix64() -> None:
    # The generator's first outputs for seed 0, as its reference implementation prints them.
    known = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
    assert [hashed_uniform(0, n) for n in range(3)] == [
        ((word >> 11) + 0.5) / 2**53 for word in known
    ]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**40))
def test_the_hash_equals_its_twin(seed: int, counter: int) -> None:
    assert hashed_uniform(seed, counter) == _uniform(seed, counter)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**40), st.floats(0, 3))
def test_a_draw_equals_its_twin(seed: int, counter: int, sigma: float) -> None:
    one, other = _uniform(seed, 2 * counter), _uniform(seed, 2 * counter + 1)
    normal = math.sqrt(-2 * math.log(one)) * math.cos(2 * math.pi * other)
    expected = 1_000_000 * math.exp(sigma * normal)
    assert drawn_ns(1_000_000, sigma, seed, counter) == pytest.approx(expected, abs=1, rel=1e-9)


def test_draws_are_log_normal() -> None:
    draws = np.log([drawn_ns(10**9, 0.5, 42, n) for n in range(20_000)])
    # within four standard errors of mean, deviation and skewness
    assert draws.mean() == pytest.approx(math.log(10**9), abs=4 * 0.5 / math.sqrt(20_000))
    assert draws.std() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(40_000))
    skewness = (((draws - draws.mean()) / draws.std()) ** 3).mean()
    assert abs(skewness) < 4 * math.sqrt(6 / 20_000)


def test_without_spread_every_draw_is_the_median() -> None:
    assert {drawn_ns(123_456, 0.0, 7, n) for n in range(100)} == {123_456}


@pytest.mark.parametrize("values", [{"sigma": -0.1}, {"sigma": 3.1}, {"factor": -1.0}])
def test_a_model_out_of_range_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(SpecError, match="must be"):
        LatencyModel(kind=LatencyKind.LOG_NORMAL, **values)
