"""One interface for all models of volatility."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
import polars as pl

from framework.core.errors import CrossbookError, DataError
from framework.core.events import F64Array
from research.volatility.forecast import LEVELS, Forecast
from research.volatility.table import TARGET, known_rows

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with steps done and steps in all."""
State: TypeAlias = Mapping[str, object]
"""What JSON can hold."""

_FEWEST_ROWS = 30


class ModelError(CrossbookError):
    """A model was asked for something it cannot do, or does not fit what it was given."""


class VolatilityModel(ABC):
    """A model of the next bar's variance.

    Attributes
    ----------
    kind
        Its name in commands and files.
    needs
        Packages it imports when it is used.
    extra
        What to install for them: ``crossbook[extra]``.
    curves
        What training told of itself by name, step by step; empty where there are no steps.
    """

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = "volatility"
    curves: dict[str, list[float]]

    @abstractmethod
    def fit(self, table: pl.DataFrame, *, on_progress: OnProgress | None = None) -> None:
        """Learn from a volatility table; only rows whose outcome is known count.

        Raises
        ------
        DataError
            Where there are too few rows.
        """

    @abstractmethod
    def forecast(self, table: pl.DataFrame) -> Forecast:
        """Forecast the bar after each row, from what the row and those before it hold.

        Raises
        ------
        ModelError
            Where the model was not fitted, or the table lacks a column it learnt from.
        """

    @abstractmethod
    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        """Tell how much each input counts, the greatest first; shares sum to 1."""

    @abstractmethod
    def save(self, folder: Path) -> State:
        """Write what does not fit into JSON to a folder, and return the rest."""

    @abstractmethod
    def load(self, folder: Path, state: State) -> None:
        """Take back what `save` wrote."""


def training_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows to learn from.

    Raises
    ------
    DataError
        Where there are fewer than 30.
    """
    rows = known_rows(table)
    if rows.height < _FEWEST_ROWS:
        raise DataError(
            f"a model needs {_FEWEST_ROWS} bars whose outcome is known, the table has "
            f"{rows.height}",
            remedy="take a longer period or a shorter horizon",
        )
    return rows


def log_target(table: pl.DataFrame) -> F64Array:
    """Return the logarithm of the outcome, shape ``(n_rows,)``."""
    return np.asarray(np.log(table[TARGET].to_numpy()), np.float64)


def matrix(table: pl.DataFrame, names: list[str]) -> F64Array:
    """Return columns side by side, shape ``(n_rows, len(names))``.

    Raises
    ------
    ModelError
        Where one is missing.
    """
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ModelError(
            f"the table must have what the model learnt from, it lacks {', '.join(missing)}",
            remedy="build the table with the same sources as for training",
        )
    return np.ascontiguousarray(table.select(names).to_numpy(), np.float64)


class LocationModel(VolatilityModel):
    """A model that says where the logarithm of variance will be; its errors give the rest.

    The mean is ``exp(location)`` times the mean of ``exp(error)`` in training (Duan's smearing),
    and the quantiles are those of the errors.

    References
    ----------
    Duan, N. (1983), "Smearing Estimate: A Nonparametric Retransformation Method", Journal of the
    American Statistical Association 78(383).
    """

    def __init__(self) -> None:
        self.curves = {}
        self._smearing = 0.0
        self._errors: F64Array = np.zeros(LEVELS.size)

    @abstractmethod
    def _learn(self, rows: pl.DataFrame) -> None:
        """Fit what gives the location."""

    @abstractmethod
    def _location(self, table: pl.DataFrame) -> F64Array:
        """Return the expected logarithm of variance, shape ``(n_rows,)``."""

    @abstractmethod
    def _parameters(self) -> dict[str, float]:
        """Return what was learnt, by name."""

    @abstractmethod
    def _take(self, parameters: Mapping[str, float]) -> None:
        """Take back what `_parameters` gave."""

    def fit(self, table: pl.DataFrame, *, on_progress: OnProgress | None = None) -> None:
        rows = training_rows(table)
        self._learn(rows)
        errors = log_target(rows) - self._location(rows)
        self._smearing = float(np.mean(np.exp(errors)))
        self._errors = np.quantile(errors, LEVELS)
        if on_progress is not None:
            on_progress(1, 1)

    def forecast(self, table: pl.DataFrame) -> Forecast:
        if not self._smearing:
            raise unfitted(self.kind)
        location = self._location(table)
        quantiles = np.exp(location[:, None] + self._errors)
        ts_ns = table["ts_ns"].to_numpy()
        return Forecast(ts_ns, np.exp(location) * self._smearing, quantiles)

    def save(self, folder: Path) -> State:
        return {
            "parameters": self._parameters(),
            "smearing": self._smearing,
            "errors": self._errors.tolist(),
        }

    def load(self, folder: Path, state: State) -> None:
        parameters = state["parameters"]
        assert isinstance(parameters, Mapping)
        self._take(parameters)
        self._smearing = float(str(state["smearing"]))
        self._errors = np.array(state["errors"], np.float64)


def unfitted(kind: str) -> ModelError:
    """Say that a model knows nothing yet."""
    return ModelError(
        f"the model {kind} must be fitted before it forecasts, it has not been",
        remedy="call fit, or load a model that was trained",
    )


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Scale weights to a sum of 1 and put the greatest first.

    >>> shares({"a": 1.0, "b": -3.0})
    {'b': 0.75, 'a': 0.25}
    """
    total = sum(abs(weight) for weight in weights.values()) or 1.0
    ordered = sorted(weights, key=lambda name: -abs(weights[name]))
    return {name: abs(weights[name]) / total for name in ordered}
