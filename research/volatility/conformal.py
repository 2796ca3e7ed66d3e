"""Intervals that keep their promise: quantiles widened by how wrong they have been lately."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array
from research.volatility.forecast import Forecast

REGIMES: Final = ("low", "mid", "high")
_FEWEST_SCORES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Conformalised quantile regression that goes on learning, in each regime for itself.

    The score of an outcome is how far its logarithm lies beyond the quantiles' interval, below 0
    within it. An interval is the quantiles' widened by a quantile of the latest scores of its
    regime; that quantile's level moves up after a miss and down after a hit, so that misses come
    as often as promised even while the market changes. Only outcomes known when a forecast is made
    count towards it.

    Parameters
    ----------
    coverage
        Share of outcomes within the interval.
    window
        Scores of each regime that count.
    rate
        How far a miss moves the level.

    References
    ----------
    Romano, Y., Patterson, E. and Candès, E. (2019), "Conformalized Quantile Regression", NeurIPS.
    Gibbs, I. and Candès, E. (2021), "Adaptive Conformal Inference Under Distribution Shift",
    NeurIPS.
    Vovk, V. (2012), "Conditional Validity of Inductive Conformal Predictors", ACML: a regime for
    itself.
    """

    coverage: float = 0.9
    window: int = 1_000
    rate: float = 0.01

    def intervals(
        self,
        seen: tuple[Forecast, F64Array, I64Array],
        made: tuple[Forecast, F64Array, I64Array],
        horizon_ns: int,
    ) -> tuple[F64Array, F64Array]:
        """Return bounds in bps² for forecasts, each from what was known before.

        Parameters
        ----------
        seen, made
            Forecasts not trained on, their outcomes and regimes (by `REGIMES`): those to begin
            with, and those to give intervals for, both in order of time.
        horizon_ns
            An outcome is known this long after its forecast.

        Raises
        ------
        DataError
            Where fewer than ten forecasts are there to begin with.
        """
        if seen[1].size < _FEWEST_SCORES:
            raise DataError(
                f"conformal intervals need {_FEWEST_SCORES} outcomes to begin with, got "
                f"{seen[1].size}",
                remedy="take a longer period",
            )
        scores = _scores(*made[:2])
        begun = _scores(*seen[:2])
        # A regime not seen yet begins with the scores of all.
        kept = [deque(self._begin(begun, seen[2] == r), self.window) for r in range(len(REGIMES))]
        alpha = [1.0 - self.coverage] * len(REGIMES)
        widths = np.zeros(scores.size)
        ts_ns, regime = made[0].ts_ns, made[2]
        told = 0
        for row in range(scores.size):
            while told < row and ts_ns[told] + horizon_ns <= ts_ns[row]:
                place = int(regime[told])
                missed = scores[told] > widths[told]
                alpha[place] += self.rate * (1.0 - self.coverage - float(missed))
                kept[place].append(scores[told])
                told += 1
            widths[row] = _quantile(kept[int(regime[row])], 1.0 - alpha[int(regime[row])])
        low, high = made[0].interval()
        return low * np.exp(-widths), high * np.exp(widths)

    def _begin(self, scores: F64Array, mine: np.ndarray) -> list[float]:
        chosen = scores[mine] if np.count_nonzero(mine) >= _FEWEST_SCORES else scores
        return [float(score) for score in chosen]


def regimes(log_rv: F64Array, trained: F64Array) -> I64Array:
    """Number each row's regime by `REGIMES`: the terciles are those of the rows trained on.

    Parameters
    ----------
    log_rv, trained
        ``log_rv_22`` of the rows, and of those trained on.
    """
    borders = np.quantile(trained, [1 / 3, 2 / 3])
    return np.searchsorted(borders, log_rv, side="right").astype(np.int64)


def _scores(forecast: Forecast, outcome: F64Array) -> F64Array:
    low, high = forecast.interval()
    log = np.log(outcome)
    return np.asarray(np.maximum(np.log(low) - log, log - np.log(high)), np.float64)


def _quantile(scores: deque[float], level: float) -> float:
    """Return the conformal quantile, the least or greatest score beyond the ends."""
    ordered = np.sort(np.fromiter(scores, np.float64, len(scores)))
    place = int(np.ceil(level * (ordered.size + 1))) - 1
    return float(ordered[min(max(place, 0), ordered.size - 1)])
