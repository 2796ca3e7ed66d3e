"""Is one forecast better than another: Diebold and Mariano's test, and the model confidence set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from framework.core.errors import CrossbookError, DataError
from framework.core.events import F64Array

_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a test of equal losses says.

    Attributes
    ----------
    gain
        Mean loss of the reference less the model's: above 0 where the model is better.
    statistic
        Diebold and Mariano's, with Harvey, Leybourne and Newbold's correction.
    p_value
        Of the hypothesis that the model is no better, against its being better.
    n
        Forecasts compared.
    """

    gain: float
    statistic: float
    p_value: float
    n: int

    def is_win(self, level: float = 0.01) -> bool:
        """Tell whether the model is better beyond doubt."""
        return self.gain > 0 and self.p_value < level


def diebold_mariano(model: F64Array, reference: F64Array, *, steps: int = 1) -> Comparison:
    """Test whether a model's losses are smaller than a reference's.

    The variance of the mean difference is Newey and West's, with ``max(steps − 1, n^¼)`` lags,
    since losses of volatility forecasts remember.

    Parameters
    ----------
    model, reference
        Losses of the same forecasts in order of time, shape ``(n,)``.
    steps
        Bars that a forecast reaches ahead.

    Raises
    ------
    DataError
        Where the two differ in length or there are fewer than ten.

    References
    ----------
    Diebold, F. X. and Mariano, R. S. (1995), "Comparing Predictive Accuracy", Journal of Business &
    Economic Statistics 13(3).
    Harvey, D., Leybourne, S. and Newbold, P. (1997), "Testing the Equality of Prediction Mean
    Squared Errors", International Journal of Forecasting 13(2).

    Examples
    --------
    >>> wave = np.tile([1.0, 2.0], 50)
    >>> diebold_mariano(wave, wave).p_value
    1.0
    """
    return pooled_diebold_mariano([model], [reference], steps=steps)


def pooled_diebold_mariano(
    models: Sequence[F64Array], references: Sequence[F64Array], *, steps: int = 1
) -> Comparison:
    """Test over several independent markets at once: means and their variances add up.

    Raises
    ------
    DataError
        As `diebold_mariano` does.
    """
    from scipy.stats import t  # type: ignore[import-untyped]

    total, variance, n = 0.0, 0.0, 0
    for model, reference in zip(models, references, strict=True):
        if model.size != reference.size or model.size < _FEWEST:
            raise DataError(
                f"a comparison needs {_FEWEST} losses or more of the same forecasts, got "
                f"{model.size} and {reference.size}",
                remedy="compare over the same rows, of a longer period",
            )
        difference = reference - model
        total += float(difference.sum())
        variance += difference.size * _long_run_variance(difference, steps)
        n += difference.size
    gain = total / n
    if variance <= 0:
        return Comparison(gain, 0.0, 1.0, n)
    harvey = (n + 1 - 2 * steps + steps * (steps - 1) / n) / n
    statistic = total / math.sqrt(variance) * math.sqrt(harvey)
    return Comparison(gain, statistic, float(t.sf(statistic, n - 1)), n)


def confidence_set(
    losses: Mapping[str, F64Array], *, size: float = 0.1, seed: int = 0
) -> pl.DataFrame:
    """Keep the models among which the best is, with probability ``1 − size``.

    Returns
    -------
    pl.DataFrame
        ``model``, ``p_value``, ``is_kept``, best first.

    Raises
    ------
    CrossbookError
        Where arch is not installed.

    References
    ----------
    Hansen, P. R., Lunde, A. and Nason, J. M. (2011), "The Model Confidence Set", Econometrica
    79(2).
    """
    try:
        from arch.bootstrap import MCS
    except ImportError as error:
        raise CrossbookError(
            "the model confidence set needs the package arch, which is not installed",
            remedy="pip install 'crossbook[volatility]'",
        ) from error
    names = list(losses)
    columns = np.column_stack([losses[name] for name in names])
    block = max(round(columns.shape[0] ** (1 / 3)), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = MCS(columns, size=size, reps=1_000, block_size=block, seed=seed)
        found.compute()
    p_values = found.pvalues["Pvalue"]
    rows = [
        {"model": names[i], "p_value": float(p_values[i]), "is_kept": i in found.included}
        for i in p_values.index
    ]
    return pl.DataFrame(rows).sort("p_value", descending=True)


def _long_run_variance(difference: F64Array, steps: int) -> float:
    n = difference.size
    off = difference - difference.mean()
    lags = min(max(steps - 1, math.ceil(n**0.25)), n - 1)
    total = float(off @ off)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1)) * float(off[lag:] @ off[:-lag])
    return total / n
