"""How MLflow loads a registered model: by our own loader, so that no pickle is involved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from research.volatility.store import load_model

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]


class Predictor:
    """Forecasts for MLflow: a data frame of features in, mean and interval out."""

    def __init__(self, folder: Path) -> None:
        self._model, self.about = load_model(folder)

    def predict(self, features: pd.DataFrame, params: object = None) -> pd.DataFrame:
        """Return ``mean_bps2``, ``low_bps2`` and ``high_bps2``, one a row."""
        made = self._model.forecast(pl.from_pandas(features))
        low, high = made.interval()
        frame = pl.DataFrame({"mean_bps2": made.mean_bps2, "low_bps2": low, "high_bps2": high})
        return frame.to_pandas()


def _load_pyfunc(path: str) -> Predictor:
    """Load a model; MLflow looks for this name."""
    return Predictor(Path(path))
