"""Gradient boosted trees by XGBoost, with monotone constraints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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
    matrix,
    shares,
    training_rows,
    unfitted,
)
from research.volatility.table import HAR_COLUMNS, TARGET, feature_names, is_risk

if TYPE_CHECKING:
    import xgboost

_HELD_OUT: Final = 0.2  # latest share of the rows, on which training stops
_QUANTILE_ROWS: Final = 200_000  # latest rows that the quantiles are learnt from
_EXPLAINED_ROWS: Final = 2_000
_SMALL_ROWS: Final = 50_000  # below, threads wait for each other longer than they work
_MEAN, _QUANTILES = "mean.ubj", "quantiles.ubj"


class Boosting(VolatilityModel):
    """Trees for the mean (gamma deviance, which is QLIKE) and for the quantiles of the logarithm.

    Both start from a log-linear regression on the HAR columns with weights of 0 or more, and learn
    what it leaves. Features of risk may only raise either: the trees are constrained, and so are
    the weights. Training stops when the latest fifth of the rows no longer gains by it.

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
        self._quantiles: xgboost.Booster | None = None

    def fit(self, table: pl.DataFrame, *, on_progress: OnProgress | None = None) -> None:
        rows = training_rows(table)
        self._names = feature_names(rows)
        self._weights = _start(rows)
        self.curves = {}
        rounds = int(self.settings["rounds"])
        total = rounds + rounds // 4
        mean = {"objective": "reg:gamma", "eval_metric": "gamma-deviance"}
        self._mean = self._boosted(rows, mean, "mean", rounds, (0, total), on_progress)
        latest = rows.tail(_QUANTILE_ROWS)
        alphas = {
            "objective": "reg:quantileerror",
            "quantile_alpha": LEVELS.tolist(),
            "eval_metric": "quantile",
        }
        # A quarter of the rounds with four times the step: ten trees a round.
        alphas["learning_rate"] = min(4.0 * self.settings["learning_rate"], 0.3)
        self._quantiles = self._boosted(
            latest, alphas, "quantiles", rounds // 4, (rounds, total), on_progress
        )
        if on_progress is not None:
            on_progress(total, total)

    def forecast(self, table: pl.DataFrame) -> Forecast:
        if self._mean is None or self._quantiles is None:
            raise unfitted(self.kind)
        data = self._matrix(table)
        start = _linear(table, self._weights)
        data.set_base_margin(start)
        mean = self._mean.predict(data).astype(np.float64)
        data.set_base_margin(np.zeros((table.height, LEVELS.size)))
        off = self._quantiles.predict(data).astype(np.float64)
        # Quantiles learnt one by one may cross: sorting never makes them worse (Chernozhukov,
        # Fernández-Val and Galichon 2010).
        quantiles = np.exp(start[:, None] + np.sort(off, axis=1))
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
        columns = matrix(rows, list(HAR_COLUMNS))
        linear = np.abs((columns - columns.mean(axis=0)) * self._weights[1:]).mean(axis=0)
        weights = dict(zip(self._names, np.abs(values).mean(axis=0).tolist(), strict=True))
        for name, weight in zip(HAR_COLUMNS, linear.tolist(), strict=True):
            weights[name] += weight
        return shares(weights)

    def save(self, folder: Path) -> State:
        if self._mean is None or self._quantiles is None:
            raise unfitted(self.kind)
        self._mean.save_model(folder / _MEAN)
        self._quantiles.save_model(folder / _QUANTILES)
        return {"names": self._names, "weights": self._weights.tolist(), "settings": self.settings}

    def load(self, folder: Path, state: State) -> None:
        names, settings = state["names"], state["settings"]
        assert isinstance(names, list)
        assert isinstance(settings, Mapping)
        xgb = _xgboost()
        self._names, self.settings = [str(name) for name in names], dict(settings)
        self._weights = np.array(state["weights"], np.float64)
        self._mean, self._quantiles = xgb.Booster(), xgb.Booster()
        self._mean.load_model(folder / _MEAN)
        self._quantiles.load_model(folder / _QUANTILES)

    def _boosted(
        self,
        rows: pl.DataFrame,
        objective: Mapping[str, object],
        name: str,
        rounds: int,
        progress: tuple[int, int],
        on_progress: OnProgress | None,
    ) -> xgboost.Booster:
        """Boost one objective, and note its losses step by step."""
        xgb = _xgboost()
        cut = rows.height - int(_HELD_OUT * rows.height)
        parts = []
        for part in (rows[:cut], rows[cut:]):
            start = _linear(part, self._weights)
            outcome = part[TARGET].to_numpy()
            data = self._matrix(part)
            if name == "mean":
                data.set_label(outcome)
                data.set_base_margin(start)
            else:
                data.set_label(np.log(outcome) - start)
                data.set_base_margin(np.zeros((part.height, LEVELS.size)))
            parts.append(data)
        risk = [int(is_risk(feature)) for feature in self._names]
        plain = {k: v for k, v in self.settings.items() if k != "rounds"}
        told: dict[str, dict[str, list[float]]] = {}
        booster = xgb.train(
            plain
            | {"tree_method": "hist", "nthread": 1 if rows.height < _SMALL_ROWS else 0}
            | {"monotone_constraints": tuple(risk), "max_depth": int(self.settings["max_depth"])}
            | {"seed": int(self.settings["seed"])}
            | dict(objective),
            parts[0],
            num_boost_round=max(rounds, 1),
            evals=[(parts[0], "train"), (parts[1], "held_out")],
            early_stopping_rounds=max(rounds // 10, 5),
            evals_result=told,
            verbose_eval=False,
            callbacks=[_progress(progress, on_progress)] if on_progress is not None else None,
        )
        for part, losses in told.items():
            self.curves[f"{name}.{part}"] = [float(loss) for loss in next(iter(losses.values()))]
        best: xgboost.Booster = booster[: booster.best_iteration + 1]
        return best

    def _matrix(self, table: pl.DataFrame) -> xgboost.DMatrix:
        return _xgboost().DMatrix(matrix(table, self._names), feature_names=self._names)


def _start(rows: pl.DataFrame) -> F64Array:
    """Fit the log-linear start with weights of 0 or more, scaled to the mean."""
    from scipy.optimize import lsq_linear

    outcome = rows[TARGET].to_numpy()
    columns = matrix(rows, list(HAR_COLUMNS))
    design = np.column_stack([np.ones(rows.height), columns])
    bounds = (np.array([-np.inf, 0.0, 0.0, 0.0]), np.full(4, np.inf))
    weights = np.asarray(lsq_linear(design, np.log(outcome), bounds=bounds).x, np.float64)
    weights[0] += np.log(np.mean(outcome / np.exp(design @ weights)))
    return weights


def _linear(table: pl.DataFrame, weights: F64Array) -> F64Array:
    columns = matrix(table, list(HAR_COLUMNS))
    return np.asarray(weights[0] + columns @ weights[1:], np.float64)


def _progress(
    progress: tuple[int, int], on_progress: OnProgress
) -> xgboost.callback.TrainingCallback:
    xgb = _xgboost()
    begun, total = progress

    class Progress(xgb.callback.TrainingCallback):  # type: ignore[name-defined, misc]
        def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:
            on_progress(begun + epoch + 1, total)
            return False

    return Progress()


def _xgboost():  # type: ignore[no-untyped-def]
    try:
        import xgboost
    except ImportError as error:
        raise ModelError(
            "this model needs XGBoost, which is not installed",
            remedy="pip install 'crossbook[volatility]'",
        ) from error
    return xgboost
