"""What a feed handler writes to the store, as rows of whole numbers that kernels fill.

A row says what is written (`RowKind`), of which stream, when the handler issues the write, from
when on it is true, and then the document's own numbers; `Quotes` and `Buckets` name their columns.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

LEVELS: Final = 10
WIDTH: Final = 8 + 4 * LEVELS


class RowKind(IntEnum):
    """What a row writes; at one instant rows stand in this order."""

    BUCKET = 0
    QUOTE = 1
    HEARTBEAT = 2


class Column(IntEnum):
    """Columns that rows of every kind have."""

    KIND = 0
    STREAM = 1
    ISSUED_NS = 2
    """When the feed handler issues the write, by the received clock."""
    VALID_NS = 3
    RECEIVED_NS = 4
    NUMBER = 5
    """Counts the stream's quotes and heartbeats; of a bucket its first instant."""


class Quotes(IntEnum):
    """Columns of a quote; a missing side has `NO_PRICE` and 0 lots."""

    BID_PX = 6
    BID_LOTS = 7
    ASK_PX = 8
    ASK_LOTS = 9


class Buckets(IntEnum):
    """Columns of a bucket: pairs of price and lots, best first, `NO_PRICE` after the last."""

    N_EVENTS = 6
    BIDS = 8
    ASKS = 8 + 2 * LEVELS


class Watched(IntEnum):
    """What the recorder remembers of a stream."""

    BID_PX = 0
    BID_LOTS = 1
    ASK_PX = 2
    ASK_LOTS = 3
    QUOTES = 4
    BUCKET_NS = 5
    """First instant of the open bucket, −1 where none is open."""
    BUCKET_EVENTS = 6
    VALID_NS = 7
    RECEIVED_NS = 8
    BEATS = 9
    BEAT = 10
    """Number of the interval of the last heartbeat."""
    SIZE = 11
