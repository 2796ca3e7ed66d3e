"""The merged market, chunk by chunk: memory is bounded by the chunk, not by the history."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.core.events import EventKind, I32Array, Tape
from framework.replay.order import merge_runs
from framework.replay.stream import GoldStream, column

CHUNK_ROWS: Final = 1 << 18
"""Rows read from each stream at a time; 64 bytes a row in all."""

_END: Final = np.iinfo(np.int64).max
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
}
_Columns = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of the market, ready for the loop.

    Attributes
    ----------
    tape
        Events; the first `first_event` have happened in an earlier chunk and reach us in this.
    n_receivable
        How many of the tape's `recv_order` reach us before the next chunk begins.
    horizon_ns
        Exchange time of the next chunk's first event; the largest integer at the end.
    fifo
        Within every stream, all events but trades reach us in the order in which they happened.
    """

    tape: Tape
    first_event: int
    n_receivable: int
    horizon_ns: int
    fifo: bool


class _Reader:
    """What has been read of one stream and not yet handed on."""

    def __init__(self, stream: GoldStream, book: int, rows: int) -> None:
        self._stream = stream
        self._book = book
        self._batches = stream.batches(rows)
        self._last_ns = -_END
        self.ended = False
        self.rows: _Columns = _empty()

    def last_ns(self) -> int:
        """Latest instant up to which the stream is known in full (exclusive)."""
        return _END if self.ended else int(self.rows["ts_exch_ns"][-1])

    def fill(self) -> None:
        """Read until there is more than one instant at hand, or the stream has ended."""
        while not self.ended and (
            self.rows["ts_exch_ns"].size == 0
            or self.rows["ts_exch_ns"][0] == self.rows["ts_exch_ns"][-1]
        ):
            self.more()

    def more(self) -> None:
        """Read one more batch."""
        batch = next(self._batches, None)
        if batch is None:
            self.ended = True
            return
        fresh = self._columns(batch)
        self.rows = {name: np.concatenate([self.rows[name], fresh[name]]) for name in _DTYPES}

    def take(self, before_ns: int) -> _Columns:
        """Hand on the events before an instant."""
        n = int(np.searchsorted(self.rows["ts_exch_ns"], before_ns))
        taken = {name: values[:n] for name, values in self.rows.items()}
        self.rows = {name: values[n:] for name, values in self.rows.items()}
        return taken

    def _columns(self, batch: pa.RecordBatch) -> _Columns:
        fresh = {name: column(batch, name) for name in _DTYPES if name != "book"}
        fresh["book"] = np.full(batch.num_rows, self._book, np.int32)
        self._check(fresh)
        return fresh

    def _check(self, fresh: _Columns) -> None:
        exch, recv = fresh["ts_exch_ns"], fresh["ts_recv_ns"]
        name = (
            f"{self._stream.table} version {self._stream.version}, {self._stream.instrument.name}"
        )
        if exch[0] < self._last_ns or (exch[1:] < exch[:-1]).any():
            raise DataError(
                f"{name}: gold events must stand in the order of exchange time",
                remedy="build the table again with crossbook ingest",
            )
        early = recv < exch
        if early.any():
            at = int(np.argmax(early))
            short_ns = int((exch - recv).max())
            raise DataError(
                f"{name}: an event must not reach us before it happens, but the one of "
                f"{format_ns(int(exch[at]))} does, by {int(exch[at] - recv[at])} ns",
                remedy=f"raise the venue's clock_offset_ns in the catalog by {short_ns} or more "
                "and ingest again",
            )
        self._last_ns = int(exch[-1])


def _empty() -> _Columns:
    return {name: np.zeros(0, dtype) for name, dtype in _DTYPES.items()}


def read_market(streams: Sequence[GoldStream], *, chunk_rows: int = CHUNK_ROWS) -> Generator[Chunk]:
    """Merge the streams under the total order and yield the market in chunks.

    Parameters
    ----------
    streams
        In the order of their names; `framework.engine.backtest` sorts them.
    chunk_rows
        Rows read from each stream at a time.

    Raises
    ------
    DataError
        Where a stream's clocks run backwards or an event reaches us before it happens.
    """
    readers = [_Reader(stream, b, chunk_rows) for b, stream in enumerate(streams)]
    carried = _empty()
    while True:
        for reader in readers:
            reader.fill()
        horizon_ns = min(reader.last_ns() for reader in readers)
        parts = [reader.take(horizon_ns) for reader in readers]
        fresh = {name: np.concatenate([part[name] for part in parts]) for name in _DTYPES}
        if fresh["ts_exch_ns"].size or horizon_ns == _END:
            chunk = _chunk(carried, fresh, len(streams), horizon_ns)
            carried = _unreceived(chunk)
            yield chunk
        if horizon_ns == _END:
            return
        for reader in readers:
            if not reader.ended and reader.last_ns() <= horizon_ns:
                reader.more()


def _runs(book: I32Array, n_streams: int, offset: int = 0) -> list[I32Array]:
    return [(np.flatnonzero(book == b) + offset).astype(np.int32) for b in range(n_streams)]


def _chunk(carried: _Columns, fresh: _Columns, n_streams: int, horizon_ns: int) -> Chunk:
    first = carried["book"].size
    if n_streams > 1:
        order = merge_runs(fresh["ts_exch_ns"], _runs(fresh["book"], n_streams))
        fresh = {name: values[order] for name, values in fresh.items()}
    rows = {
        name: np.ascontiguousarray(np.concatenate([carried[name], fresh[name]]), dtype)
        for name, dtype in _DTYPES.items()
    }
    recv_order = merge_runs(rows["ts_recv_ns"], _runs(rows["book"], n_streams))
    received_ns = rows["ts_recv_ns"][recv_order]
    n_receivable = int(np.searchsorted(received_ns, horizon_ns))
    if horizon_ns == _END:
        n_receivable = received_ns.size
    tape = Tape(**rows, recv_order=np.ascontiguousarray(recv_order, np.int32))
    return Chunk(tape, first, n_receivable, horizon_ns, _in_turn(tape, n_streams))


def _in_turn(tape: Tape, n_streams: int) -> bool:
    told = tape.kind != EventKind.TRADE
    received_ns = (tape.ts_recv_ns[told & (tape.book == b)] for b in range(n_streams))
    return all(bool((times[1:] >= times[:-1]).all()) for times in received_ns)


def _unreceived(chunk: Chunk) -> _Columns:
    """Events that have happened but reach us after the chunk's horizon, in exchange order."""
    rows = np.sort(chunk.tape.recv_order[chunk.n_receivable :])
    return {
        name: np.asarray(values)[rows]
        for name, values in zip(_DTYPES, chunk.tape[:-1], strict=True)
    }
