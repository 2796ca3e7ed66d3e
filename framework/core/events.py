"""What a market event is: kinds, flags, the gold row and the in-memory tape.

A gold table holds one row per event, sorted within each stream (one venue and one symbol) by
``(ts_exch_ns, seq)``; the rows of one message share both and keep the order the venue gave them.
Prices are whole ticks, quantities whole lots, times nanoseconds since the Unix epoch.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

I8Array = NDArray[np.int8]
I32Array = NDArray[np.int32]
I64Array = NDArray[np.int64]
F64Array = NDArray[np.float64]
Words = NDArray[np.uint64]
Records = np.recarray[Any, np.dtype[np.record]]
"""Structured array whose fields are read as attributes, as kernels do."""
Record = np.record

BID: Final = 1
ASK: Final = -1

NO_PRICE: Final = np.iinfo(np.int64).min
"""Marks an absent price, e.g. the bid of a book that has no bids."""


class EventKind(IntEnum):
    """Kind of a market event; the number is its rank where time, venue and sequence tie."""

    DEPTH = 1
    """The level ``(side, px_ticks)`` now shows ``qty_lots`` in total; 0 removes it."""
    TRADE = 2
    """``qty_lots`` traded at ``px_ticks``; ``side`` is the aggressor's, 0 where unknown."""
    CLEAR = 3
    """Every level of ``side`` is gone (0: of both sides); a snapshot begins with it."""
    BEST = 4
    """``side`` shows this one level and no other (top-of-book data); ``qty_lots`` 0: no quote."""
    GAP = 5
    """Messages were lost: the book is not to be trusted until the next snapshot has ended."""
    ORDER_ADD = 6
    """Order ``order_id`` of ``qty_lots`` joined the queue at ``(side, px_ticks)``."""
    ORDER_REDUCE = 7
    """``qty_lots`` of order ``order_id`` were cancelled; the rest keeps its place."""
    ORDER_DELETE = 8
    """The last ``qty_lots`` of order ``order_id`` were cancelled."""
    ORDER_EXECUTE = 9
    """``qty_lots`` of order ``order_id`` were executed; ``side`` is the resting order's."""
    HIDDEN_TRADE = 10
    """``qty_lots`` of a hidden order traded at ``px_ticks``; ``side`` is the resting order's.
    The visible book does not change."""
    STATUS = 11
    """Trading state of the stream: ``qty_lots`` 1 continuous trading, 0 halted."""


class EventFlag(IntFlag):
    """Bits of an event's ``flags``."""

    LAST = 1
    """Last row of its message: the book is consistent after it."""
    SNAPSHOT = 2
    """Part of a snapshot; the row that is SNAPSHOT and LAST makes the book valid again."""


GOLD_SCHEMA: Final = pa.schema(
    [
        pa.field("venue", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("ts_exch_ns", pa.int64(), nullable=False),
        pa.field("ts_recv_ns", pa.int64(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),
        pa.field("side", pa.int8(), nullable=False),
        pa.field("flags", pa.int8(), nullable=False),
        pa.field("px_ticks", pa.int64(), nullable=False),
        pa.field("qty_lots", pa.int64(), nullable=False),
        pa.field("order_id", pa.int64(), nullable=False),
    ]
)
"""Gold rows: replay-ready events. ``seq`` orders messages of one stream that share an exchange
time: the venue's own number where one numbering covers all of the stream's messages, else the
order of arrival. ``order_id`` is 0 outside order-by-order data."""


class Tape(NamedTuple):
    """A slice of the merged market, as columns of shape ``(n_events,)``.

    Rows stand in the total order ``(ts_exch_ns, venue, seq, kind)``; ``recv_order`` lists the row
    numbers in the order in which the events reached us: ``(ts_recv_ns, venue, seq, kind)``.
    """

    ts_exch_ns: I64Array
    ts_recv_ns: I64Array
    book: I32Array
    """Index of the stream, streams numbered by ``(venue, symbol)`` in alphabetical order."""
    kind: I8Array
    side: I8Array
    flags: I8Array
    px_ticks: I64Array
    qty_lots: I64Array
    order_id: I64Array
    recv_order: I32Array
