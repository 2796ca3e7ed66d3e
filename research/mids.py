"""The mid of a stream at given instants, in one pass over its events."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from framework.book.ladder import Ladders
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array
from framework.lake.rebuild import rebuild
from framework.replay.stream import GoldStream

_BATCH_ROWS: Final = 1 << 18


def twice_mids_at(stream: GoldStream, at_ns: I64Array) -> I64Array:
    """Look up what best bid plus best ask were, in ticks, after all that happened by each instant.

    Where a side is empty or the book is not valid the last sum known before holds. The memory
    needed does not depend on the length of the stream.

    Parameters
    ----------
    stream
        Whose venue is asked, on exchange time.
    at_ns : shape (n,)
        Instants in any order.

    Returns
    -------
    shape (n,)
        `NO_PRICE` before the first mid and after the stream's last event.
    """
    order = np.argsort(at_ns, kind="stable")
    sorted_ns = at_ns[order]
    found = np.full(at_ns.size, NO_PRICE, np.int64)
    ladders = Ladders(1)
    last, done = NO_PRICE, 0
    for batch in stream.batches(_BATCH_ROWS):
        if batch.num_rows == 0:
            continue
        rows = pl.DataFrame(pl.from_arrow(batch))
        ts_ns, sums = _sums(rebuild(rows, ladders))
        # The next batch may go on at this one's last instant.
        end_ns = int(rows["ts_exch_ns"][-1])
        end = int(np.searchsorted(sorted_ns, end_ns, side="left"))
        found[done:end] = _latest(ts_ns, sums, sorted_ns[done:end], last)
        last = int(sums[-1]) if sums.size else last
        done = end
        if done == at_ns.size:
            break
    else:
        if done < at_ns.size and last != NO_PRICE:
            end = int(np.searchsorted(sorted_ns, end_ns, side="right"))
            found[done:end] = last
    result = np.empty_like(found)
    result[order] = found
    return result


def _latest(ts_ns: I64Array, sums: I64Array, at_ns: I64Array, last: int) -> I64Array:
    row = np.searchsorted(ts_ns, at_ns, side="right") - 1
    if not sums.size:
        return np.full(at_ns.size, last, np.int64)
    return np.where(row < 0, last, sums[np.maximum(row, 0)])


def _sums(rebuilt: pl.DataFrame) -> tuple[I64Array, I64Array]:
    """Pick the ends of messages that leave a book with a mid."""
    ends = rebuilt.filter(
        (pl.col("flags") & int(EventFlag.LAST) != 0)
        & (pl.col("kind") != int(EventKind.GAP))
        & pl.col("is_valid")
        & (pl.col("bid_ticks") != NO_PRICE)
        & (pl.col("ask_ticks") != NO_PRICE)
    )
    sums = (ends["bid_ticks"] + ends["ask_ticks"]).to_numpy()
    return ends["ts_exch_ns"].to_numpy(), sums
