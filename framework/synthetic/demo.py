"""Store a synthetic market as a gold Delta table, exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.lake.units import Units, record_units
from framework.synthetic.model import MarketModel
from framework.synthetic.two_venue import demo_instruments, generate_stream

DEMO_ROWS: Final = 1_000_000
"""About three quarters of an hour of both venues."""
DEMO_SEED: Final = 7


def write_demo_market(
    lake_root: str | Path,
    rows: int = DEMO_ROWS,
    seed: int = DEMO_SEED,
    *,
    instruments: Sequence[Instrument] | None = None,
    model: MarketModel | None = None,
    name: str = "demo",
) -> int:
    """Write ``gold/<name>`` and its units, unless that very market is there already.

    Parameters
    ----------
    lake_root
        Folder of the lake.
    rows, seed, instruments, model
        As in `generate`.
    name
        Dataset to write.

    Returns
    -------
    int
        Version of the gold table that holds the market.

    Raises
    ------
    DataError
        Where the table holds another market, or cannot be written.
    """
    chosen = tuple(instruments) if instruments is not None else demo_instruments()
    assumed = model if model is not None else MarketModel()
    lake = Lake(lake_root)
    gold = TableName("gold", name)
    source = f"synthetic:{rows}:{seed}:{assumed!r}:{[i.name for i in chosen]!r}"
    with lake.sole_writer(name):
        if lake.exists(gold):
            if not lake.committed(gold, source):
                raise DataError(
                    f"{lake.uri(gold)} must be empty or hold the market of rows={rows} and "
                    f"seed={seed}, it holds another",
                    remedy="choose another --lake, or delete that table",
                )
            return lake.open(gold).version()
        units = [Units(instrument=instrument, clock_offset_ns=0) for instrument in chosen]
        chunks = generate_stream(rows, seed=seed, instruments=chosen, model=assumed)
        first = next(chunks)  # refuses a bad request before anything is written
        record_units(lake, name, units, transaction=source)
        reader = pa.RecordBatchReader.from_batches(GOLD_SCHEMA, _batches(first, chunks))
        lake.append(gold, reader, transaction=source, partition_by=("venue", "symbol"))
    return lake.open(gold).version()


def _batches(
    first: dict[str, pa.Table], rest: Iterator[dict[str, pa.Table]]
) -> Iterator[pa.RecordBatch]:
    for table in first.values():
        yield from table.to_batches()
    for chunk in rest:
        for table in chunk.values():
            yield from table.to_batches()
