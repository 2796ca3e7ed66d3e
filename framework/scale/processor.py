"""Second stage of the stream: keyed state of each (venue, symbol) builds its book.

What `crossbook ingest` keeps in its ledger is kept here in Spark's state: where the stream's
numbering stands, the diffs that wait for a snapshot, its units, and which files it has had. The
preparation itself is the same function, so that gaps, repeats and late rows come out the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from pyspark.sql import Row
from pyspark.sql.streaming.stateful_processor import StatefulProcessor, StatefulProcessorHandle

from framework.core.errors import DataError
from framework.lake.dataset import Dataset
from framework.lake.discover import SourceFile
from framework.lake.formats.base import SILVER_SCHEMAS, Parsed
from framework.lake.ledger import Progress, StreamState
from framework.lake.prepare import KINDS, Prepared, Setting, prepare
from framework.lake.store import Lake
from framework.lake.units import Units, units_from_rows, units_rows
from framework.scale.landing import BRONZE, FAILURE, LINES, REJECTS, failure
from framework.scale.packed import pack, pack_schema, unpack

if TYPE_CHECKING:
    from pyspark.sql.streaming.stateful_processor import TimerValues

GOLD: Final = "gold"
UNITS: Final = "units"
COUNTS: Final = "counts"
_PASSED_ON: Final = (BRONZE, REJECTS, FAILURE)


@dataclass
class _Kept:
    """What the state remembers of one stream."""

    state: StreamState = field(default_factory=StreamState)
    units: Units | None = None
    transactions: list[str] = field(default_factory=list)
    source_files: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        units = None if self.units is None else units_rows("", [self.units]).to_dicts()
        return json.dumps(
            {
                "state": self.state.to_json(),
                "units": units,
                "transactions": self.transactions,
                "source_files": self.source_files,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> _Kept:
        told = json.loads(text)
        units = told["units"]
        return cls(
            state=StreamState.from_json(told["state"]),
            units=next(iter(units_from_rows(units).values())) if units else None,
            transactions=told["transactions"],
            source_files=told["source_files"],
        )


class StreamProcessor(StatefulProcessor):
    """Prepares the files of one stream in their order.

    Parameters
    ----------
    lake_root
        Where rows of earlier files are looked up, to find repeats.
    setting
        Format, catalog and dataset.
    """

    def __init__(self, lake_root: str, setting: Setting) -> None:
        self._root = lake_root
        self._setting = setting

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Name the state."""
        self._state = handle.getValueState("stream", "kept string")

    def handleInputRows(  # type: ignore[override, unused-ignore]  # noqa: N802
        self, key: Any, rows: Iterator[Row], timer_values: TimerValues
    ) -> Iterator[Row]:
        """Prepare one stream's new files; rows that belong to no stream pass through."""
        files: dict[str, list[Row]] = {}
        for row in rows:
            if row["part"] in _PASSED_ON:
                yield row
            else:
                files.setdefault(f"{row['sha256']}:{row['source_file']}", []).append(row)
        if not files:
            return
        stored = self._state.get() if self._state.exists() else None
        kept = _Kept() if stored is None else _Kept.from_json(stored[0])
        dataset = Dataset(self._setting.table)
        earlier = _Earlier(Lake(self._root), dataset, (key[0], key[1]), kept.source_files)
        in_order = sorted(files.items(), key=lambda item: json.loads(item[1][0]["file_order"]))
        for transaction, parts in in_order:
            if transaction not in kept.transactions:
                yield from self._prepared(transaction, parts, kept, earlier)
        self._state.update((kept.to_json(),))

    def close(self) -> None:
        """Hold nothing open."""

    def _prepared(
        self, transaction: str, parts: list[Row], kept: _Kept, earlier: _Earlier
    ) -> Iterable[Row]:
        one = parts[0]
        stream = (one["venue"], one["symbol"])
        frames = {row["part"]: unpack(bytes(row["body"])) for row in parts}
        lines = frames.pop(LINES)
        file = SourceFile(path=Path(one["source_file"]), n_bytes=0, sha256=one["sha256"])
        progress = Progress(streams={stream: kept.state})
        units = {} if kept.units is None else {stream: kept.units}
        read = (lines, Parsed(**frames))
        try:
            made = prepare(file, read, self._setting, progress, units, earlier.known)
        except DataError as error:
            told = failure(one["source_file"], error)
            return [_out(one, FAILURE, told)]
        kept.transactions.append(transaction)
        kept.source_files.append(one["source_file"])
        kept.state = made.streams.get(stream, kept.state)
        kept.units = next(iter(made.new_units), kept.units)
        earlier.add(made.silver)
        return list(_rows_of(one, made, kept.state))


class _Earlier:
    """Silver rows of the files a stream has had: committed ones, and those of this batch."""

    def __init__(
        self, lake: Lake, dataset: Dataset, stream: tuple[str, str], source_files: list[str]
    ) -> None:
        self._lake, self._dataset, self._stream = lake, dataset, stream
        self._new: dict[str, list[pl.DataFrame]] = {kind: [] for kind in KINDS}
        # Those before this batch: the table may hold this batch's rows already, if it is repeated.
        self._files = list(source_files)

    def add(self, silver: dict[str, pl.DataFrame]) -> None:
        for kind, rows in silver.items():
            self._new[kind].append(rows.select(SILVER_SCHEMAS[kind].names()))

    def known(self, kind: str) -> pl.LazyFrame | None:
        found = [rows.lazy() for rows in self._new[kind] if rows.height]
        table = self._dataset.silver(kind)
        if self._files and self._lake.exists(table):
            committed = self._lake.scan(table).filter(
                pl.col("exchange") == self._stream[0],
                pl.col("symbol") == self._stream[1],
                pl.col("source_file").is_in(self._files),
            )
            found.append(committed.select(SILVER_SCHEMAS[kind].names()))
        return pl.concat(found) if found else None


def _rows_of(one: Row, made: Prepared, state: StreamState) -> Iterator[Row]:
    frames: dict[str, pl.DataFrame] = {**made.silver, REJECTS: made.rejects, GOLD: made.gold}
    if made.new_units:
        frames[UNITS] = units_rows("", made.new_units)
    counts: dict[str, Any] = {f"{kind}_rows": rows.height for kind, rows in made.silver.items()}
    counts |= {"gold_rows": made.gold.height, "quarantined": made.rejects.height}
    counts |= {name: getattr(made, name) for name in ("duplicates", "gaps", "backwards")}
    frames[COUNTS] = pl.DataFrame([counts | {"state": state.to_json()}])
    for part, rows in frames.items():
        if rows.height:
            yield _out(one, part, rows)


def _out(one: Row, part: str, rows: pl.DataFrame) -> Row:
    """Make a part of the file and stream that a row is of."""
    return Row(
        venue=one["venue"],
        symbol=one["symbol"],
        source_file=one["source_file"],
        sha256=one["sha256"],
        file_order=one["file_order"],
        part=part,
        n_rows=rows.height,
        body=bytearray(pack(rows)),
        body_schema=bytearray(pack_schema(rows)),
    )
