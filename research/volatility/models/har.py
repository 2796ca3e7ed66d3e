"""The heterogeneous autoregression of realised variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.volatility.models.base import LocationModel, log_target, matrix, shares
from research.volatility.table import HAR_COLUMNS


class Har(LocationModel):
    """Regress the logarithm of the next bar's variance on those of the latest 1, 5 and 22 bars.

    References
    ----------
    Corsi, F. (2009), "A Simple Approximate Long-Memory Model of Realized Volatility", Journal of
    Financial Econometrics 7(2).
    """

    kind: ClassVar[str] = "har"

    def __init__(self) -> None:
        super().__init__()
        self.coefficients: F64Array = np.zeros(1 + len(HAR_COLUMNS))

    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        spread = matrix(table, list(HAR_COLUMNS)).std(axis=0)
        weights = self.coefficients[1:] * spread
        return shares(dict(zip(HAR_COLUMNS, weights.tolist(), strict=True)))

    def _learn(self, rows: pl.DataFrame) -> None:
        found = np.linalg.lstsq(_design(rows), log_target(rows), rcond=None)[0]
        self.coefficients = np.asarray(found, np.float64)

    def _location(self, table: pl.DataFrame) -> F64Array:
        return np.asarray(_design(table) @ self.coefficients, np.float64)

    def _parameters(self) -> dict[str, float]:
        names = ("constant", *HAR_COLUMNS)
        return dict(zip(names, self.coefficients.tolist(), strict=True))

    def _take(self, parameters: Mapping[str, float]) -> None:
        self.coefficients = np.array([parameters[n] for n in ("constant", *HAR_COLUMNS)])


def _design(table: pl.DataFrame) -> F64Array:
    return np.column_stack([np.ones(table.height), matrix(table, list(HAR_COLUMNS))])
