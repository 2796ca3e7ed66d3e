"""Merge streams, each in order, into chunks of one market: one pass over the rows, no copies kept.

The kernels work on memory that is used again and again: a record per stream that says where its
decoded rows stand, and an output of columns. They return whenever Python must help: a stream's
rows are used up, the output must grow, a rule is broken.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import EventKind, I32Array, I64Array, Records

FOREVER: Final = np.iinfo(np.int64).max
PAST: Final = np.iinfo(np.int64).min
_TRADE: Final = int(EventKind.TRADE)
FEED_DTYPE: Final = np.dtype(
    [
        ("at", np.int64),
        ("size", np.int64),
        ("ended", np.int64),
        ("last_ns", np.int64),
        ("told_ns", np.int64),
        ("n_run", np.int64),
        ("ts_exch_ns_address", np.int64),
        ("ts_recv_ns_address", np.int64),
        ("kind_address", np.int64),
        ("side_address", np.int64),
        ("flags_address", np.int64),
        ("px_ticks_address", np.int64),
        ("qty_lots_address", np.int64),
        ("order_id_address", np.int64),
    ]
)
"""One stream's decoded rows: the next and their number, whether no more will come, the latest
exchange time handed on and the latest received time of an event other than a trade; then the
columns' addresses (0 for `order_id`: no order has a name)."""


class M(IntEnum):
    """Places in the array that says where a merge stands."""

    N = 0
    """Rows in the output."""
    FIRST = auto()
    """How many of them had happened in an earlier chunk."""
    FULL = auto()
    """Rows from which the chunk ends with its instant."""
    CAPACITY = auto()
    STREAM = auto()
    """Stream that Python must look at."""
    HORIZON_NS = auto()
    FIFO = auto()
    N_RECEIVABLE = auto()
    # Addresses of the output's columns, in the order of the tape.
    TS_EXCH = auto()
    TS_RECV = auto()
    BOOK = auto()
    KIND = auto()
    SIDE = auto()
    FLAGS = auto()
    PX = auto()
    QTY = auto()
    ORDER_ID = auto()
    """0 where no stream names its orders."""
    RECV_ORDER = auto()
    RUNS = auto()
    """Address of each stream's rows as they reached us, ``(streams, capacity)`` of int32."""
    SHIFTS = auto()
    """Steps taken to keep the runs in order."""
    MOST_SHIFTS = auto()
    SIZE = auto()


class Need(IntEnum):
    """Why `merge` returned."""

    NOTHING = 0
    """The chunk is complete."""
    ROWS = auto()
    ROOM = auto()
    BACKWARDS = auto()
    """The stream's next row happened before the one before it."""
    EARLY = auto()
    """The stream's next row reaches us before it happens."""


_NOTHING, _ROWS, _ROOM = int(Need.NOTHING), int(Need.ROWS), int(Need.ROOM)
_BACKWARDS, _EARLY = int(Need.BACKWARDS), int(Need.EARLY)


@kernel
def _line_up(recv: I64Array, run: I32Array, n_run: int, row: int) -> int:
    """Put a row in its place among those of its stream that reached us before; count the shifts."""
    received_ns = recv[row]
    at = n_run
    while at and recv[run[at - 1]] > received_ns:
        run[at] = run[at - 1]
        at -= 1
    run[at] = row
    return n_run - at


@kernel
def _copy(state: I64Array, feed: Records, b: int, limit_ns: int) -> int:
    """Hand on a stream's rows up to an instant, as far as room and the chunk's end allow."""
    size, capacity, full = feed.size, state[M.CAPACITY], state[M.FULL]
    exch_in = array_at(feed.ts_exch_ns_address, size, np.int64)
    recv_in = array_at(feed.ts_recv_ns_address, size, np.int64)
    kind_in = array_at(feed.kind_address, size, np.int8)
    side_in = array_at(feed.side_address, size, np.int8)
    flags_in = array_at(feed.flags_address, size, np.int8)
    px_in = array_at(feed.px_ticks_address, size, np.int64)
    qty_in = array_at(feed.qty_lots_address, size, np.int64)
    exch = array_at(state[M.TS_EXCH], capacity, np.int64)
    recv = array_at(state[M.TS_RECV], capacity, np.int64)
    book = array_at(state[M.BOOK], capacity, np.int32)
    kind = array_at(state[M.KIND], capacity, np.int8)
    side = array_at(state[M.SIDE], capacity, np.int8)
    flags = array_at(state[M.FLAGS], capacity, np.int8)
    px = array_at(state[M.PX], capacity, np.int64)
    qty = array_at(state[M.QTY], capacity, np.int64)
    run = array_at(state[M.RUNS] + 4 * capacity * b, capacity, np.int32)
    n_run, shifts, most_shifts = feed.n_run, state[M.SHIFTS], state[M.MOST_SHIFTS]
    begin, n = feed.at, state[M.N]
    i, last_ns, told_ns = begin, feed.last_ns, feed.told_ns
    tail_ns = exch[n - 1] if n else last_ns
    fifo = state[M.FIFO]
    need = _NOTHING
    stop = min(size, i + capacity - n)
    while i < stop:
        ts_ns = exch_in[i]
        if ts_ns > limit_ns or (n >= full and ts_ns > tail_ns):
            break
        if ts_ns < last_ns:
            need = _BACKWARDS
            break
        received_ns = recv_in[i]
        if received_ns < ts_ns:
            need = _EARLY
            break
        what = kind_in[i]
        if what != _TRADE:
            if received_ns < told_ns:
                fifo = 0
            told_ns = received_ns
        exch[n] = ts_ns
        recv[n] = received_ns
        book[n] = b
        kind[n] = what
        side[n] = side_in[i]
        flags[n] = flags_in[i]
        px[n] = px_in[i]
        qty[n] = qty_in[i]
        if shifts <= most_shifts:
            shifts += _line_up(recv, run, n_run, n)
            n_run += 1
        last_ns = tail_ns = ts_ns
        i += 1
        n += 1
    if state[M.ORDER_ID]:
        _copy_names(state, feed, begin, i)
    feed.at, feed.last_ns, feed.told_ns, feed.n_run = i, last_ns, told_ns, n_run
    state[M.N], state[M.FIFO], state[M.SHIFTS] = n, fifo, shifts
    return need


@kernel
def _copy_names(state: I64Array, feed: Records, begin: int, end: int) -> None:
    order_id = array_at(state[M.ORDER_ID], state[M.CAPACITY], np.int64)
    n = state[M.N]
    if feed.order_id_address:
        named = array_at(feed.order_id_address, feed.size, np.int64)
        for i in range(begin, end):
            order_id[n + i - begin] = named[i]
    else:
        order_id[n : n + end - begin] = 0


@kernel
def merge(state: I64Array, feeds: Records) -> int:
    """Hand on rows by ``(ts_exch_ns, stream, place)`` until the chunk is full; return a `Need`.

    A chunk ends with an instant, so that none is cut in two.
    """
    while True:
        best = second = -1
        best_ns = second_ns = FOREVER
        for b in range(feeds.size):
            feed = feeds[b]
            if feed.at == feed.size:
                if feed.ended:
                    continue
                state[M.STREAM] = b
                return _ROWS
            ts_ns = array_at(feed.ts_exch_ns_address, feed.size, np.int64)[feed.at]
            if best < 0 or ts_ns < best_ns:
                second, second_ns = best, best_ns
                best, best_ns = b, ts_ns
            elif second < 0 or ts_ns < second_ns:
                second, second_ns = b, ts_ns
        state[M.HORIZON_NS] = best_ns
        if best < 0:
            return _NOTHING
        n = state[M.N]
        if n >= state[M.FULL]:
            exch = array_at(state[M.TS_EXCH], n, np.int64)
            if best_ns > exch[n - 1]:
                return _NOTHING
        if n == state[M.CAPACITY]:
            return _ROOM
        # Ties go by the stream's number.
        limit_ns = second_ns if second < 0 or best < second else second_ns - 1
        need = _copy(state, feeds[best], best, limit_ns)
        if need:
            state[M.STREAM] = best
            return need


@kernel
def carry(state: I64Array, before: I64Array, feeds: Records) -> None:
    """Begin an output with the rows that the one before it holds and that reach us only now."""
    cold()
    feeds.told_ns[:] = PAST
    feeds.n_run[:] = 0
    state[M.SHIFTS] = 0
    size, horizon_ns = before[M.N], before[M.HORIZON_NS]
    exch_in = array_at(before[M.TS_EXCH], size, np.int64)
    recv_in = array_at(before[M.TS_RECV], size, np.int64)
    book_in = array_at(before[M.BOOK], size, np.int32)
    kind_in = array_at(before[M.KIND], size, np.int8)
    side_in = array_at(before[M.SIDE], size, np.int8)
    flags_in = array_at(before[M.FLAGS], size, np.int8)
    px_in = array_at(before[M.PX], size, np.int64)
    qty_in = array_at(before[M.QTY], size, np.int64)
    n = 0
    capacity = state[M.CAPACITY]
    exch = array_at(state[M.TS_EXCH], capacity, np.int64)
    recv = array_at(state[M.TS_RECV], capacity, np.int64)
    book = array_at(state[M.BOOK], capacity, np.int32)
    kind = array_at(state[M.KIND], capacity, np.int8)
    side = array_at(state[M.SIDE], capacity, np.int8)
    flags = array_at(state[M.FLAGS], capacity, np.int8)
    px = array_at(state[M.PX], capacity, np.int64)
    qty = array_at(state[M.QTY], capacity, np.int64)
    state[M.FIFO] = 1
    for i in range(size):
        if recv_in[i] < horizon_ns:
            continue
        b = book_in[i]
        if kind_in[i] != _TRADE:
            if recv_in[i] < feeds[b].told_ns:
                state[M.FIFO] = 0
            feeds[b].told_ns = recv_in[i]
        exch[n], recv[n], book[n], kind[n] = exch_in[i], recv_in[i], b, kind_in[i]
        side[n], flags[n], px[n], qty[n] = side_in[i], flags_in[i], px_in[i], qty_in[i]
        if state[M.ORDER_ID]:
            names = array_at(before[M.ORDER_ID], size, np.int64)
            array_at(state[M.ORDER_ID], capacity, np.int64)[n] = names[i]
        if state[M.SHIFTS] <= state[M.MOST_SHIFTS]:
            run = array_at(state[M.RUNS] + 4 * capacity * b, capacity, np.int32)
            state[M.SHIFTS] += _line_up(recv, run, feeds[b].n_run, n)
            feeds[b].n_run += 1
        n += 1
    state[M.N] = state[M.FIRST] = n


@kernel
def receive(state: I64Array, feeds: Records) -> None:
    """List the rows by ``(ts_recv_ns, stream, place)``."""
    n, capacity = state[M.N], state[M.CAPACITY]
    recv = array_at(state[M.TS_RECV], n, np.int64)
    out = array_at(state[M.RECV_ORDER], n, np.int32)
    runs = array_at(state[M.RUNS], feeds.size * capacity, np.int32)
    at = np.zeros(feeds.size, np.int64)
    done = 0
    while done < n:
        best = second = -1
        best_ns = second_ns = FOREVER
        for b in range(feeds.size):
            if at[b] == feeds[b].n_run:
                continue
            ts_ns = recv[runs[b * capacity + at[b]]]
            if best < 0 or ts_ns < best_ns:
                second, second_ns = best, best_ns
                best, best_ns = b, ts_ns
            elif second < 0 or ts_ns < second_ns:
                second, second_ns = b, ts_ns
        limit_ns = second_ns if second < 0 or best < second else second_ns - 1
        run = runs[best * capacity : (best + 1) * capacity]
        i, end = at[best], feeds[best].n_run
        while i < end and recv[run[i]] <= limit_ns:
            out[done] = run[i]
            done += 1
            i += 1
        at[best] = i
