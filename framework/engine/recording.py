"""From the kernels' buffers to the journal and the samples of each trial."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from framework._jit import kernel
from framework.core.events import I8Array, I32Array, I64Array
from framework.core.instrument import Instrument
from framework.core.orders import Journal, TraceEvent
from framework.engine.result import JOURNAL_SCHEMA, SAMPLE_SCHEMA
from framework.engine.shelf import ROOM_BYTES, Shelf
from framework.venue.memory import World
from framework.venue.records import JOURNAL_DTYPE, SAMPLE_DTYPE
from framework.venue.world import W

_FIELDS: Final = tuple(JOURNAL_DTYPE.names or ())
_TRIAL, _BOOK = _FIELDS.index("trial"), _FIELDS.index("book")
_EVENT, _ORDER_ID = _FIELDS.index("event"), _FIELDS.index("order_id")
_WIDE: Final = tuple(_FIELDS.index(f.name) for f in JOURNAL_SCHEMA if f.type.bit_width == 64)
_NARROW: Final = tuple(_FIELDS.index(f.name) for f in JOURNAL_SCHEMA if f.type.bit_width == 8)
_N_HASHED: Final = len(_FIELDS) - 1  # all but the trial, which comes first
_FIRST_TRACE = int(min(TraceEvent))


@kernel
def _split(
    rows: I64Array,
    chosen: I64Array,
    hashed: I64Array,
    wide: I64Array,
    narrow: I8Array,
    books: I32Array,
) -> None:
    """Turn chosen rows into what is hashed, one after the other, and into columns."""
    for i in range(chosen.size):
        row = chosen[i]
        for j in range(_N_HASHED):
            hashed[i, j] = rows[row, j + 1]
        for j in range(len(_WIDE)):
            wide[j, i] = rows[row, _WIDE[j]]
        for j in range(len(_NARROW)):
            narrow[j, i] = rows[row, _NARROW[j]]
        books[i] = rows[row, _BOOK]


class Recorder:
    """Collects one trial's journal and samples as the kernels' buffers are drained.

    The hash runs over the rows in the order in which things happened, as little-endian eight-byte
    fields, after a header that names the streams and their units; how often the buffers were
    drained cannot be seen in it.

    Parameters
    ----------
    instruments
        The streams.
    worker
        Hashes what has been recorded while the replay goes on.
    kept
        Events that belong to the journal.
    trace_order
        Order whose `TraceEvent` rows are kept apart; 0 for none.
    room_bytes
        What to keep of the journal in memory; older rows move to a temporary file.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        worker: ThreadPoolExecutor,
        *,
        kept: Journal = Journal.ALL,
        trace_order: int = 0,
        room_bytes: int = ROOM_BYTES,
    ) -> None:
        self._kept = kept
        self._trace_order = trace_order
        self._trace: list[pa.RecordBatch] = []
        self._journal = Shelf(JOURNAL_SCHEMA, room_bytes)
        self._samples: list[np.ndarray] = []
        self._worker = worker
        self._hashing: Future[None] | None = None
        self._digest = hashlib.sha256()
        for item in instruments:
            header = (item.name, item.tick.normalize(), item.lot.normalize(), item.inverse)
            self._digest.update(repr(tuple(map(str, header))).encode())

    def add_journal(self, rows: I64Array, chosen: I64Array) -> None:
        """Take over the chosen rows, shape ``(n, fields of JOURNAL_DTYPE)``."""
        if self._trace_order:
            traced = chosen[rows[chosen, _ORDER_ID] == self._trace_order]
            self._trace.append(_batch(rows, traced)[0])
            events = rows[chosen, _EVENT]
            chosen = chosen[
                (events < _FIRST_TRACE) & (self._kept >> np.minimum(events, 63) & 1 > 0)
            ]
        if chosen.size:
            batch, hashed = _batch(rows, chosen)
            self._journal.append(batch)
            # One worker takes what it is given in turn, so the digest sees the rows in order.
            self._hashing = self._worker.submit(self._digest.update, hashed.data)

    def add_samples(self, samples: np.ndarray) -> None:
        """Take over a copy of records of `SAMPLE_DTYPE`."""
        self._samples.append(samples)

    @property
    def journal_hash(self) -> str:
        """SHA-256 of what has been recorded so far."""
        if self._hashing:
            self._hashing.result()
        return self._digest.hexdigest()

    def journal(self) -> pa.Table:
        """Build the journal table."""
        return self._journal.table()

    def trace(self) -> pa.Table:
        """Build the table of the traced order's rows, `TraceEvent` rows among them."""
        return pa.Table.from_batches(self._trace, schema=JOURNAL_SCHEMA)

    def samples(self) -> pl.DataFrame:
        """Build the table of samples."""
        rows = np.concatenate(self._samples) if self._samples else np.zeros(0, SAMPLE_DTYPE)
        columns = {name: np.ascontiguousarray(rows[name]) for name in SAMPLE_SCHEMA}
        return pl.DataFrame(columns).select(
            pl.col(name).cast(kind) for name, kind in SAMPLE_SCHEMA.items()
        )


def _batch(rows: I64Array, chosen: I64Array) -> tuple[pa.RecordBatch, I64Array]:
    """Chosen rows as a batch of `JOURNAL_SCHEMA`, and as they are hashed."""
    n = chosen.size
    hashed = np.empty((n, _N_HASHED), np.int64)
    wide = np.empty((len(_WIDE), n), np.int64)
    narrow = np.empty((len(_NARROW), n), np.int8)
    books = np.empty(n, np.int32)
    _split(rows, chosen, hashed, wide, narrow, books)
    columns: dict[int, np.ndarray] = {_BOOK: books}
    columns.update(zip(_WIDE, wide, strict=True))
    columns.update(zip(_NARROW, narrow, strict=True))
    arrays = [
        pa.array(columns[_FIELDS.index(field.name)].view(field.type.to_pandas_dtype()))
        for field in JOURNAL_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=JOURNAL_SCHEMA), hashed


def drain(world: World, recorders: Sequence[Recorder]) -> None:
    """Hand the buffers' rows to the trials they belong to and empty the buffers."""
    journal = world.journal[: world.root[W.N_JOURNAL]]
    rows = journal.view(np.int64).reshape(journal.size, len(_FIELDS))
    for recorder, chosen in zip(recorders, _by_trial(rows[:, _TRIAL], recorders), strict=True):
        recorder.add_journal(rows, chosen)
    samples = world.samples[: world.root[W.N_SAMPLES]]
    for recorder, chosen in zip(recorders, _by_trial(samples["trial"], recorders), strict=True):
        recorder.add_samples(samples[chosen])
    world.root[W.N_JOURNAL] = 0
    world.root[W.N_SAMPLES] = 0


def _by_trial(trials: I64Array, recorders: Sequence[Recorder]) -> Iterator[I64Array]:
    """Row numbers of each trial, in their order."""
    order = np.argsort(trials.astype(np.int16), kind="stable")
    ends = np.cumsum(np.bincount(trials, minlength=len(recorders)))
    return iter(np.split(order, ends[:-1]))
