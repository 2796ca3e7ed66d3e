"""The same market up to an instant, another one after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from framework.core.events import GOLD_SCHEMA, EventKind
from framework.engine.result import Result
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream

_LEVELS = [int(EventKind.DEPTH), int(EventKind.BEST)]


def other_future(folder: Path, streams: Sequence[GoldStream], cut_ns: int) -> list[GoldStream]:
    """Write the streams again, from an instant on without odd prices and with other sizes."""
    changed = []
    for stream in streams:
        rows = pl.concat([pl.DataFrame(pl.from_arrow(batch)) for batch in stream.batches(1 << 18)])
        is_later = (pl.col("ts_exch_ns") >= cut_ns) & pl.col("kind").is_in(_LEVELS)
        is_shown = is_later & (pl.col("qty_lots") > 0)
        grown = pl.when(is_shown & (pl.col("px_ticks") % 2 == 1)).then(0)
        grown = grown.when(is_shown).then(3 * pl.col("qty_lots") + 7)
        rows = rows.with_columns(
            venue=pl.lit(stream.instrument.venue),
            symbol=pl.lit(stream.instrument.symbol),
            qty_lots=grown.otherwise("qty_lots"),
        ).select(name for name in GOLD_SCHEMA.names if name in {*rows.columns, "venue", "symbol"})
        name = f"{stream.table}_{stream.instrument.venue}_{cut_ns}"
        lake, table = Lake(folder), TableName("gold", name)
        lake.append(table, rows, transaction="made", partition_by=("venue", "symbol"))
        changed.append(replace(stream, location=lake.uri(table), table=name, version=0))
    return changed


def before(result: Result, cut_ns: int) -> pl.DataFrame:
    """Journal rows before an instant."""
    return pl.DataFrame(result.journal).filter(pl.col("ts_ns") < cut_ns)
