"""Decoded rows of each stream, as the merge reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import numpy as np
import pyarrow as pa

from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.core.events import Records
from framework.replay.columns import column
from framework.replay.merge import FEED_DTYPE, PAST, Need
from framework.replay.stream import REPLAYED, GoldStream

_DTYPES: Final = {
    "ts_exch_ns": np.int64,
    "ts_recv_ns": np.int64,
    "kind": np.int8,
    "side": np.int8,
    "flags": np.int8,
    "px_ticks": np.int64,
    "qty_lots": np.int64,
    "order_id": np.int64,
}


class Sources:
    """The streams of a market, each read batch by batch.

    Parameters
    ----------
    streams
        In the order of their names.
    rows
        Rows to decode at a time.

    Attributes
    ----------
    feeds
        Where each stream's rows stand, `FEED_DTYPE`.
    named
        Some stream names its orders.
    """

    def __init__(self, streams: Sequence[GoldStream], rows: int) -> None:
        self._streams = streams
        self.feeds: Records = np.zeros(len(streams), FEED_DTYPE).view(np.recarray)
        self.feeds["last_ns"] = PAST
        named = [stream.names_orders() for stream in streams]
        self.named = any(named)
        self._batches = [
            stream.batches(rows, (*REPLAYED, "order_id") if has_names else REPLAYED)
            for stream, has_names in zip(streams, named, strict=True)
        ]
        self._columns: list[dict[str, np.ndarray]] = [{} for _ in streams]

    def close(self) -> None:
        """Close what is being read."""
        for batches in self._batches:
            batches.close()
        self._columns.clear()

    def read(self, b: int) -> None:
        """Put a stream's next rows in place, or note that there are none."""
        feed = self.feeds[b]
        batch = next(self._batches[b], None)
        while batch is not None and batch.num_rows == 0:
            batch = next(self._batches[b], None)
        if batch is None:
            feed["ended"] = 1
            return
        # The feed holds addresses only: the arrays must stay alive.
        self._columns[b] = columns = {
            name: self._taken(b, batch, name) for name in batch.schema.names
        }
        feed["at"], feed["size"] = 0, batch.num_rows
        for name, values in columns.items():
            feed[f"{name}_address"] = values.ctypes.data

    def refuse(self, b: int, rule: Need) -> NoReturn:
        """Say which rule a stream's next row breaks.

        Raises
        ------
        DataError
            Always.
        """
        at = int(self.feeds[b]["at"])
        exch = self._columns[b]["ts_exch_ns"][at:]
        if rule == Need.BACKWARDS:
            raise DataError(
                f"{self._name(b)}: gold events must stand in the order of exchange time, but one "
                f"of {format_ns(int(exch[0]))} stands behind one of "
                f"{format_ns(int(self.feeds[b]['last_ns']))}",
                remedy="build the table again with crossbook ingest",
            )
        early_ns = exch - self._columns[b]["ts_recv_ns"][at:]
        raise DataError(
            f"{self._name(b)}: an event must not reach us before it happens, but the one of "
            f"{format_ns(int(exch[0]))} does, by {int(early_ns[0])} ns",
            remedy=f"raise the venue's clock_offset_ns in the catalog by {int(early_ns.max())} or "
            "more and ingest again",
        )

    def _taken(self, b: int, batch: pa.RecordBatch, name: str) -> np.ndarray:
        if batch.column(name).null_count:
            raise DataError(
                f"{self._name(b)}: gold columns must have no empty values, {name} has "
                f"{batch.column(name).null_count}",
                remedy="build the table again with crossbook ingest",
            )
        return np.ascontiguousarray(column(batch, name), _DTYPES[name])

    def _name(self, b: int) -> str:
        stream = self._streams[b]
        return f"{stream.table} version {stream.version}, {stream.instrument.name}"
