"""Exponentially weighted mean of past variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.volatility.losses import qlike
from research.volatility.models.base import LocationModel, matrix
from research.volatility.table import TARGET

_DECAYS: Final = (0.5, 0.7, 0.8, 0.9, 0.94, 0.97, 0.99)


class Ewma(LocationModel):
    """An exponential average of bars, its memory chosen by QLIKE.

    References
    ----------
    J.P. Morgan (1996), "RiskMetrics Technical Document", section 5.2: a decay of 0.94 for days.
    """

    kind: ClassVar[str] = "ewma"

    def __init__(self) -> None:
        super().__init__()
        self.decay = 0.94

    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        return {"log_rv": 1.0 - self.decay, "past": self.decay}

    def _learn(self, rows: pl.DataFrame) -> None:
        outcome = rows[TARGET].to_numpy()

        def loss(decay: float) -> float:
            mean = np.exp(_average(rows, decay))
            return float(np.mean(qlike(outcome, mean * np.mean(outcome / mean))))

        self.decay = min(_DECAYS, key=loss)

    def _location(self, table: pl.DataFrame) -> F64Array:
        return _average(table, self.decay)

    def _parameters(self) -> dict[str, float]:
        return {"decay": self.decay}

    def _take(self, parameters: Mapping[str, float]) -> None:
        self.decay = float(parameters["decay"])


def _average(table: pl.DataFrame, decay: float) -> F64Array:
    # What came before the table enters through the mean of its latest 66 bars.
    seed = matrix(table[:1], ["log_rv_66"])[:, 0]
    variance = np.concatenate([np.exp(seed), np.exp(matrix(table, ["log_rv"])[:, 0])])
    averaged = pl.Series(variance).ewm_mean(alpha=1.0 - decay, adjust=False)
    return np.asarray(np.log(averaged.to_numpy()[1:]), np.float64)
