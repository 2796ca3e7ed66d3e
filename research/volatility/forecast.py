"""What a model says of the next bar: a mean and a distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.events import F64Array, I64Array

LEVELS: Final[F64Array] = np.linspace(0.05, 0.95, 10)
"""Levels of the quantiles forecast: the middles of tenths, so that their mean pinball loss is half
a CRPS; the outermost two hold a 90 % interval."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecasts of variance, one a row.

    Attributes
    ----------
    ts_ns
        When each was made, shape ``(n,)``.
    mean_bps2
        Expected variance, shape ``(n,)``.
    quantiles_bps2
        By `LEVELS`, never falling along a row, shape ``(n, len(LEVELS))``.
    """

    ts_ns: I64Array
    mean_bps2: F64Array
    quantiles_bps2: F64Array

    def interval(self) -> tuple[F64Array, F64Array]:
        """Return the bounds of the 90 % interval."""
        return self.quantiles_bps2[:, 0], self.quantiles_bps2[:, -1]
