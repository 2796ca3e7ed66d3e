"""Where the reading of a stream must begin for its book to be right at a later instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from framework.core.events import EventFlag, EventKind, I64Array
from framework.replay.files import OpenFile, group_spans

_COLUMNS: Final = ["ts_exch_ns", "kind", "side", "flags"]


def book_start_ns(opened: OpenFile, paths: Sequence[str], start_ns: int) -> int:
    """Find the instant from which the book must be built to be right at `start_ns`.

    That is the last snapshot before it. Without one, a stream of best prices needs the last of
    either side and any other all it has. Row groups are read backwards, one at a time.
    """
    snapshot_ns: int | None = None
    first_ns = start_ns
    quotes: dict[int, int] = {}
    for last_ns, file, group in _backwards(opened, paths, start_ns):
        if snapshot_ns is not None and last_ns <= snapshot_ns:
            break
        rows = file.read_row_group(group, columns=_COLUMNS, use_threads=False)
        times = rows["ts_exch_ns"].to_numpy()
        before = times < start_ns
        if not before.any():
            continue
        times, kind, side, flags = (rows[name].to_numpy()[before] for name in _COLUMNS)
        first_ns = min(first_ns, int(times.min()))
        begins = (kind == EventKind.CLEAR) & ((flags & EventFlag.SNAPSHOT) != 0)
        if begins.any():
            snapshot_ns = max(snapshot_ns or 0, int(times[begins].max()))
        _note_quotes(quotes, times[kind == EventKind.BEST], side[kind == EventKind.BEST])
    if snapshot_ns is not None:
        return snapshot_ns
    return min(quotes.values()) if quotes else first_ns


def _note_quotes(quotes: dict[int, int], times: I64Array, side: np.ndarray) -> None:
    """Remember the latest best price of either side."""
    for one in (1, -1):
        mine = times[side == one]
        if mine.size:
            quotes[one] = max(quotes.get(one, int(mine[0])), int(mine.max()))


def _backwards(
    opened: OpenFile, paths: Sequence[str], start_ns: int
) -> Iterator[tuple[int, pq.ParquetFile, int]]:
    """List the row groups that begin before an instant, latest first."""
    found = []
    for path in paths:
        file = opened(path)
        for group, (first_ns, last_ns) in enumerate(group_spans(file)):
            if first_ns < start_ns:
                found.append((last_ns, path, group, file))
    for last_ns, _, group, file in sorted(found, key=lambda one: one[:3], reverse=True):
        yield last_ns, file, group
