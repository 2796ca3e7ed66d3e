"""Rows that pile up during a run: the latest in memory, those before in temporary files."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import Final

import pyarrow as pa

ROOM_BYTES: Final = 1 << 26
"""What a run keeps in memory of the journals of all its trials together."""


class Shelf:
    """Collects batches of one schema; the table made of them maps the files into memory.

    A file has no name once it is written, so that its room is free again when the last table that
    shows it is gone, however the process ends.

    Parameters
    ----------
    schema
        Of every batch.
    room_bytes
        Bytes beyond which batches move to a file.
    """

    def __init__(self, schema: pa.Schema, room_bytes: int) -> None:
        self._schema = schema
        self._room_bytes = room_bytes
        self._held_bytes = 0
        self._held: list[pa.RecordBatch] = []
        self._filed: list[pa.RecordBatch] = []

    def append(self, batch: pa.RecordBatch) -> None:
        """Take over a batch."""
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        if self._held_bytes > self._room_bytes:
            self._filed += _mapped(self._held, self._schema)
            self._held, self._held_bytes = [], 0

    def table(self) -> pa.Table:
        """Build the table of all batches so far."""
        return pa.Table.from_batches([*self._filed, *self._held], schema=self._schema)


def _mapped(batches: list[pa.RecordBatch], schema: pa.Schema) -> list[pa.RecordBatch]:
    with tempfile.NamedTemporaryFile(prefix="crossbook-", suffix=".arrow", delete=False) as file:
        path = Path(file.name)
        try:
            with pa.ipc.new_file(file, schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            reader = pa.ipc.open_file(pa.py_buffer(mapped))
            found = [reader.get_batch(i) for i in range(reader.num_record_batches)]
            # Finding out where each begins has brought pages around it into memory.
            mapped.madvise(mmap.MADV_DONTNEED)
            return found
        finally:
            path.unlink()
