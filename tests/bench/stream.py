"""The market that every simulator replays: generated once, stored in each one's own format.

Two venues show ten levels a side; about 9 % of the rows are trades. The generator's time runs five
times as fast, about 2,000 rows a second of market time. Every instant is moved by at most a few
nanoseconds so that no two events of different messages, and no event and timer, share one: what
simulators do with ties is then no part of the comparison.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from framework.core.clock import NS_PER_S, NS_PER_US
from framework.core.events import I64Array
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from framework.synthetic import MarketModel, generate_stream

SEED: Final = 24
LATENCY_NS: Final = 500 * NS_PER_US
WARM_UP_NS: Final = 10 * NS_PER_S
"""Market time before strategies begin, so that every book is whole."""
_FASTER: Final = 5
_SIZES: Final = 100
_COMMIT_ROWS: Final = 2_000_000
_PIECE_ROWS: Final = 1 << 18
_LAYOUT: Final = 2
"""Raised when what is written changes, so that files of before are not taken for it."""

INSTRUMENTS: Final = tuple(
    Instrument(
        venue=venue,
        symbol="XYZ",
        tick=Decimal("0.01"),
        lot=Decimal(1),
        asset="XYZ",
        currency="USD",
        maker_fee_bps=Decimal(2),
        taker_fee_bps=Decimal(5),
        order_entry_ns=LATENCY_NS,
        response_ns=LATENCY_NS,
    )
    for venue in ("alpha", "beta")
)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stored market.

    Parameters
    ----------
    folder
        Where all markets are kept.
    rows
        Upper bound of the rows of both venues; the last message that fits may end before it.
    """

    folder: Path
    rows: int

    @property
    def name(self) -> str:
        """Name of the gold table and of the other files."""
        return f"market_{self.rows}_{SEED}_{_LAYOUT}"

    @property
    def lake(self) -> Lake:
        """The lake that holds the gold table."""
        return Lake(self.folder / "lake")

    def gold(self) -> list[GoldStream]:
        """Open the gold table, one stream a venue."""
        table = TableName("gold", self.name)
        version = self.lake.open(table).version()
        return [
            GoldStream(
                location=self.lake.uri(table),
                table=self.name,
                version=version,
                instrument=instrument,
            )
            for instrument in INSTRUMENTS
        ]

    def start_ns(self, interval_ns: int) -> int:
        """First multiple of an interval after the warm-up."""
        first_ns = min(stream.files()["first_ns"][0].as_py() for stream in self.gold())
        return -(-(first_ns + WARM_UP_NS) // interval_ns) * interval_ns

    def last_ns(self) -> int:
        """Instant of the last event."""
        return max(max(stream.files()["last_ns"].to_pylist()) for stream in self.gold())

    def exact_rows(self) -> int:
        """Rows there really are."""
        return sum(sum(stream.files()["rows"].to_pylist()) for stream in self.gold())

    def write(self) -> None:
        """Generate the market and write the gold table, unless it is there."""
        done = self.folder / f"{self.name}.done"
        if done.exists():
            return
        table = TableName("gold", self.name)
        shutil.rmtree(self.lake.uri(table), ignore_errors=True)
        for n, rows in enumerate(_commits(_market(self.rows))):
            self.lake.append(table, rows, transaction=f"part {n}", partition_by=("venue", "symbol"))
        done.touch()


def _commits(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Gather pieces into commits of a few million rows, all that is held in memory at once."""
    held: list[pa.Table] = []
    for piece in pieces:
        held.append(piece)
        if sum(part.num_rows for part in held) >= _COMMIT_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _market(rows: int) -> Iterator[pa.Table]:
    start_ns = MarketModel().start_ns
    exch_before, recv_before = [start_ns] * 2, [start_ns] * 2
    chunks = generate_stream(
        rows, seed=SEED, instruments=INSTRUMENTS, chunk_rows=min(rows, _PIECE_ROWS)
    )
    for chunk in chunks:
        for b, instrument in enumerate(INSTRUMENTS):
            table = chunk[instrument.name]
            if table.num_rows == 0:
                continue
            exch, recv = (table[name].to_numpy() for name in ("ts_exch_ns", "ts_recv_ns"))
            # The rows of one instant, trades and the levels they reduce, also arrive together.
            instant = np.cumsum(np.diff(exch, prepend=exch[0]) > 0)
            firsts = np.searchsorted(instant, np.arange(instant[-1] + 1))
            faster = start_ns + (exch[firsts] - start_ns) // _FASTER
            happens = _distinct(faster, exch_before[b], b)
            arrives = _distinct(happens + (recv - exch)[firsts], recv_before[b], 2 + b)
            exch_before[b], recv_before[b] = int(happens[-1]), int(arrives[-1])
            sizes = table["qty_lots"].to_numpy() * _SIZES
            yield _with(
                table,
                {"ts_exch_ns": happens[instant], "ts_recv_ns": arrives[instant], "qty_lots": sizes},
            )


def _distinct(times_ns: I64Array, before_ns: int, residue: int) -> I64Array:
    """Let times rise strictly, each with the same remainder modulo 4.

    >>> _distinct(np.array([10, 11, 30]), 12, 1).tolist()
    [17, 21, 33]
    """
    quarter = -(-times_ns // 4)
    quarter[0] = max(quarter[0], before_ns // 4 + 1)
    steps = np.arange(quarter.size)
    return (np.maximum.accumulate(quarter - steps) + steps) * 4 + residue


def _with(table: pa.Table, columns: dict[str, I64Array]) -> pa.Table:
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values))
    return table


def price_range(stream: GoldStream) -> tuple[int, int]:
    """Lowest and highest price that a stream mentions, in ticks."""
    low, high = [], []
    for batch in stream.batches(1 << 20):
        priced = batch.filter(pc.greater(batch.column("px_ticks"), 0))
        found = pc.min_max(priced.column("px_ticks"))
        low.append(found["min"].as_py())
        high.append(found["max"].as_py())
    return min(low), max(high)
