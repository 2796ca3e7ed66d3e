"""Falls of an equity curve from the highest point before them."""

from __future__ import annotations

import numpy as np

from framework.core.events import F64Array


def drawdown(equity: F64Array) -> F64Array:
    """Give the distance below the highest equity so far, the starting zero included.

    Parameters
    ----------
    equity
        Net profit so far, shape (n,).

    Returns
    -------
    shape (n,), 0 or more, in the unit of `equity`

    Examples
    --------
    >>> drawdown(np.array([-1.0, 3.0, 2.0, 5.0]))
    array([1., 0., 1., 0.])
    """
    peak = np.maximum.accumulate(np.maximum(equity, 0.0))
    return np.asarray(peak - equity)


def max_drawdown(equity: F64Array) -> float:
    """Return the deepest fall, 0 where there is none.

    >>> max_drawdown(np.array([4.0, 1.0, 2.0, 6.0, 5.0]))
    3.0
    """
    return float(drawdown(equity).max(initial=0.0))
