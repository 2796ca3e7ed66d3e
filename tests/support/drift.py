"""A market that changes its ways half way, or does not, and a model trained on its first half."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.events import F64Array
from research.drift import Limits, baseline, calibration, forecast_errors, judge, population
from research.volatility import TARGET, BarSettings, evaluate, volatility_table
from research.volatility.models import KINDS
from tests.support.volatility import quotes

HORIZON_NS = 10 * NS_PER_S
Change = Callable[[F64Array, np.random.Generator], F64Array]


def louder(moves: F64Array, rng: np.random.Generator) -> F64Array:
    """Double every move: another level of volatility, with the same dynamics."""
    return 2.0 * moves


def restless(moves: F64Array, rng: np.random.Generator) -> F64Array:
    """Let volatility change anew every second bar, its mean kept: nothing before tells of it."""
    spells = rng.standard_normal(moves.size // 100 + 1)
    return moves * np.repeat(np.exp(1.2 * spells - 1.44), 100)[: moves.size]


def changed(hours: float, seed: int, change: Change | None) -> pl.DataFrame:
    """Draw quotes whose moves are changed in their second half."""
    drawn = quotes(hours, seed=seed, persistence=0.995)
    mid = drawn["mid_ticks"].to_numpy()
    moves = np.diff(mid)
    if change is not None:
        half = moves.size // 2
        rng = np.random.default_rng([seed, 3])
        moves = np.concatenate([moves[:half], change(moves[half:], rng)])
    walked = np.concatenate([mid[:1], mid[0] + np.cumsum(moves)])
    return drawn.with_columns(mid_ticks=pl.Series(walked), mid_deviation_ticks=pl.lit(0.1))


def watched(
    hours: float,
    seed: int,
    change: Change | None,
    *,
    kind: str = "har",
    limits: Limits | None = None,
) -> pl.DataFrame:
    """Train on the first half, test the second for drift; see `research.drift.judge`."""
    limits = limits or Limits()
    drawn = changed(hours, seed, change)
    table = volatility_table(drawn, BarSettings(horizon_ns=HORIZON_NS))
    cut_ns = drawn["ts_ns"][drawn.height // 2]
    is_known = pl.col("ts_ns") + HORIZON_NS <= cut_ns
    learnt = table.filter(pl.col("ts_ns") <= cut_ns).with_columns(pl.when(is_known).then(TARGET))
    model = KINDS[kind]()
    tested = evaluate(learnt, {kind: KINDS[kind]}, HORIZON_NS)
    model.fit(learnt)
    then = baseline(learnt, tested.rows)
    after = pl.col("ts_ns") > cut_ns
    errors = forecast_errors(model.forecast(table), table).filter(after)
    found = [*calibration(then, errors, limits)]
    return judge([*found, *population(then, table.filter(after), limits.psi)], limits.p)
