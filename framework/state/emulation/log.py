"""The log of committed changes, which streams and stale readers follow; it holds the last ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from framework.core.clock import NS_PER_S
from framework.state.document import Document, Value
from framework.state.errors import (
    FAILED_TO_PARSE,
    HISTORY_LOST,
    INVALID_RESUME_TOKEN,
    HistoryLostError,
    InvalidatedError,
    TokenError,
)
from framework.state.events import Operation, ResumeToken
from framework.state.update import UpdateDescription

_TOKEN_DIGITS: Final = 34


class Place(IntEnum):
    """What a token stands after; the order in which they follow one entry."""

    EVENT = 0
    """An event that was handed on."""
    INVALIDATE = 1
    PASSED = 2
    """An entry that was passed over, or the end of the log when the stream was opened."""


def token_of(cluster_time: int, number: int, place: Place) -> ResumeToken:
    """Write the place after an entry as a token; tokens compare as places do."""
    return f"{cluster_time:016X}{number:016X}{place:02X}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed change."""

    number: int
    """Place in the log, from 1 on."""
    commit_ns: int
    cluster_time: int
    operation: Operation
    collection: str
    document_id: Value
    document: Document | None
    """The document after the change."""
    before: Document | None
    description: UpdateDescription | None
    imaged: bool
    """True where the collection recorded images at that moment."""


class ChangeLog:
    """The last changes, numbered.

    Parameters
    ----------
    max_events
        How many are held; older ones are forgotten.
    """

    def __init__(self, max_events: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=max_events)
        self.last_number = 0
        self.cluster_time = 0
        self._forgotten_time = -1  # cluster time of the newest entry that is no longer held

    def append(
        self,
        commit_ns: int,
        operation: Operation,
        collection: str,
        *,
        document_id: Value = None,
        document: Document | None = None,
        before: Document | None = None,
        description: UpdateDescription | None = None,
        imaged: bool = False,
    ) -> Entry:
        """Add a change and return its entry."""
        self.last_number += 1
        second_time = max(commit_ns // NS_PER_S, 0) << 32
        self.cluster_time = max(self.cluster_time, second_time) + 1
        entry = Entry(
            self.last_number,
            commit_ns,
            self.cluster_time,
            operation,
            collection,
            document_id,
            document,
            before,
            description,
            imaged,
        )
        if len(self._entries) == self._entries.maxlen:
            self._forgotten_time = self._entries[0].cluster_time
        self._entries.append(entry)
        return entry

    def get(self, number: int) -> Entry | None:
        """Return the entry of this number, None where it does not exist yet.

        Raises
        ------
        HistoryLostError
            Where it was forgotten.
        """
        first = self.first_number
        if number < first:
            raise HistoryLostError(
                f"the change log must still hold event {number}, it begins with {first}",
                remedy="read streams more often, or give the emulation a larger log_events",
                code=HISTORY_LOST,
            )
        return self._entries[number - first] if number <= self.last_number else None

    def number_at(self, cluster_time: int) -> int:
        """Return the number of the first entry at or after a cluster time.

        Raises
        ------
        HistoryLostError
            Where entries of that time were forgotten.
        """
        if cluster_time <= self._forgotten_time:
            raise HistoryLostError(
                f"the change log must reach back to cluster time {cluster_time}, it forgot "
                f"{self._forgotten_time}",
                remedy="start later, or give the emulation a larger log_events",
                code=HISTORY_LOST,
            )
        later = (entry.number for entry in self._entries if entry.cluster_time >= cluster_time)
        return next(later, self.last_number + 1)

    def number_after(self, token: ResumeToken, *, may_be_invalidate: bool) -> tuple[int, Place]:
        """Read a token: the number of the entry it stands after, and what it is.

        Raises
        ------
        TokenError
            Where it is none of this log's.
        InvalidatedError
            Where it is of an invalidate and may not be.
        HistoryLostError
            Where what follows it was forgotten.
        """
        try:
            if len(token) != _TOKEN_DIGITS:
                raise ValueError("wrong length")
            number, place = int(token[16:32], 16), Place(int(token[32:], 16))
        except ValueError as error:
            raise TokenError(
                f"a resume token must be one that a stream gave out, got {token!r}",
                remedy="keep ChangeEvent.token or ChangeStream.token as it is",
                code=FAILED_TO_PARSE,
            ) from error
        if number > self.last_number:
            raise TokenError(
                f"a resume token must be of this store, {token!r} is beyond its last event",
                remedy="resume on the store that gave the token",
                code=INVALID_RESUME_TOKEN,
            )
        if place == Place.INVALIDATE and not may_be_invalidate:
            raise InvalidatedError(
                "a stream must not be resumed after an invalidate event",
                remedy="use start_after with the same token",
                code=INVALID_RESUME_TOKEN,
            )
        if number + 1 < self.first_number:
            self.get(number + 1)
        return number, place

    def after(self, number: int) -> Iterator[Entry]:
        """Yield the entries after a number."""
        while (entry := self.get(number + 1)) is not None:
            number = entry.number
            yield entry

    @property
    def first_number(self) -> int:
        return self.last_number - len(self._entries) + 1
