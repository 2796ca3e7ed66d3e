"""What a sequence rule is, what it says of a message, and where a stream stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from framework.catalog.venue import SequenceRule as SequenceRule


class Status(StrEnum):
    """What the rule says of a message."""

    SNAPSHOT = "snapshot"
    """The book anew; valid after it."""
    APPLIED = "applied"
    """Continues a valid book."""
    GAP = "gap"
    """Messages were lost before this one: the book is invalid until the next snapshot."""
    UNTRUSTED = "untrusted"
    """Continues an invalid book."""
    BEFORE_SNAPSHOT = "before_snapshot"
    """No snapshot has come yet; it will come back as a replay if the snapshot is older."""
    DUPLICATE = "duplicate"
    """Contained in what was already applied."""


STATUS_DTYPE: Final = pl.Enum([status.value for status in Status])
STATUS_CODE: Final = {status: code for code, status in enumerate(Status)}

_ADDED: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "message": pl.Int64,
    "status": STATUS_DTYPE,
    "is_jump": pl.Boolean,
    "is_replay": pl.Boolean,
    "book_valid": pl.Boolean,
    "available_timestamp_ns": pl.Int64,
}
CHECKED_COLUMNS: Final = pl.Schema(_ADDED)
"""Columns `check_sequence` adds. ``message`` counts messages in order of application, from 0 in
each call; ``book_valid`` is the state after the message; ``is_jump`` also marks jumps that changed
nothing because no snapshot had come yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceState:
    """Where a stream stands at the end of a file, so that the next file can continue it.

    Parameters
    ----------
    last_sequence
        Sequence of the last message that was not a duplicate; None before the first.
    is_anchored
        True where that message was a snapshot from outside the stream.
    is_valid
        True where the book is valid.
    had_snapshot
        True once any snapshot has been applied.
    last_exchange_ns
        Latest exchange time seen; None before the first.
    held
        Rows (`DEPTH_SCHEMA`) of the last messages that may have to wait for a snapshot; empty
        while the book is valid.
    """

    last_sequence: int | None = None
    is_anchored: bool = False
    is_valid: bool = False
    had_snapshot: bool = False
    last_exchange_ns: int | None = None
    held: tuple[tuple[object, ...], ...] = ()

    def to_json(self) -> str:
        """Write the state as one line of JSON."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> SequenceState:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        fields["held"] = tuple(tuple(row) for row in fields["held"])
        return cls(**fields)
