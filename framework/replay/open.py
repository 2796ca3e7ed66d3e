"""Open the streams of a gold table by name, pinned to one version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from framework.catalog import Catalog, load_catalog
from framework.core.clock import format_ns, instant_ns
from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.lake.units import Units, read_units
from framework.replay.stream import GoldStream, add_actions


def open_streams(
    lake: Lake | str | Path,
    table: str,
    *,
    catalog: Catalog | str | Path | None = None,
    venue: str | None = None,
    symbols: str | Sequence[str] | None = None,
    version: int | None = None,
    start: str | int | None = None,
    end: str | int | None = None,
) -> list[GoldStream]:
    """Open the streams of one gold table, for `run_backtest`.

    Streams of several tables are joined with ``+``.

    Parameters
    ----------
    lake
        The lake or its folder.
    table
        Gold table: ``"demo"`` or ``"gold/demo"``.
    catalog
        The catalog or its file; None looks for `data_catalog.yaml`.
    venue, symbols
        Streams to take; all where None.
    version
        Delta version; the latest where None.
    start, end
        Period in which strategies run, `end` outside: ISO 8601 in UTC, or nanoseconds since the
        epoch. All there is where None.

    Returns
    -------
    streams
        In the order of their names.

    Raises
    ------
    DataError
        Where table, version or stream do not exist, the catalog's tick or lot are no longer those
        the table counts in, or a stream has no event in the period.
    SpecError
        Where `start` or `end` is no instant.
    """
    lake = lake if isinstance(lake, Lake) else Lake(lake)
    if not isinstance(catalog, Catalog):
        catalog = load_catalog(None if catalog is None else Path(catalog))
    if isinstance(symbols, str):
        symbols = (symbols,)
    name = table.removeprefix("gold/")
    gold = TableName("gold", name)
    delta = lake.open(gold, version)
    actions = add_actions(delta)
    names = (actions["partition.venue"].to_list(), actions["partition.symbol"].to_list())
    held = sorted(set(zip(*names, strict=True)))
    units = read_units(lake, name)
    streams = [
        GoldStream(
            location=lake.uri(gold),
            table=name,
            version=delta.version(),
            instrument=_instrument(catalog, units, gold, pair),
            start_ns=None if start is None else instant_ns(start),
            end_ns=None if end is None else instant_ns(end),
        )
        for pair in _chosen(held, venue, symbols, f"{gold} version {delta.version()}")
    ]
    for stream in streams:
        _check_period(stream)
    return streams


def _chosen(
    held: Sequence[tuple[str, str]],
    venue: str | None,
    symbols: Sequence[str] | None,
    table: str,
) -> list[tuple[str, str]]:
    chosen = [
        pair
        for pair in held
        if venue in (None, pair[0]) and (symbols is None or pair[1] in symbols)
    ]
    missing = sorted(set(symbols or ()) - {symbol for _, symbol in chosen})
    if missing or not chosen:
        raise DataError(
            f"{table} must hold {venue or 'any venue'}: {', '.join(missing) or 'any symbol'}, "
            "it does not",
            remedy=f"it holds: {', '.join(':'.join(pair) for pair in held) or 'nothing'}",
        )
    return chosen


def _instrument(
    catalog: Catalog,
    units: Mapping[tuple[str, str], Units],
    table: TableName,
    pair: tuple[str, str],
) -> Instrument:
    """Choose the catalog's instrument, provided the table counts in its tick and lot."""
    known = catalog.instrument(*pair)
    kept = units[pair].instrument if pair in units else None
    name = ":".join(pair)
    found = known or kept
    if found is None:
        raise DataError(
            f"{table}: what a tick and a lot of {name} are is neither in the catalog nor the lake",
            remedy="add the instrument to the catalog",
        )
    if kept is not None and (found.tick, found.lot) != (kept.tick, kept.lot):
        raise DataError(
            f"{table} counts {name} in ticks of {kept.tick} and lots of {kept.lot}, the catalog "
            f"says {found.tick} and {found.lot}",
            remedy="restore the catalog's former tick and lot, or ingest into another table",
        )
    return found


def _check_period(stream: GoldStream) -> None:
    if stream.start_ns is None and stream.end_ns is None:
        return
    files = stream.files()
    first_ns, last_ns = min(files["first_ns"].to_pylist()), max(files["last_ns"].to_pylist())
    late = stream.start_ns is not None and stream.start_ns > last_ns
    early = stream.end_ns is not None and stream.end_ns <= first_ns
    if late or early:
        raise DataError(
            f"{stream.table} version {stream.version} must hold events of "
            f"{stream.instrument.name} between start and end, it holds "
            f"{format_ns(first_ns)} to {format_ns(last_ns)}",
            remedy="choose start and end within that time",
        )
