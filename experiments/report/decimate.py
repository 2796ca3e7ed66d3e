"""Thin long lines without losing their extremes."""

from __future__ import annotations

import numpy as np

from framework.core.events import F64Array, I64Array

MAX_POINTS = 2_000
"""Points kept per line: about two per pixel of a wide chart."""


def decimate(values: F64Array, max_points: int = MAX_POINTS) -> I64Array:
    """Choose the rows of a line to draw: each bucket's lowest and highest, the first and the last.

    Parameters
    ----------
    values : shape (n,)
        NaN marks a missing value; a bucket of nothing but NaN keeps its first row as the hole.
    max_points
        At most this many rows are kept, give or take the two ends.

    Returns
    -------
    shape (m,), ascending row numbers

    >>> decimate(np.array([0.0, 9.0, 1.0, 2.0, -5.0, 3.0, 4.0, 4.0]), 4).tolist()
    [0, 1, 4, 6, 7]
    """
    n = values.size
    if n <= max_points:
        return np.arange(n, dtype=np.int64)
    size = -(-n // max(1, max_points // 2))
    buckets = -(-n // size)
    padded = np.full(buckets * size, np.nan)
    padded[:n] = values
    grid = padded.reshape(buckets, size)
    starts = np.arange(buckets, dtype=np.int64) * size
    lows = starts + np.argmin(np.where(np.isnan(grid), np.inf, grid), axis=1)
    highs = starts + np.argmax(np.where(np.isnan(grid), -np.inf, grid), axis=1)
    ends = np.array([0, n - 1], np.int64)
    return np.unique(np.concatenate([ends, lows, highs]))


def thin(n: int, max_points: int) -> I64Array:
    """Spread `max_points` row numbers evenly over ``n`` rows, both ends among them.

    >>> thin(10, 4).tolist()
    [0, 3, 6, 9]
    """
    if n <= max_points:
        return np.arange(n, dtype=np.int64)
    return np.unique(np.linspace(0, n - 1, max_points).round().astype(np.int64))
