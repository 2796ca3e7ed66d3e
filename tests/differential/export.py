"""Gold events in the event type of hftbacktest."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from framework.core.errors import DataError
from framework.core.events import EventFlag, EventKind
from framework.replay.stream import GoldStream, column

# Numbers of hftbacktest 2.4.4, hftbacktest/src/types.rs; its package is in another environment.
EXCH_EVENT: Final = 1 << 31
LOCAL_EVENT: Final = 1 << 30
BUY_EVENT: Final = 1 << 29
SELL_EVENT: Final = 1 << 28
DEPTH_EVENT: Final = 1
TRADE_EVENT: Final = 2
DEPTH_CLEAR_EVENT: Final = 3
DEPTH_SNAPSHOT_EVENT: Final = 4

PEER_DTYPE: Final = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ],
    align=True,
)

_KINDS: Final = {
    EventKind.DEPTH: DEPTH_EVENT,
    EventKind.TRADE: TRADE_EVENT,
    EventKind.CLEAR: DEPTH_CLEAR_EVENT,
}


def peer_events(stream: GoldStream) -> np.ndarray:
    """Write a stream's gold events as hftbacktest wants them.

    Every event stands there twice, once as it happens at the exchange, in exchange order, and once
    as it reaches us, in the order received: that is the form its documentation gives for feeds
    whose two orders differ, and each of its two sides skips the rows of the other.

    Raises
    ------
    DataError
        Where the stream holds an event that hftbacktest has no type for.
    """
    rows = pa.Table.from_batches(stream.batches(1 << 20)).combine_chunks().to_batches()[0]
    kinds = column(rows, "kind")
    unknown = sorted(set(kinds.tolist()) - {int(kind) for kind in _KINDS})
    if unknown:
        names = ", ".join(EventKind(kind).name for kind in unknown)
        raise DataError(
            f"{stream.instrument.name}: only depth, trades and clears can be exported, got {names}",
            remedy="compare another capture",
        )
    side = column(rows, "side")
    events = np.zeros(rows.num_rows, PEER_DTYPE)
    for kind, code in _KINDS.items():
        events["ev"][kinds == kind] = code
    in_snapshot = (column(rows, "flags") & EventFlag.SNAPSHOT) != 0
    events["ev"][(kinds == EventKind.DEPTH) & in_snapshot] = DEPTH_SNAPSHOT_EVENT
    events["ev"] |= np.where(side > 0, BUY_EVENT, np.where(side < 0, SELL_EVENT, 0)).astype("u8")
    events["exch_ts"] = column(rows, "ts_exch_ns")
    events["local_ts"] = column(rows, "ts_recv_ns")
    events["px"] = column(rows, "px_ticks") * float(stream.instrument.tick)
    events["qty"] = column(rows, "qty_lots") * float(stream.instrument.lot)
    # A clear of one side takes a price up to which to clear; none means all of it.
    events["px"][kinds == EventKind.CLEAR] = np.nan
    received = events[np.argsort(events["local_ts"], kind="stable")]
    events["ev"] |= EXCH_EVENT
    received["ev"] |= LOCAL_EVENT
    return np.concatenate([events, received])
