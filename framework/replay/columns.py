"""Arrow's columns as NumPy arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def values(array: pa.Array) -> np.ndarray:
    """View an Arrow array as a NumPy array, copying only where there is no other way.

    >>> values(pa.array([1, 2, 3], pa.int8()).slice(1))
    array([2, 3], dtype=int8)
    >>> values(pa.array([], pa.int64()))
    array([], dtype=int64)
    """
    if array.null_count or not pa.types.is_signed_integer(array.type):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    # Arrow's own way imports pandas, a quarter of a second, to see whether it is a date.
    kind = np.dtype(f"i{array.type.bit_width // 8}")
    if len(array) == 0:
        return np.zeros(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)


def column(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """View a batch's column as a NumPy array."""
    return values(batch.column(name))
