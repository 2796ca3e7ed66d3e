"""Store a planted market in a lake, exactly once: gold for strategies, the truth for referees.

Strategies read gold tables, and what they may know of the world besides (``silver/NAME_news``,
each headline with the time it becomes available). The truth is in ``reference/NAME_…``, which no
stream can be opened from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from framework.core.errors import DataError
from framework.lake.store import Lake, TableName
from framework.lake.units import Units, record_units
from framework.synthetic.planted.derive import Deriver, Level
from framework.synthetic.planted.generate import Piece, PlantedMarket
from framework.synthetic.planted.truth import CROSSES_SCHEMA, PATH_SCHEMA, TRUTH_SCHEMA

PART_MESSAGES: Final = 4_000_000
"""Messages that one commit holds at least: a longer market is written in several."""
_SUFFIX: Final = {Level.ORDERS: "", Level.DEPTH: "_depth", Level.QUOTES: "_quotes"}


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    rows
        Rows of each table of the lake, by its name.
    is_new
        False where that very market was there already.
    """

    rows: dict[str, int]
    is_new: bool


def truth_table(name: str, which: str) -> TableName:
    """Name a table of the truth: ``messages``, ``path``, ``crosses`` or ``episodes``.

    >>> str(truth_table("planted", "crosses"))
    'reference/planted_crosses'
    """
    return TableName("reference", f"{name}_{which}")


def news_table(name: str) -> TableName:
    """Name the table of headlines."""
    return TableName("silver", f"{name}_news")


def write_planted_market(
    lake_root: str | Path,
    market: PlantedMarket,
    *,
    name: str = "planted",
    levels: Collection[Level] = (Level.ORDERS,),
    part_messages: int = PART_MESSAGES,
) -> Written:
    """Write a planted market and its truth, unless that very market is there already.

    Parameters
    ----------
    lake_root
        Folder of the lake.
    market
        A market that has not been iterated over yet.
    name
        Dataset: ``gold/NAME`` order by order, ``gold/NAME_depth``, ``gold/NAME_quotes``.
    levels
        Which of the three.
    part_messages
        Messages held in memory until they are committed.

    Raises
    ------
    DataError
        Where the tables hold another market, or cannot be written.
    """
    lake = Lake(lake_root)
    chosen = sorted({Level(level) for level in levels}, reverse=True)
    names = [item.name for item in market.instruments]
    shown = [level.name.lower() for level in chosen]
    source = f"planted:{market.minutes}:{market.seed}:{market.model!r}:{names}:{shown}"
    with lake.sole_writer(name):
        finished = truth_table(name, "episodes")
        if lake.committed(finished, source):
            return Written(_counted(lake, name, chosen), is_new=False)
        _refuse_another(lake, name, source)
        _write(lake, market, name, chosen, source, part_messages)
        return Written(_counted(lake, name, chosen), is_new=True)


def _refuse_another(lake: Lake, name: str, source: str) -> None:
    for level, suffix in _SUFFIX.items():
        gold = TableName("gold", f"{name}{suffix}")
        if lake.exists(gold) and not lake.committed(gold, f"{source}:0"):
            raise DataError(
                f"{lake.uri(gold)} must be empty or hold this very planted market, it holds another"
                f" ({level.name.lower()})",
                remedy=f"choose another lake or name, or delete the tables of {name}",
            )


def _write(
    lake: Lake,
    market: PlantedMarket,
    name: str,
    levels: list[Level],
    source: str,
    part_messages: int,
) -> None:
    derivers = {
        (level, item.name): Deriver(level) for level in levels for item in market.instruments
    }
    units = [Units(instrument=item, clock_offset_ns=0) for item in market.instruments]
    for level in levels:
        record_units(lake, f"{name}{_SUFFIX[level]}", units, transaction=source)
    lake.append(
        news_table(name), market.news.frame(market.instruments[0].symbol), transaction=source
    )
    for part, pieces in enumerate(_parts(market, part_messages)):
        transaction = f"{source}:{part}"
        for level in levels:
            tables = [
                derivers[level, stream](table)
                for stream in market.streams()
                for table in (piece.gold[stream] for piece in pieces)
            ]
            gold = TableName("gold", f"{name}{_SUFFIX[level]}")
            rows = pa.concat_tables(tables)
            lake.append(gold, rows, transaction=transaction, partition_by=("venue", "symbol"))
        _append_truth(lake, name, pieces, transaction)
    lake.append(truth_table(name, "episodes"), market.episodes, transaction=source)


def _append_truth(lake: Lake, name: str, pieces: list[Piece], transaction: str) -> None:
    parts = (
        ("messages", TRUTH_SCHEMA, [piece.truth for piece in pieces]),
        ("path", PATH_SCHEMA, [piece.path for piece in pieces]),
        ("crosses", CROSSES_SCHEMA, [piece.crosses for piece in pieces]),
    )
    for which, schema, frames in parts:
        rows = pl.concat([pl.DataFrame(schema=schema), *frames])
        lake.append(truth_table(name, which), rows, transaction=transaction)


def _parts(market: PlantedMarket, part_messages: int) -> Iterator[list[Piece]]:
    """Gather pieces until there are enough messages for a commit."""
    pieces: list[Piece] = []
    for piece in market:
        pieces.append(piece)
        if sum(item.truth.height for item in pieces) >= part_messages:
            yield pieces
            pieces = []
    if pieces:
        yield pieces


def _counted(lake: Lake, name: str, levels: list[Level]) -> dict[str, int]:
    tables = [TableName("gold", f"{name}{_SUFFIX[level]}") for level in levels]
    tables += [truth_table(name, which) for which in ("messages", "path", "crosses", "episodes")]
    tables.append(news_table(name))
    return {str(table): int(lake.scan(table).select(pl.len()).collect().item()) for table in tables}
