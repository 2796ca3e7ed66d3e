"""The rows of Parquet files that hold one stream, in one order and in bounded memory.

Files follow each other in time, as a rule. Where they overlap (they were written out of order, or
one message was cut in two) the rows of those open at the same time are merged by
``(ts_exch_ns, seq)``; no more of a file is in memory than the others' rows wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from framework.core.events import I64Array
from framework.replay.columns import column, values

OpenFile = Callable[[str], pq.ParquetFile]
Span = tuple[int, int]
"""Half-open interval of exchange time in nanoseconds."""

_END: Final = np.iinfo(np.int64).max


def read_files(
    opened: OpenFile,
    files: Sequence[tuple[int, int, str]],
    columns: Sequence[str],
    span: Span,
    rows: int,
) -> Generator[pa.RecordBatch]:
    """Yield the rows of a time span in the order of exchange time, about `rows` at a time.

    Parameters
    ----------
    opened
        Opens a file by its path.
    files
        First and last exchange time and path of each, by time.
    columns
        Columns to read.
    span
        Exchange times wanted; row groups outside are not read.
    rows
        Most rows of a batch.
    """
    wanted = [file for file in files if file[0] < span[1] and file[1] >= span[0]]
    needed = list(columns)
    needed += [name for name in _keys(wanted) if name not in needed]
    waiting = [
        (first_ns, _File(opened, path, needed, span, rows)) for first_ns, _, path in wanted[::-1]
    ]
    active: list[_File] = []
    while waiting or active:
        if not active:
            active.append(waiting.pop()[1])
        _open_due(active, waiting)
        if not active:
            continue
        if len(active) == 1:
            found = active[0].whole()
        else:
            horizon_ns = min(file.last_ns() for file in active)
            found = _merged([file.take(horizon_ns) for file in active])
        for batch in found.to_batches(max_chunksize=rows):
            yield batch.select(list(columns))


def _keys(files: Sequence[tuple[int, int, str]]) -> tuple[str, ...]:
    """Columns by which rows are put in order: the sequence only where files overlap."""
    reached_ns = -_END
    for first_ns, last_ns, _ in files:
        if first_ns <= reached_ns:
            return ("ts_exch_ns", "seq")
        reached_ns = max(reached_ns, last_ns)
    return ("ts_exch_ns",)


def _open_due(active: list[_File], waiting: list[tuple[int, _File]]) -> None:
    """Load what every open file needs, and open those that begin within what is loaded."""
    while True:
        for file in active:
            file.fill(alone=len(active) == 1)
        active[:] = [file for file in active if not file.spent()]
        if not active or not waiting:
            return
        if waiting[-1][0] > min(file.last_ns() for file in active):
            return
        active.append(waiting.pop()[1])


class _File:
    """One file and the rows of it that are in memory."""

    def __init__(
        self, opened: OpenFile, path: str, columns: Sequence[str], span: Span, rows: int
    ) -> None:
        self._batches = _file_batches(opened, path, columns, span, rows)
        self._rows: pa.Table | None = None
        self._times: I64Array = np.zeros(0, np.int64)
        self._ended = False

    def last_ns(self) -> int:
        """Instant up to which (exclusive) the file's rows are in memory."""
        return _END if self._ended else int(self._times[-1])

    def spent(self) -> bool:
        """Tell whether all has been handed on."""
        return self._ended and self._times.size == 0

    def fill(self, *, alone: bool) -> None:
        """Load until there is something to hand on: more than one instant, unless it is alone."""
        while not self._ended and (
            self._times.size == 0 or (not alone and self._times[0] == self._times[-1])
        ):
            batch = next(self._batches, None)
            if batch is None:
                self._ended = True
                return
            fresh = pa.Table.from_batches([batch])
            self._keep(fresh if self._rows is None else pa.concat_tables([self._rows, fresh]))

    def whole(self) -> pa.Table:
        """Hand on all that is in memory."""
        rows = self._rows
        self._rows, self._times = None, self._times[:0]
        return rows

    def take(self, before_ns: int) -> pa.Table:
        """Hand on the rows before an instant."""
        assert self._rows is not None
        if before_ns == _END:
            return self.whole()
        n = int(np.searchsorted(self._times, before_ns))
        taken = self._rows.slice(0, n)
        self._keep(self._rows.slice(n))
        return taken

    def _keep(self, rows: pa.Table) -> None:
        self._rows = rows
        times = [values(chunk) for chunk in rows["ts_exch_ns"].chunks]
        self._times = times[0] if len(times) == 1 else np.concatenate([self._times[:0], *times])


def _merged(parts: Sequence[pa.Table]) -> pa.Table:
    found = pa.concat_tables(parts)
    if sum(part.num_rows > 0 for part in parts) < 2:
        return found
    order = np.lexsort((found["seq"].to_numpy(), found["ts_exch_ns"].to_numpy()))
    return found.take(order)


def _file_batches(
    opened: OpenFile, path: str, columns: Sequence[str], span: Span, rows: int
) -> Iterator[pa.RecordBatch]:
    file = opened(path)
    for group, (first_ns, last_ns) in enumerate(group_spans(file)):
        if last_ns < span[0] or first_ns >= span[1]:
            continue
        # Group by group: Arrow keeps the compressed bytes of all groups that one call names. One
        # thread: Arrow's own save little time and cost a third more of the processor.
        for batch in file.iter_batches(
            rows, row_groups=[group], columns=columns, use_threads=False
        ):
            if span[0] <= first_ns and last_ns < span[1]:
                yield batch
                continue
            times = column(batch, "ts_exch_ns")
            found = batch.filter(pa.array((times >= span[0]) & (times < span[1])))
            if found.num_rows:
                yield found


def group_spans(file: pq.ParquetFile) -> list[Span]:
    """First and last exchange time of each of a file's row groups; all time where not recorded."""
    place = file.schema_arrow.get_field_index("ts_exch_ns")
    spans = []
    for group in range(file.metadata.num_row_groups):
        known = file.metadata.row_group(group).column(place).statistics
        has_bounds = known is not None and known.has_min_max
        spans.append((known.min, known.max) if has_bounds else (-_END, _END))
    return spans
