"""The merged market, slowly and obviously: what `read_market` must yield."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from framework.core.events import EventKind
from tests.oracle.engine.book import Event

FOREVER = 2**63 - 1


class Row(NamedTuple):
    """One event of one stream, and its place among all rows of all streams."""

    book: int
    event: Event


class Slice(NamedTuple):
    """One chunk."""

    rows: list[Row]
    first_event: int
    received: list[Row]
    """Rows that reach us before the next chunk begins, in that order."""
    horizon_ns: int
    fifo: bool


def merged_market(streams: Sequence[Sequence[Event]], chunk_rows: int) -> Iterator[Slice]:
    """Cut the market into chunks of at least `chunk_rows` events that end with an instant."""
    rows = [Row(b, event) for b, events in enumerate(streams) for event in events]
    rows.sort(key=lambda row: row.event.ts_exch_ns)  # stable: ties stay by stream, then by place
    carried: list[Row] = []
    while True:
        n = min(chunk_rows, len(rows))
        while n < len(rows) and rows[n].event.ts_exch_ns == rows[n - 1].event.ts_exch_ns:
            n += 1
        fresh, rows = rows[:n], rows[n:]
        horizon_ns = rows[0].event.ts_exch_ns if rows else FOREVER
        held = carried + fresh
        ordered = sorted(held, key=lambda row: (row.event.ts_recv_ns, row.book))
        received = [row for row in ordered if row.event.ts_recv_ns < horizon_ns]
        yield Slice(held, len(carried), received, horizon_ns, _in_turn(held, len(streams)))
        carried = [row for row in held if row.event.ts_recv_ns >= horizon_ns]
        if not rows:
            return


def _in_turn(rows: list[Row], n_streams: int) -> bool:
    told = [row for row in rows if row.event.kind != EventKind.TRADE]
    times = [[row.event.ts_recv_ns for row in told if row.book == b] for b in range(n_streams)]
    return all(mine == sorted(mine) for mine in times)
