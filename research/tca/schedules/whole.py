"""Schedules in whole lots."""

from __future__ import annotations

import numpy as np

from framework.core.events import F64Array, I64Array


def whole_lots(schedule: F64Array, lots: int) -> I64Array:
    """Round a schedule to whole lots that add up to an order.

    What was rounded off is carried from slice to slice, so no slice is more than a lot away.

    Parameters
    ----------
    schedule : shape (n,)
        Quantities in any unit.
    lots
        What they are to add up to.

    Examples
    --------
    >>> whole_lots(np.array([1.0, 1.0, 1.0]), 10).tolist()
    [3, 4, 3]
    """
    reached = np.rint(np.cumsum(schedule) / np.sum(schedule) * lots).astype(np.int64)
    reached[-1] = lots
    return np.diff(reached, prepend=0)
