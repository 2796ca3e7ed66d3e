r"""Do a model's inputs still come from where it was trained?

The population stability index, :math:`\sum_i (q_i - p_i) \ln (q_i / p_i)` over the training
sample's tenths, says how far a feature has moved; by custom, a quarter is a lot. Kolmogorov and
Smirnov's test says whether chance could have done it. Bars remember, so both samples count for as
many rows as are independent; otherwise any quiet hour would be a finding. Where the training sample
has fewer than 30 of those, as of a mean over an hour in a day of training, nothing is tested.

Values a tenth of a standard deviation apart count as equal. Spreads and returns stand on a grid of
ticks, whose size in basis points changes with every move of the price: without that, a price 2 %
lower would be a finding.

References
----------
Siddiqi, N. (2006), "Credit Risk Scorecards", chapter 8, for the index and its limits.
Weiss, M. (1978), "Modification of the Kolmogorov-Smirnov Statistic for Use with Correlated Data",
Journal of the American Statistical Association 73(364), for the effective number of rows.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.drift.baseline import Baseline, FeatureSample
from research.drift.finding import Finding
from research.volatility.models import ModelError

_BINS: Final = 10
_TOLERANCE: Final = 0.1  # standard deviations
_FEWEST_INDEPENDENT: Final = 30  # in training: what wanders longer has no distribution to leave
_LEAST_SHARE: Final = 1e-3  # a bin that nothing falls into, so that its logarithm is finite


def population(then: Baseline, table: pl.DataFrame, limit: float) -> list[Finding]:
    """Compare every feature of a table with the training sample.

    Parameters
    ----------
    limit
        Of the population stability index.

    Raises
    ------
    ModelError
        Where the table lacks a feature.
    """
    missing = [name for name in then.features if name not in table.columns]
    if missing:
        raise ModelError(
            f"the table must have what the model learnt from, it lacks {', '.join(missing)}",
            remedy="build the table with the same sources as for training, --news for example",
        )
    return [
        _compared(name, sample, then.rows, table[name], limit)
        for name, sample in then.features.items()
    ]


def population_stability(quantiles: F64Array, values: F64Array, tolerance: float = 0.0) -> float:
    """Return the population stability index of values against a training sample's tenths.

    Parameters
    ----------
    quantiles
        Evenly spaced order statistics of the training sample.
    tolerance
        Every value counts as spread evenly over as much on either side, so that one that stands at
        a border does not change tenths by moving a little.

    Examples
    --------
    >>> then = np.arange(1_001.0)
    >>> round(population_stability(then, then), 3)
    0.0
    >>> round(population_stability(then, then[501:]), 1)  # half of the tenths are gone
    2.6
    """
    borders = np.unique(np.quantile(quantiles, np.linspace(0.0, 1.0, _BINS + 1)[1:-1]))
    was, now = (_shares(part, borders, tolerance) for part in (quantiles, values))
    return float(np.sum((now - was) * np.log(now / was)))


def _shares(values: F64Array, borders: F64Array, tolerance: float) -> F64Array:
    width = max(tolerance, 1e-12)
    below = [
        np.clip((border - values) / (2.0 * width) + 0.5, 0.0, 1.0).mean() for border in borders
    ]
    return np.maximum(np.diff([0.0, *below, 1.0]), _LEAST_SHARE)


def _compared(
    name: str, then: FeatureSample, rows: int, values: pl.Series, limit: float
) -> Finding:
    from scipy.stats import ks_2samp, kstwobign  # type: ignore[import-untyped]

    known = values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    sample = np.array(then.quantiles)
    if not known.size or not sample.size:
        nothing = dict.fromkeys(("was", "now", "effect", "p"), math.nan)
        return Finding(test="population", of=name, limit=limit, n=known.size, **nothing)
    tolerance = _TOLERANCE * float(sample.std())
    gap = max(
        float(ks_2samp(known + tolerance, sample, "greater", "asymp").statistic),
        float(ks_2samp(known - tolerance, sample, "less", "asymp").statistic),
    )
    # As many independent rows as two samples of these sizes count for.
    independent = 1.0 / (then.memory / known.size + then.memory / rows)
    is_known = rows >= _FEWEST_INDEPENDENT * then.memory
    return Finding(
        test="population",
        of=name,
        was=float(np.median(sample)),
        now=float(np.median(known)),
        effect=population_stability(sample, known, tolerance),
        limit=limit,
        p=float(kstwobign.sf(math.sqrt(independent) * gap)) if is_known else math.nan,
        n=known.size,
    )
