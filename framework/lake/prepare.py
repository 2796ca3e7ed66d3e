"""Everything one file will add to the lake, worked out before a single row is written.

Whatever is wrong with a file shows here, so a file is committed as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from framework.catalog import Catalog, infer_instrument
from framework.catalog.venue import SequenceRule, VenueConfig
from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.lake.dedup import without_known, without_repeats
from framework.lake.discover import SourceFile
from framework.lake.formats.base import (
    DEPTH_SCHEMA,
    REJECT_SCHEMA,
    SILVER_SCHEMAS,
    Parsed,
    SourceContext,
    SourceFormat,
)
from framework.lake.gold import build_gold, in_order_of_arrival
from framework.lake.grid import split_off_grid
from framework.lake.ledger import Progress, Stream, StreamState
from framework.lake.sequence import Status, check_sequence
from framework.lake.units import Units, continued

KINDS: Final = tuple(SILVER_SCHEMAS)
_ASSUMED_QUOTE_LOTS: Final = 1


@dataclass(slots=True, kw_only=True)
class Prepared:
    """One file's rows for every table.

    Attributes
    ----------
    bronze, rejects, gold
        Rows of those tables.
    silver
        Rows by kind; depth carries the ``status`` its sequence rule gave it.
    new_units
        Units of streams the dataset did not have.
    streams
        State of each stream the file touched.
    duplicates, gaps, backwards
        What was counted.
    """

    bronze: pl.DataFrame
    rejects: pl.DataFrame
    silver: dict[str, pl.DataFrame]
    gold: pl.DataFrame
    new_units: list[Units] = field(default_factory=list)
    streams: dict[Stream, StreamState] = field(default_factory=dict)
    duplicates: int = 0
    gaps: int = 0
    backwards: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the preparation of every file of a run needs.

    Parameters
    ----------
    table
        Name of the dataset.
    source_format, context
        The vendor's format and what it needs to know.
    catalog
        Instruments and venues.
    measured_offset_ns
        Clock offsets read off the data, by venue; they go before the catalog's.
    notice
        Called with what the reader should know.
    """

    table: str
    source_format: SourceFormat
    context: SourceContext
    catalog: Catalog
    measured_offset_ns: Mapping[str, int] = field(default_factory=dict)
    notice: Callable[[str], None] = lambda text: None


def read_file(file: SourceFile, setting: Setting) -> tuple[pl.DataFrame, Parsed]:
    """Read and type a whole file.

    Raises
    ------
    DataError
        Where the file as a whole cannot be read.
    """
    batches = list(setting.source_format.read(file.path, setting.context))
    if not batches:
        raise DataError(
            f"{file.path.name}: a file must hold rows, this one holds none",
            remedy="fetch the file again, or remove it",
        )
    parts = [setting.source_format.parse(batch, setting.context) for batch in batches]
    merged = {
        name: pl.concat([getattr(part, name) for part in parts]) for name in (*KINDS, "rejects")
    }
    return pl.concat(batches, how="diagonal"), Parsed(**merged)


def prepare(
    file: SourceFile,
    read: tuple[pl.DataFrame, Parsed],
    setting: Setting,
    progress: Progress,
    kept: Mapping[Stream, Units],
    known: Callable[[str], pl.LazyFrame | None],
) -> Prepared:
    """Work out what a file adds.

    Parameters
    ----------
    read
        What `read_file` returned of it.
    progress
        What the dataset has reached before this file.
    kept
        Units the dataset's gold rows count in.
    known
        Gives a silver table as it was before this file, None where there is none.

    Raises
    ------
    DataError
        Where the file's clocks cannot be right, or its rows do not continue those of the files
        before.
    """
    bronze, parsed = read
    streams = _streams(parsed)
    prepared = Prepared(
        bronze=bronze, rejects=parsed.rejects, silver={}, gold=parsed.rejects.clear()
    )
    silver: dict[str, list[pl.DataFrame]] = {kind: [] for kind in KINDS}
    gold: list[pl.DataFrame] = []
    for stream in streams:
        own = _of_stream(parsed, stream, alone=len(streams) == 1)
        units = _units(own, stream, setting, kept.get(stream), file)
        if stream not in kept:
            prepared.new_units.append(units)
        state = progress.streams.get(stream, StreamState())
        rows = _prepare_stream(own, units, setting, state, known, prepared)
        for kind in KINDS:
            silver[kind].append(rows.silver[kind])
        gold.append(rows.gold)
        prepared.streams[stream] = rows.state
    prepared.silver = {kind: pl.concat(frames) for kind, frames in silver.items() if frames}
    if gold:
        prepared.gold = pl.concat(gold)
    return prepared


@dataclass(slots=True, kw_only=True)
class _StreamRows:
    silver: dict[str, pl.DataFrame]
    gold: pl.DataFrame
    state: StreamState


def _prepare_stream(
    own: Parsed,
    units: Units,
    setting: Setting,
    state: StreamState,
    known: Callable[[str], pl.LazyFrame | None],
    prepared: Prepared,
) -> _StreamRows:
    venue = setting.catalog.venue(units.instrument.venue)
    is_numbered = venue.sequence_rule != SequenceRule.NONE
    for kind in KINDS:
        rows = getattr(own, kind)
        if rows.is_empty():
            continue
        told = rows
        rows = without_repeats(rows, kind, is_numbered=is_numbered)
        earlier = known(kind)
        if earlier is not None:
            rows = without_known(rows, earlier, kind)
        if rows.height < told.height:
            prepared.duplicates += told["source_row"].n_unique() - rows["source_row"].n_unique()
        rows, off_grid = split_off_grid(rows, kind, units.instrument)
        _refuse(prepared, off_grid)
        setattr(own, kind, rows)
    _require_later(own.depth, venue, state, units.instrument)
    if not is_numbered:
        own.depth, steps = in_order_of_arrival(own.depth)
        prepared.backwards += steps
    checked, sequence = check_sequence(own.depth, venue.sequence_rule, state.sequence)
    first_told = checked.filter(~pl.col("is_replay"))
    after_gap = first_told.filter(pl.col("status") == Status.GAP.value)
    prepared.gaps += after_gap["message"].n_unique()
    built = build_gold(own, checked, units, venue, replace(state, sequence=sequence))
    prepared.backwards += built.backwards
    silver = {kind: getattr(own, kind) for kind in KINDS}
    silver["depth"] = first_told.select(*DEPTH_SCHEMA.names(), pl.col("status").cast(pl.String))
    return _StreamRows(silver=silver, gold=built.rows, state=built.state)


def _streams(parsed: Parsed) -> list[Stream]:
    found: set[Stream] = set()
    for kind in KINDS:
        names: pl.DataFrame = getattr(parsed, kind).select("exchange", "symbol")
        if names.select((pl.all() == pl.all().first()).all()).row(0) == (True, True):
            names = names.head(1)  # most files hold one stream; comparing is faster than hashing
        found |= set(names.unique().iter_rows())
    return sorted(found)


def _of_stream(parsed: Parsed, stream: Stream, *, alone: bool) -> Parsed:
    if alone:
        return replace(parsed)
    here = (pl.col("exchange") == stream[0]) & (pl.col("symbol") == stream[1])
    return Parsed(**{kind: getattr(parsed, kind).filter(here) for kind in KINDS})


def _refuse(prepared: Prepared, refused: pl.DataFrame) -> None:
    """Add rows to the quarantine, with what their lines said."""
    if refused.is_empty():
        return
    lines = refused.join(
        prepared.bronze.select("source_file", "source_row", "payload"),
        on=["source_file", "source_row"],
        how="left",
        maintain_order="left",
    )
    prepared.rejects = pl.concat([prepared.rejects, lines.select(REJECT_SCHEMA.names())])


def _require_later(
    depth: pl.DataFrame, venue: VenueConfig, state: StreamState, instrument: Instrument
) -> None:
    """Refuse numbered depth that is wholly older than what its book already holds."""
    last_ns = state.last_received_ns
    if venue.sequence_rule == SequenceRule.NONE or last_ns is None or depth.is_empty():
        return
    if state.sequence.last_sequence is None:
        return
    latest = depth["received_timestamp_ns"].max()
    if isinstance(latest, int) and latest < last_ns:
        raise DataError(
            f"{instrument.name}: numbered depth must come in order of time, this file ends at "
            f"{latest} ns and the table already reaches {last_ns} ns",
            remedy="ingest all files of the stream, this one included, into a new --table",
        )


def _units(
    own: Parsed, stream: Stream, setting: Setting, kept: Units | None, file: SourceFile
) -> Units:
    venue, symbol = stream
    instrument = setting.catalog.instrument(venue, symbol)
    if instrument is None and kept is not None:
        instrument = replace(kept.instrument, inferred=True)
    if instrument is None:
        instrument = _inferred(own, stream, setting, file)
    measured = setting.measured_offset_ns.get(venue)
    config = setting.catalog.venue(venue)
    if kept is None and not config.known:
        setting.notice(
            f"venue {venue} is not in the catalog: its times are taken as UTC, its received clock "
            "as right and its messages as not numbered"
        )
    offset_ns = config.clock_offset_ns if measured is None else measured
    units = Units(
        instrument=instrument, clock_offset_ns=offset_ns, is_measured_offset=measured is not None
    )
    return units if kept is None else continued(kept, units, setting.table)


def _inferred(own: Parsed, stream: Stream, setting: Setting, file: SourceFile) -> Instrument:
    prices = [own.depth["price"], own.trades["price"], own.orders["price"]]
    prices += [own.quotes["bid_price"], own.quotes["ask_price"]]
    volumes = [own.depth["volume"], own.trades["volume"], own.orders["volume"]]
    volumes += [own.quotes["bid_volume"], own.quotes["ask_volume"]]
    quantities = pl.concat([series.rename("") for series in volumes]).drop_nulls()
    instrument = infer_instrument(
        *stream, pl.concat([series.rename("") for series in prices]).drop_nulls(), quantities
    )
    if quantities.is_empty():
        instrument = replace(instrument, quote_lots=_ASSUMED_QUOTE_LOTS)
    setting.notice(
        f"{instrument.name} is not in the catalog: tick {instrument.tick} and lot "
        f"{instrument.lot} were inferred from {file.path.name}"
        + (", quotes without size count as one lot" if quantities.is_empty() else "")
    )
    return instrument
