"""The columns that a chunk of the merged market is written to."""

from __future__ import annotations

from typing import Final

import numpy as np

from framework.core.events import I32Array, Tape
from framework.replay.merge import M, Need, carry, merge, receive
from framework.replay.source import Sources

_DTYPES: Final = {
    "ts_exch_ns": np.int64,
    "ts_recv_ns": np.int64,
    "book": np.int32,
    "kind": np.int8,
    "side": np.int8,
    "flags": np.int8,
    "px_ticks": np.int64,
    "qty_lots": np.int64,
    "order_id": np.int64,
    "recv_order": np.int32,
}
_SHIFTS_PER_ROW: Final = 16
"""Steps beyond which sorting by received time is left to a library; captures need less than one."""


class Output:
    """One chunk's memory; it grows where an instant does not fit and is never given back.

    Parameters
    ----------
    n_streams
        Streams merged.
    rows
        Events after which a chunk ends with its instant.
    named
        False where no stream names its orders: `order_id` is then zero and never written, which
        costs neither time nor memory.
    """

    def __init__(self, n_streams: int, rows: int, named: bool) -> None:
        self._rows = rows
        self._named = named
        self._state = np.zeros(M.SIZE, np.int64)
        self._state[M.MOST_SHIFTS] = _SHIFTS_PER_ROW * rows
        self._columns = {name: np.zeros(0, dtype) for name, dtype in _DTYPES.items()}
        self._runs: I32Array = np.zeros((n_streams, 0), np.int32)
        self._grow(rows + rows // 2 + 64)

    def __getitem__(self, place: M) -> int:
        """Read one of the merge's numbers."""
        return int(self._state[place])

    def fill(self, before: Output, sources: Sources) -> None:
        """Write the next chunk.

        Parameters
        ----------
        before
            The chunk before; empty at the beginning.
        sources
            Where rows come from.

        Raises
        ------
        DataError
            Where the rows break a rule.
        """
        while self[M.CAPACITY] < before[M.N]:
            self._grow(2 * self[M.CAPACITY])
        state, feeds = self._state, sources.feeds
        carry(state, before._state, feeds)
        state[M.FULL] = state[M.FIRST] + self._rows
        while need := merge(state, feeds):
            if need == Need.ROWS:
                sources.read(self[M.STREAM])
            elif need == Need.ROOM:
                self._grow(2 * self[M.CAPACITY])
            else:
                sources.refuse(self[M.STREAM], Need(need))
        if state[M.SHIFTS] > state[M.MOST_SHIFTS]:
            self._sort()
        else:
            receive(state, feeds)
        received_ns = self._columns["ts_recv_ns"][: self[M.N]]
        in_time = np.count_nonzero(received_ns < state[M.HORIZON_NS])
        state[M.N_RECEIVABLE] = in_time

    def tape(self) -> Tape:
        """View the chunk's rows."""
        n = self[M.N]
        columns = {name: column[:n] for name, column in self._columns.items()}
        return Tape(**columns)

    def _sort(self) -> None:
        """Order rows by received time where a stream's own order is no help."""
        n = self[M.N]
        rows = {name: self._columns[name][:n] for name in ("book", "ts_recv_ns")}
        self._columns["recv_order"][:n] = np.lexsort((rows["book"], rows["ts_recv_ns"]))

    def _grow(self, capacity: int) -> None:
        n, state = self[M.N], self._state
        for name, dtype in _DTYPES.items():
            empty = np.zeros if name == "order_id" and not self._named else np.empty
            column = empty(capacity, dtype)
            column[:n] = self._columns[name][:n]
            self._columns[name] = column
        runs = np.empty((self._runs.shape[0], capacity), np.int32)
        runs[:, :n] = self._runs[:, :n]
        self._runs = runs
        state[M.CAPACITY] = capacity
        state[M.RUNS] = runs.ctypes.data
        for place, column in zip(
            range(M.TS_EXCH, M.RECV_ORDER + 1), self._columns.values(), strict=True
        ):
            state[place] = column.ctypes.data
        if not self._named:
            state[M.ORDER_ID] = 0


def warm_merge() -> None:
    """Compile the kernels of the merge, or find them compiled."""
    output = Output(0, 1, named=False)
    output.fill(output, Sources((), 1))
