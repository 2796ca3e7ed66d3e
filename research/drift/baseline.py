"""What a model's world was like where it was learnt; small, and stored beside the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from pydantic import TypeAdapter, ValidationError

from framework.core.events import F64Array
from research.drift.serial import error_of_mean, memory
from research.volatility import feature_names
from research.volatility.models import ModelError

_POINTS: Final = 201
_CALENDAR: Final = ("day_sin", "day_cos")  # a window of hours differs from days by construction


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSample:
    """One feature in training.

    Parameters
    ----------
    quantiles
        Evenly spaced order statistics, from the least to the greatest.
    memory
        Rows that count as one; see `research.drift.serial.memory`.
    """

    quantiles: tuple[float, ...]
    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A mean out of sample, with its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A model's training sample and what it did out of sample then.

    Parameters
    ----------
    until_ns
        End of the last bar learnt from.
    rows
        Bars learnt from.
    tested
        Forecasts that the levels rest on.
    features
        By name; what only tells the time of day is left out.
    qlike, ratio
        Loss, and outcome over forecast, in the walk-forward evaluation.
    coverage
        Share of outcomes within the model's own 90 % interval there.
    """

    until_ns: int
    rows: int
    tested: int
    features: Mapping[str, FeatureSample]
    qlike: Level
    ratio: Level
    coverage: float

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_bytes(_BASELINE.dump_json(self))


_BASELINE: Final = TypeAdapter(Baseline)


def baseline(table: pl.DataFrame, tested: pl.DataFrame) -> Baseline:
    """Describe what a model was fitted to and how well its kind did out of sample.

    Parameters
    ----------
    table
        The volatility table learnt from.
    tested
        The model's rows of `research.volatility.Evaluation`.
    """
    ordered = tested.sort("ts_ns")
    ratio = (ordered["outcome_bps2"] / ordered["mean_bps2"]).to_numpy()
    names = [name for name in feature_names(table) if name not in _CALENDAR]
    return Baseline(
        until_ns=int(table["ts_ns"][-1]),
        rows=table.height,
        tested=tested.height,
        features={name: _sample(table[name]) for name in names},
        qlike=_level(ordered["qlike"].to_numpy()),
        ratio=_level(ratio),
        coverage=float(np.mean(ordered["is_within_quantiles"].to_numpy())),
    )


def read_baseline(path: Path) -> Baseline:
    """Read what `Baseline.write` wrote.

    Raises
    ------
    ModelError
        Where there is none, or the file is not one.
    """
    try:
        return _BASELINE.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{path.name} must hold the model's training sample, it does not: "
            f"{str(error).splitlines()[0]}",
            remedy="train the model anew: crossbook model train stores it since then",
        ) from error


def _sample(values: pl.Series) -> FeatureSample:
    known = values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    levels = np.linspace(0.0, 1.0, _POINTS)
    quantiles = np.quantile(known, levels, method="inverted_cdf") if known.size else np.zeros(0)
    return FeatureSample(quantiles=tuple(quantiles.tolist()), memory=memory(known))


def _level(values: F64Array) -> Level:
    return Level(mean=float(values.mean()), error=error_of_mean(values))
