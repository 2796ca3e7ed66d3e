"""Journals as files: the rows, and what their integers mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.engine.result import Result

_INSTRUMENTS: Final = b"crossbook.instruments"
_HASH: Final = b"crossbook.hash"


def write_journal(result: Result, path: Path) -> Path:
    """Write the journal as an Arrow file that says in its metadata what the integers mean."""
    table = _described(result)
    with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def write_small_journal(result: Result, path: Path) -> Path:
    """Write the same as Parquet, as small as it gets: such a file may be committed."""
    pq.write_table(_described(result), path, compression="zstd", compression_level=19)
    return path


def read_journal(path: Path) -> tuple[pa.Table, tuple[Instrument, ...], str]:
    """Read what either of the above has written: rows, instruments and the journal's hash.

    Raises
    ------
    DataError
        Where the file is missing, broken or no journal.
    """
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            with pa.OSFile(str(path), "rb") as source, ipc.open_file(source) as reader:
                table = reader.read_all()
        metadata = table.schema.metadata
        units = json.loads(metadata[_INSTRUMENTS])
        return table, tuple(map(_instrument, units)), metadata[_HASH].decode()
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} must be a journal written by Crossbook, but cannot be read as one: {error}",
            remedy="name the folder of a run, such as out/NAME/RUN",
        ) from error


def _described(result: Result) -> pa.Table:
    metadata = {
        _INSTRUMENTS: json.dumps(_units(result.instruments)).encode(),
        _HASH: result.journal_hash.encode(),
    }
    return result.journal.replace_schema_metadata(metadata)


def _units(instruments: Sequence[Instrument]) -> list[dict[str, object]]:
    return [
        {
            "venue": i.venue,
            "symbol": i.symbol,
            "tick": str(i.tick),
            "lot": str(i.lot),
            "contract_size": str(i.contract_size),
            "inverse": i.inverse,
            "asset": i.asset,
            "currency": i.currency,
        }
        for i in instruments
    ]


def _instrument(unit: dict[str, object]) -> Instrument:
    return Instrument(
        venue=str(unit["venue"]),
        symbol=str(unit["symbol"]),
        tick=Decimal(str(unit["tick"])),
        lot=Decimal(str(unit["lot"])),
        contract_size=Decimal(str(unit["contract_size"])),
        inverse=bool(unit["inverse"]),
        asset=str(unit.get("asset", "")),
        currency=str(unit["currency"]),
    )
