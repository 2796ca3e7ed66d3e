"""GARCH(1,1) on the returns of bars, estimated by arch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.volatility.models.base import LocationModel, ModelError, log_target, matrix

_NAMES: Final = ("omega", "alpha[1]", "beta[1]")


class Garch(LocationModel):
    """GARCH(1,1) of the returns of bars, its variance scaled to the realised one.

    References
    ----------
    Bollerslev, T. (1986), "Generalized Autoregressive Conditional Heteroskedasticity", Journal of
    Econometrics 31(3).
    """

    kind: ClassVar[str] = "garch"
    needs: ClassVar[tuple[str, ...]] = ("arch",)

    def __init__(self) -> None:
        super().__init__()
        self._fitted = dict.fromkeys((*_NAMES, "start_bps2", "offset"), 0.0)

    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        alpha, beta = self._fitted["alpha[1]"], self._fitted["beta[1]"]
        return {"past": beta / (alpha + beta), "return_bps": alpha / (alpha + beta)}

    def _learn(self, rows: pl.DataFrame) -> None:
        try:
            from arch import arch_model
        except ImportError as error:
            raise ModelError(
                "garch needs the package arch, which is not installed",
                remedy="pip install 'crossbook[volatility]'",
            ) from error
        returns = matrix(rows, ["return_bps"])[:, 0]
        scale = float(returns.std()) or 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an optimiser that stopped early is judged by its loss
            model = arch_model(returns / scale, mean="Zero", vol="GARCH", rescale=False)
            found = model.fit(disp="off", show_warning=False).params
        self._fitted = {name: float(found[name]) for name in _NAMES}
        self._fitted["omega"] *= scale * scale
        self._fitted |= {"start_bps2": scale * scale, "offset": 0.0}
        self._fitted["offset"] = float(np.mean(log_target(rows) - self._location(rows)))

    def _location(self, table: pl.DataFrame) -> F64Array:
        returns = matrix(table, ["return_bps"])[:, 0]
        fitted = self._fitted
        shocks = fitted["omega"] + fitted["alpha[1]"] * returns**2
        # σ²(t+1) = shock(t) + β σ²(t) is an exponential average of shocks / (1 − β).
        beta = min(fitted["beta[1]"], 1.0 - 1e-9)
        series = np.concatenate([[fitted["start_bps2"]], shocks / (1.0 - beta)])
        variance = pl.Series(series).ewm_mean(alpha=1.0 - beta, adjust=False).to_numpy()[1:]
        location = np.log(np.maximum(variance, 1e-12)) + fitted["offset"]
        return np.asarray(location, np.float64)

    def _parameters(self) -> dict[str, float]:
        return dict(self._fitted)

    def _take(self, parameters: Mapping[str, float]) -> None:
        self._fitted = {name: float(value) for name, value in parameters.items()}
