"""The features of a stored stream as a table: the book is replayed, the same kernels run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from framework._jit import kernel
from framework.book.ladder import Ladders, apply, best_price
from framework.book.levels import read_levels
from framework.book.window import books_of
from framework.core.errors import DataError
from framework.core.events import NO_PRICE, EventFlag, EventKind, F64Array, I8Array, I64Array
from framework.features.book import (
    COLUMNS,
    BookFeatures,
    FeatureSettings,
    book_update,
    trade_update,
)
from framework.replay.stream import GoldStream

FRAME_SCHEMA: Final = pl.Schema({"ts_ns": pl.Int64} | dict.fromkeys(COLUMNS, pl.Float64))
"""One row an update, in replay order."""

_TRADE: Final = int(EventKind.TRADE)
_HIDDEN: Final = int(EventKind.HIDDEN_TRADE)
_EXECUTE: Final = int(EventKind.ORDER_EXECUTE)
_LAST: Final = int(EventFlag.LAST)
_BATCH_ROWS: Final = 1 << 18
_N: Final = len(COLUMNS)
_READ: Final = ("kind", "side", "flags", "px_ticks", "qty_lots")


class Clock(StrEnum):
    """Whose time features count in."""

    EXCHANGE = "exchange"
    """When it happened."""
    RECEIVED = "received"
    """When it reached us: what a strategy sees."""


class When(StrEnum):
    """What updates the features of the book; trades always count."""

    MESSAGE = "message"
    """The end of every message."""
    BEST = "best"
    """A change of the best bid's or ask's price, as wakes a strategy that asks for `OnBest`."""


class _Columns(NamedTuple):
    """A batch's columns, shape ``(n_rows,)``."""

    ts_ns: I64Array
    kind: I8Array
    side: I8Array
    flags: I8Array
    px_ticks: I64Array
    qty_lots: I64Array


class _Memory(NamedTuple):
    """What one row hands to the next."""

    state: I64Array
    ladders: I64Array
    levels: I64Array
    """Prices and lots of the bids, then of the asks, shape ``(4, depth)``."""
    row: F64Array
    best: I64Array


@kernel
def _walk(
    memory: _Memory, columns: _Columns, only_best: bool, out_ts: I64Array, out: F64Array
) -> int:
    """Replay a batch; return the rows written, −1 where a ladder is full."""
    state, ladders, levels, row, best = memory
    n = 0
    for i in range(columns.ts_ns.size):
        kind, side, flags = columns.kind[i], columns.side[i], columns.flags[i]
        px_ticks, lots = columns.px_ticks[i], columns.qty_lots[i]
        if kind in (_TRADE, _HIDDEN, _EXECUTE):
            trade_update(state, px_ticks, lots, row)
        if kind != _TRADE and apply(ladders, 0, kind, side, px_ticks, lots, flags) < 0:
            return -1
        if not flags & _LAST:
            continue
        bid, ask = best_price(ladders, 0, 1), best_price(ladders, 0, -1)
        is_same = bid == best[0] and ask == best[1]
        best[0], best[1] = bid, ask
        if not books_of(ladders)[0].valid or (only_best and is_same):
            continue
        read_levels(ladders, 0, 1, levels[0], levels[1])
        read_levels(ladders, 0, -1, levels[2], levels[3])
        ts_ns = columns.ts_ns[i]
        if book_update(state, ts_ns, levels[0], levels[1], levels[2], levels[3], row):
            out_ts[n] = ts_ns
            out[n] = row
            n += 1
    return n


def feature_frame(
    source: GoldStream | pa.Table,
    settings: FeatureSettings | None = None,
    *,
    clock: Clock = Clock.RECEIVED,
    when: When = When.MESSAGE,
) -> pl.DataFrame:
    """Compute the features of a stream over its whole length.

    Parameters
    ----------
    source
        A stored stream, or `GOLD_SCHEMA` rows of one.
    settings
        As of `BookFeatures`.
    clock
        Whose time they count in.
    when
        What updates them.

    Returns
    -------
    pl.DataFrame
        `FRAME_SCHEMA`. Nothing is written while the book is invalid or has an empty side.

    Raises
    ------
    DataError
        Where the book is wider than a ladder holds.
    """
    frames = [pl.DataFrame(schema=FRAME_SCHEMA)]
    frames += feature_batches(_batches(source), settings, clock=clock, when=when)
    return pl.concat(frames)


def feature_batches(
    batches: Iterable[pa.RecordBatch | pa.Table],
    settings: FeatureSettings | None = None,
    *,
    clock: Clock = Clock.RECEIVED,
    when: When = When.MESSAGE,
) -> Iterator[pl.DataFrame]:
    """Yield the features of a stream batch by batch; how it is cut changes no bit of them."""
    features = BookFeatures(settings)
    ladders = Ladders(1)
    memory = _Memory(
        features.state,
        ladders.handle,
        np.zeros((4, features.settings.depth), np.int64),
        features.row,
        np.full(2, NO_PRICE, np.int64),
    )
    time = "ts_exch_ns" if Clock(clock) is Clock.EXCHANGE else "ts_recv_ns"
    only_best = When(when) is When.BEST
    for batch in batches:
        columns = _Columns(*(_column(batch, name) for name in (time, *_READ)))
        out_ts, out = np.zeros(batch.num_rows, np.int64), np.zeros((batch.num_rows, _N))
        n = int(_walk(memory, columns, only_best, out_ts, out))
        if n < 0:
            raise DataError(
                "the levels of a book must fit into its ladder, one has more",
                remedy="report the table: a ladder holds 4,096 levels far from the touch",
            )
        by_column = np.ascontiguousarray(out[:n].T)
        data = {"ts_ns": out_ts[:n]} | dict(zip(COLUMNS, by_column, strict=True))
        yield pl.DataFrame(data, schema=FRAME_SCHEMA)


def _column(batch: pa.RecordBatch | pa.Table, name: str) -> np.ndarray:
    values = batch.column(name)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return np.ascontiguousarray(values.to_numpy(zero_copy_only=False))


def _batches(source: GoldStream | pa.Table) -> Iterable[pa.RecordBatch | pa.Table]:
    return source.batches(_BATCH_ROWS) if isinstance(source, GoldStream) else [source]
