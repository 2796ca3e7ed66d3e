"""Gradient boosted trees by XGBoost, with monotone constraints."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.volatility.forecast import LEVELS, Forecast
from research.volatility.models.base import (
    ModelError,
    OnProgress,
    State,
    VolatilityModel,
    log_target,
    matrix,
    shares,
    training_rows,
    unfitted,
)
from research.volatility.models.start import fit_start, log_start, start_effects
from research.volatility.table import HAR_COLUMNS, TARGET, feature_names, is_risk

if TYPE_CHECKING:
    import xgboost

_HELD_OUT: Final = 0.2  # latest share of the rows, on which training stops
_EXPLAINED_ROWS: Final = 2_000
_SMALL_ROWS: Final = 50_000  # below, threads wait for each other longer than they work
_TREES: Final = "mean.ubj"


class Boosting(VolatilityModel):
    """Trees for the mean by gamma deviance, which is QLIKE.

    They start from a log-linear regression on the HAR columns with weights of 0 or more, and learn
    what it leaves. Features of risk may only raise the forecast: the trees are constrained, and so
    are the weights. Training stops when the latest fifth of the rows no longer gains by it.

    Quantiles lie about the mean as the errors of that fifth do. XGBoost's own quantile objective is
    not used: it moves the leaves after a tree has grown, and its constraints no longer hold then
    (seen in 3.2.0: more volatility lowered a quantile).

    Parameters
    ----------
    seed
        Of row and column subsampling.
    rounds
        Most trees.
    learning_rate, max_depth, min_child_weight, subsample, colsample_bytree
        As XGBoost means them.

    References
    ----------
    Chen, T. and Guestrin, C. (2016), "XGBoost: A Scalable Tree Boosting System", KDD.
    """

    kind: ClassVar[str] = "xgboost"
    needs: ClassVar[tuple[str, ...]] = ("xgboost",)

    def __init__(
        self,
        *,
        seed: int = 0,
        rounds: int = 400,
        learning_rate: float = 0.05,
        max_depth: int = 4,
        min_child_weight: float = 20.0,
        subsample: float = 0.7,
        colsample_bytree: float = 0.7,
    ) -> None:
        self.settings: dict[str, float] = {
            "seed": seed,
            "rounds": rounds,
            "learning_rate": learning_rate,
            "max_depth": max_depth,
            "min_child_weight": min_child_weight,
            "subsample": subsample,
            "colsample_bytree": colsample_bytree,
        }
        self.curves = {}
        self._names: list[str] = []
        self._weights: F64Array = np.zeros(1 + len(HAR_COLUMNS))
        self._mean: xgboost.Booster | None = None
        self._errors: F64Array = np.zeros(LEVELS.size)

    def fit(self, table: pl.DataFrame, *, on_progress: OnProgress | None = None) -> None:
        rows = training_rows(table)
        self._names = feature_names(rows)
        self._weights = fit_start(rows)
        self.curves = {}
        cut = rows.height - int(_HELD_OUT * rows.height)
        self._mean = self._boosted(rows[:cut], rows[cut:], on_progress)
        log_mean = np.log(self._predicted(rows[cut:]))
        self._errors = np.quantile(log_target(rows[cut:]) - log_mean, LEVELS)

    def forecast(self, table: pl.DataFrame) -> Forecast:
        mean = self._predicted(table)
        quantiles = mean[:, None] * np.exp(self._errors)
        return Forecast(table["ts_ns"].to_numpy(), mean, quantiles)

    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        """Average the absolute SHAP values of the mean's logarithm over the latest rows.

        References
        ----------
        Lundberg, S. et al. (2020), "From Local Explanations to Global Understanding with
        Explainable AI for Trees", Nature Machine Intelligence 2.
        """
        if self._mean is None:
            raise unfitted(self.kind)
        rows = table.tail(_EXPLAINED_ROWS)
        values = self._mean.predict(self._matrix(rows), pred_contribs=True)[:, :-1]
        weights = dict(zip(self._names, np.abs(values).mean(axis=0).tolist(), strict=True))
        for name, effect in start_effects(rows, self._weights).items():
            weights[name] += effect
        return shares(weights)

    def save(self, folder: Path) -> State:
        if self._mean is None:
            raise unfitted(self.kind)
        self._mean.save_model(folder / _TREES)
        return {
            "names": self._names,
            "weights": self._weights.tolist(),
            "errors": self._errors.tolist(),
            "settings": self.settings,
        }

    def load(self, folder: Path, state: State) -> None:
        names, settings = state["names"], state["settings"]
        assert isinstance(names, list)
        assert isinstance(settings, Mapping)
        self._names, self.settings = [str(name) for name in names], dict(settings)
        self._weights = np.array(state["weights"], np.float64)
        self._errors = np.array(state["errors"], np.float64)
        self._mean = _xgboost().Booster()
        self._mean.load_model(folder / _TREES)

    def _predicted(self, table: pl.DataFrame) -> F64Array:
        if self._mean is None:
            raise unfitted(self.kind)
        return np.asarray(self._mean.predict(self._data(table)), np.float64)

    def _boosted(
        self, trained: pl.DataFrame, held_out: pl.DataFrame, on_progress: OnProgress | None
    ) -> xgboost.Booster:
        """Boost until what is held out no longer gains, and note the losses step by step."""
        rounds = int(self.settings["rounds"])
        parts = [self._data(part) for part in (trained, held_out)]
        for part, data in zip((trained, held_out), parts, strict=True):
            data.set_label(part[TARGET].to_numpy())
        told: dict[str, dict[str, list[float]]] = {}
        booster = _xgboost().train(
            {key: value for key, value in self.settings.items() if key != "rounds"}
            | {"objective": "reg:gamma", "eval_metric": "gamma-deviance", "tree_method": "hist"}
            | {"monotone_constraints": tuple(int(is_risk(name)) for name in self._names)}
            | {"nthread": 1 if trained.height < _SMALL_ROWS else 0},
            parts[0],
            num_boost_round=rounds,
            evals=[(parts[0], "train"), (parts[1], "held_out")],
            early_stopping_rounds=max(rounds // 10, 5),
            evals_result=told,
            verbose_eval=False,
            callbacks=[_progress(rounds, on_progress)] if on_progress is not None else None,
        )
        self.curves = {name: list(losses["gamma-deviance"]) for name, losses in told.items()}
        best: xgboost.Booster = booster[: booster.best_iteration + 1]
        return best

    def _data(self, table: pl.DataFrame) -> xgboost.DMatrix:
        data = self._matrix(table)
        data.set_base_margin(log_start(table, self._weights))
        return data

    def _matrix(self, table: pl.DataFrame) -> xgboost.DMatrix:
        data: xgboost.DMatrix = _xgboost().DMatrix(
            matrix(table, self._names), feature_names=self._names
        )
        return data


def _progress(rounds: int, on_progress: OnProgress) -> xgboost.callback.TrainingCallback:
    xgb = _xgboost()

    class Progress(xgb.callback.TrainingCallback):  # type: ignore[name-defined, misc]
        def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:
            on_progress(epoch + 1, rounds)
            return False

        def after_training(self, model: object) -> object:
            on_progress(rounds, rounds)
            return model

    return Progress()


def _xgboost() -> ModuleType:
    try:
        return importlib.import_module("xgboost")
    except ImportError as error:
        raise ModelError(
            "this model needs XGBoost, which is not installed",
            remedy="pip install 'crossbook[volatility]'",
        ) from error
