"""What has been ingested: one row per dataset and file, written after all its other commits.

The row carries where each of the file's streams stands, so that the next file continues it, and
the versions of the silver tables, so that a file whose ingestion was cut short meets the tables
as they were before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from framework.lake.sequence import SequenceState
from framework.lake.store import Lake, TableName

FILES: Final = TableName("reference", "files")
COUNTS: Final = (
    "bronze_rows",
    "depth_rows",
    "quotes_rows",
    "trades_rows",
    "orders_rows",
    "gold_rows",
    "duplicates",
    "quarantined",
    "gaps",
    "backwards",
)
FILES_SCHEMA: Final = pl.Schema(
    {
        "table": pl.String,
        "ordinal": pl.Int64,
        "source_file": pl.String,
        "sha256": pl.String,
        "format": pl.String,
    }
    | dict.fromkeys(COUNTS, pl.Int64)
    | {"state": pl.String}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """Where one stream stands after the files ingested so far.

    Parameters
    ----------
    source
        What its gold rows are made of: ``"depth"``, ``"quotes"`` or ``"orders"``; empty where
        there have only been trades.
    last_received_ns, last_exchange_ns, last_seq
        The latest of each among its gold messages.
    sequence
        Where the venue's numbering stands.
    """

    source: str = ""
    last_received_ns: int | None = None
    last_exchange_ns: int | None = None
    last_seq: int | None = None
    sequence: SequenceState = field(default_factory=SequenceState)

    def to_json(self) -> str:
        """Write the state as JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(values | {"sequence": self.sequence.to_json()})

    @classmethod
    def from_json(cls, text: str) -> StreamState:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        return cls(**values | {"sequence": SequenceState.from_json(values["sequence"])})


Stream = tuple[str, str]
"""Venue and symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a dataset has reached.

    Parameters
    ----------
    transactions
        Files that are ingested.
    streams
        State of each stream.
    silver_versions
        Version of each silver table after the last file, by kind.
    """

    transactions: frozenset[str] = frozenset()
    streams: Mapping[Stream, StreamState] = field(default_factory=dict)
    silver_versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def ordinal(self) -> int:
        """Number of the next file."""
        return len(self.transactions)


def read_progress(lake: Lake, table: str) -> Progress:
    """Fold a dataset's rows, in the order of the files, into what it has reached."""
    if not lake.exists(FILES):
        return Progress()
    rows = lake.scan(FILES).filter(pl.col("table") == table).sort("ordinal").collect()
    latest: dict[Stream, str] = {}
    versions: dict[str, int] = {}
    for text in rows["state"]:
        state = json.loads(text)
        latest |= {(venue, symbol): own for venue, symbol, own in state["streams"]}
        versions |= state["silver_versions"]
    names = rows.select(pl.format("{}:{}", "sha256", "source_file")).to_series()
    return Progress(
        transactions=frozenset(names),
        streams={stream: StreamState.from_json(text) for stream, text in latest.items()},
        silver_versions=versions,
    )


def advanced(
    progress: Progress,
    transaction: str,
    streams: Mapping[Stream, StreamState],
    silver_versions: Mapping[str, int],
) -> Progress:
    """Return the progress after one more file."""
    return Progress(
        transactions=progress.transactions | {transaction},
        streams={**progress.streams, **streams},
        silver_versions={**progress.silver_versions, **silver_versions},
    )


def state_json(streams: Mapping[Stream, StreamState], silver_versions: Mapping[str, int]) -> str:
    """Write what a file changed: the streams it touched and the silver tables it wrote."""
    return json.dumps(
        {
            "streams": [[*key, streams[key].to_json()] for key in sorted(streams)],
            "silver_versions": dict(sorted(silver_versions.items())),
        }
    )
