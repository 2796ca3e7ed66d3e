"""Strategies that read the store: the engine against its twin, and against reading directly."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.links import LatencyKind, LatencyModel
from framework.engine.backtest import run_backtest
from framework.state import Lag, StoreLink
from tests.oracle.engine.compare import Case, costly_case, random_case, run_both

KINDS = list(LatencyKind)


def _lag(rng: random.Random) -> Lag:
    kind = rng.choice(KINDS)
    model = LatencyModel(kind=kind, sigma=rng.choice([0.3, 1.0]), factor=rng.choice([0.5, 2.0]))
    return Lag(ns=rng.choice([0, 0, 1, 3, 20, 60]), model=model)


def _read_lag(rng: random.Random) -> Lag:
    """A read lag; from data it is each book's own, which the twin does not know."""
    lag = _lag(rng)
    return Lag(ns=lag.ns) if lag.model.kind == LatencyKind.FROM_DATA else lag


def _through_store(case: Case, link: StoreLink, bucket_ns: int = 0) -> Case:
    config = replace(case.config, view="store", store=link, store_bucket_ns=bucket_ns)
    return replace(case, config=config)


def _told(case: Case) -> list[tuple[object, ...]]:
    """What a strategy saw, without the depth at trades.

    Half way through a message known ladders show half of it, which is never written.
    """
    return [
        (*row[:-2], tuple(book[:-1] for book in row[-2]), row[-1]) if row[0] == "trade" else row
        for row in case.strategy.log
    ]


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 40))
def test_any_lags_equal_the_twin(seed: int, steps: int, actions: int) -> None:
    rng = random.Random(seed)
    case = rng.choice([random_case, costly_case])(seed, steps, actions)
    link = StoreLink(write=_lag(rng), notify=_lag(rng), read=_read_lag(rng))
    run_both(_through_store(case, link, rng.choice([0, 3, 25])))


@pytest.mark.parametrize("seed", range(40))
def test_without_lags_the_store_changes_nothing(seed: int) -> None:
    case = costly_case(seed, 120, 80)
    direct = run_backtest(case.strategy, case.streams(), case.config)
    seen = _told(case)
    case = _through_store(case, StoreLink())
    stored = run_backtest(case.strategy, case.streams(), case.config)
    assert _told(case) == seen
    assert stored.journal_hash == direct.journal_hash
    assert stored.samples.equals(direct.samples)
