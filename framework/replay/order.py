"""The total order: merge each stream's events, already in order, into one market."""

from __future__ import annotations

import numpy as np

from framework._jit import kernel
from framework.core.events import I32Array, I64Array


@kernel
def _merge(keys: I64Array, rows: I32Array, starts: I64Array, out: I32Array) -> None:
    """K-way merge of sorted runs; equal keys keep the order of the runs."""
    n_runs = starts.size - 1
    at = starts[:-1].copy()
    for i in range(out.size):
        best = -1
        best_key = 0
        for run in range(n_runs):
            if at[run] < starts[run + 1]:
                key = keys[rows[at[run]]]
                if best < 0 or key < best_key:
                    best = run
                    best_key = key
        out[i] = rows[at[best]]
        at[best] += 1


def merge_runs(keys: I64Array, runs: list[I32Array]) -> I32Array:
    """Merge runs of row numbers by time.

    Parameters
    ----------
    keys : shape (n_rows,)
        Time of every row.
    runs
        Row numbers of each stream, in the order of the streams. A run whose times go backwards
        is sorted first, stably.

    Returns
    -------
    order : shape (n_rows,)
        Row numbers by ``(time, stream, place in its run)``.
    """
    ordered = [_in_order(keys, run) for run in runs]
    if len(ordered) == 1:
        return ordered[0]
    starts = np.zeros(len(ordered) + 1, np.int64)
    np.cumsum([run.size for run in ordered], out=starts[1:])
    out = np.empty(starts[-1], np.int32)
    _merge(keys, np.concatenate(ordered), starts, out)
    return out


def _in_order(keys: I64Array, run: I32Array) -> I32Array:
    times = keys[run]
    if times.size < 2 or bool((times[1:] >= times[:-1]).all()):
        return run
    return run[np.argsort(times, kind="stable")]
