"""From the kernels' buffers to the journal and the samples of each trial."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from framework.core.instrument import Instrument
from framework.core.orders import TraceEvent
from framework.engine.result import JOURNAL_SCHEMA, SAMPLE_SCHEMA
from framework.venue.memory import World
from framework.venue.records import JOURNAL_DTYPE, SAMPLE_DTYPE
from framework.venue.world import W

_HASHED = np.dtype(
    [(name, JOURNAL_DTYPE[name]) for name in JOURNAL_DTYPE.names or () if name != "trial"]
)
_FIRST_TRACE = int(min(TraceEvent))


class Recorder:
    """Collects one trial's journal and samples as the kernels' buffers are drained.

    The hash runs over the rows in the order in which things happened, as little-endian eight-byte
    fields, after a header that names the streams and their units; how often the buffers were
    drained cannot be seen in it.
    """

    def __init__(self, instruments: Sequence[Instrument], trace_order: int = 0) -> None:
        self._trace_order = trace_order
        self._trace: list[np.ndarray] = []
        self._journal: list[np.ndarray] = []
        self._samples: list[np.ndarray] = []
        self._digest = hashlib.sha256()
        for item in instruments:
            header = (item.name, item.tick.normalize(), item.lot.normalize(), item.inverse)
            self._digest.update(repr(tuple(map(str, header))).encode())

    def add(self, journal: np.ndarray, samples: np.ndarray) -> None:
        """Take over rows of `JOURNAL_DTYPE` and `SAMPLE_DTYPE` that belong to the trial."""
        if self._trace_order:
            self._trace.append(journal[journal["order_id"] == self._trace_order])
            journal = journal[journal["event"] < _FIRST_TRACE]
        if journal.size:
            rows = np.empty(journal.size, _HASHED)
            for name in _HASHED.names or ():
                rows[name] = journal[name]
            self._digest.update(rows.tobytes())
            self._journal.append(rows)
        if samples.size:
            self._samples.append(samples.copy())

    @property
    def journal_hash(self) -> str:
        """SHA-256 of what has been recorded so far."""
        return self._digest.hexdigest()

    def journal(self) -> pa.Table:
        """Build the journal table."""
        return _table(self._journal)

    def trace(self) -> pa.Table:
        """Build the table of the traced order's rows, `TraceEvent` rows among them."""
        return _table(self._trace)

    def samples(self) -> pl.DataFrame:
        """Build the table of samples."""
        rows = np.concatenate(self._samples) if self._samples else np.zeros(0, SAMPLE_DTYPE)
        columns = {name: np.ascontiguousarray(rows[name]) for name in SAMPLE_SCHEMA}
        return pl.DataFrame(columns).select(
            pl.col(name).cast(kind) for name, kind in SAMPLE_SCHEMA.items()
        )


def _table(parts: Sequence[np.ndarray]) -> pa.Table:
    rows = np.concatenate(parts) if parts else np.zeros(0, JOURNAL_DTYPE)
    columns = [
        pa.array(rows[field.name].astype(field.type.to_pandas_dtype(), copy=True))
        for field in JOURNAL_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=JOURNAL_SCHEMA)


def drain(world: World, recorders: Sequence[Recorder]) -> None:
    """Hand the buffers' rows to the trials they belong to and empty the buffers."""
    journal = world.journal[: world.root[W.N_JOURNAL]]
    samples = world.samples[: world.root[W.N_SAMPLES]]
    for k, recorder in enumerate(recorders):
        if len(recorders) == 1:
            recorder.add(journal, samples)
        else:
            recorder.add(journal[journal["trial"] == k], samples[samples["trial"] == k])
    world.root[W.N_JOURNAL] = 0
    world.root[W.N_SAMPLES] = 0
