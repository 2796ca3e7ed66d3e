"""The log-linear start on which trees and networks build."""

from __future__ import annotations

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.volatility.models.base import matrix
from research.volatility.table import HAR_COLUMNS, TARGET


def fit_start(rows: pl.DataFrame) -> F64Array:
    """Regress the logarithm of the outcome on the HAR columns, weights 0 or more.

    Returns
    -------
    The constant, scaled so that the mean is right, and a weight for each of `HAR_COLUMNS`.
    """
    from scipy.optimize import lsq_linear  # type: ignore[import-untyped]

    outcome = rows[TARGET].to_numpy()
    columns = matrix(rows, list(HAR_COLUMNS))
    design = np.column_stack([np.ones(rows.height), columns])
    bounds = (np.array([-np.inf, 0.0, 0.0, 0.0]), np.full(4, np.inf))
    weights = np.asarray(lsq_linear(design, np.log(outcome), bounds=bounds).x, np.float64)
    weights[0] += np.log(np.mean(outcome / np.exp(design @ weights)))
    return weights


def log_start(table: pl.DataFrame, weights: F64Array) -> F64Array:
    """Return the logarithm that the start forecasts, shape ``(n_rows,)``."""
    columns = matrix(table, list(HAR_COLUMNS))
    return np.asarray(weights[0] + columns @ weights[1:], np.float64)


def start_effects(table: pl.DataFrame, weights: F64Array) -> dict[str, float]:
    """Tell by how much each HAR column moves the start on average, in logarithms."""
    columns = matrix(table, list(HAR_COLUMNS))
    moved = np.abs((columns - columns.mean(axis=0)) * weights[1:]).mean(axis=0)
    return dict(zip(HAR_COLUMNS, moved.tolist(), strict=True))
