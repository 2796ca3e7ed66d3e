"""Range statistics of many bars; `framework.features.range_variance` has the formulas.

All take natural logarithms times any unit, shape ``(n_bars,)``, and give variance in its square.
"""

from __future__ import annotations

from framework.core.events import F64Array
from framework.features.range_variance import (
    garman_klass_over,
    parkinson_over,
    rogers_satchell_over,
)


def parkinson(high: F64Array, low: F64Array) -> F64Array:
    """Estimate variance by the squared range (Parkinson, 1980).

    >>> import numpy as np
    >>> parkinson(np.array([2.0]), np.array([0.0])).round(4).tolist()  # 2² / (4 ln 2)
    [1.4427]
    """
    return parkinson_over(high, low)


def garman_klass(open_: F64Array, high: F64Array, low: F64Array, close: F64Array) -> F64Array:
    """Estimate variance by the range and the move from open to close (Garman and Klass, 1980).

    >>> import numpy as np
    >>> one = np.ones(1)
    >>> garman_klass(0 * one, 2 * one, 0 * one, one).round(4).tolist()  # 2 − (2 ln 2 − 1)
    [1.6137]
    """
    return garman_klass_over(open_, high, low, close)


def rogers_satchell(open_: F64Array, high: F64Array, low: F64Array, close: F64Array) -> F64Array:
    """Estimate variance by how far high and low lie from open and close (Rogers, Satchell, 1991).

    >>> import numpy as np
    >>> one = np.ones(1)
    >>> rogers_satchell(0 * one, 2 * one, -one, one).tolist()  # 2·1 + (−1)·(−2)
    [4.0]
    """
    return rogers_satchell_over(open_, high, low, close)
