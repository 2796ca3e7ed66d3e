"""What a gold table's integers mean: tick, lot and clock offset of each stream, kept beside it.

The first file of a stream decides its units, and ``reference/instruments`` remembers them. A later
file is converted with the same units; a catalog that has changed since is refused, because one
column cannot count in two units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import polars as pl

from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName

INSTRUMENTS: Final = TableName("reference", "instruments")
"""One row per gold table and stream. Decimals are text: they are exact."""

_TEXT: Final = ("venue", "symbol", "asset", "currency")
_DECIMAL: Final = ("tick", "lot", "contract_size", "maker_fee_bps", "taker_fee_bps")
_INTEGER: Final = ("order_entry_ns", "response_ns", "quote_lots")
_BOOLEAN: Final = ("inverse", "inferred")
_KEPT: Final = (*_TEXT, *_DECIMAL, *_INTEGER, *_BOOLEAN)
"""What is kept of an instrument; other costs and latencies are the catalog's alone."""

INSTRUMENTS_SCHEMA: Final = pl.Schema(
    {"table": pl.String}
    | dict.fromkeys((*_TEXT, *_DECIMAL), pl.String)
    | dict.fromkeys(_INTEGER, pl.Int64)
    | dict.fromkeys(_BOOLEAN, pl.Boolean)
    | {"clock_offset_ns": pl.Int64, "is_measured_offset": pl.Boolean}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """How one stream's times, prices and quantities become integers.

    Parameters
    ----------
    instrument
        Tick and lot.
    clock_offset_ns
        Added to the received clock.
    is_measured_offset
        True where the offset was read off the data instead of the catalog.
    """

    instrument: Instrument
    clock_offset_ns: int
    is_measured_offset: bool = False


def read_units(lake: Lake, table: str) -> dict[tuple[str, str], Units]:
    """Read the units a gold table counts in, by (venue, symbol); empty where none are kept."""
    if not lake.exists(INSTRUMENTS):
        return {}
    rows = lake.scan(INSTRUMENTS).filter(pl.col("table") == table).collect()
    return units_from_rows(rows.to_dicts())


def units_from_rows(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Units]:
    """Read rows of `INSTRUMENTS_SCHEMA`, by (venue, symbol)."""
    return {
        (row["venue"], row["symbol"]): Units(
            instrument=_instrument(row),
            clock_offset_ns=row["clock_offset_ns"],
            is_measured_offset=row["is_measured_offset"],
        )
        for row in rows
    }


def record_units(lake: Lake, table: str, units: Sequence[Units], *, transaction: str) -> None:
    """Keep the units of new streams of a gold table.

    Parameters
    ----------
    table
        Name of the dataset.
    transaction
        Name of the source that brought the streams; it is recorded once.
    """
    if units:
        lake.append(INSTRUMENTS, units_rows(table, units), transaction=f"{table}:{transaction}")


def units_rows(table: str, units: Sequence[Units]) -> pl.DataFrame:
    """Write units as rows of `INSTRUMENTS_SCHEMA`."""
    rows = []
    for unit in units:
        values = {name: getattr(unit.instrument, name) for name in _KEPT}
        rows.append(
            {name: str(v) if isinstance(v, Decimal) else v for name, v in values.items()}
            | {
                "table": table,
                "clock_offset_ns": unit.clock_offset_ns,
                "is_measured_offset": unit.is_measured_offset,
            }
        )
    return pl.DataFrame(rows, schema=INSTRUMENTS_SCHEMA).sort("venue", "symbol")


def continued(kept: Units, now: Units, table: str) -> Units:
    """Return a stream's units for a further file: those its gold rows count in already.

    What was inferred or measured once holds. Fees, latencies and the like are the catalog's and
    may change.

    Raises
    ------
    DataError
        Where the catalog's tick, lot or clock offset are no longer those of the gold rows.
    """
    if kept.is_measured_offset and not now.is_measured_offset:
        now = replace(now, clock_offset_ns=kept.clock_offset_ns, is_measured_offset=True)
    if now.instrument.inferred:
        now = replace(now, instrument=kept.instrument)
    found = (
        ("tick", kept.instrument.tick, now.instrument.tick),
        ("lot", kept.instrument.lot, now.instrument.lot),
        ("clock offset (ns)", kept.clock_offset_ns, now.clock_offset_ns),
    )
    for what, old, new in found:
        if old != new:
            raise DataError(
                f"gold/{table} counts {now.instrument.name} with {what} {old}, now it is {new}",
                remedy="ingest into another table, or restore the former value in the catalog",
            )
    return now


def _instrument(row: Mapping[str, Any]) -> Instrument:
    values = {name: Decimal(str(row[name])) if name in _DECIMAL else row[name] for name in _KEPT}
    return Instrument(**values)  # type: ignore[arg-type]
