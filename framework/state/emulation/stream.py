"""A change stream over the emulated log."""

from __future__ import annotations

from dataclasses import replace

from framework.state.base import ChangeStream
from framework.state.document import Document, copied, sort_key
from framework.state.emulation.log import Entry, Place, token_of
from framework.state.emulation.server import EmulatedServer
from framework.state.errors import (
    CHANGE_STREAM_FATAL,
    NO_MATCHING_DOCUMENT,
    NOT_SUPPORTED_ON_VIEW,
    ImageMissingError,
    StreamError,
    TokenError,
)
from framework.state.events import ChangeEvent, Images, Operation, ResumeToken, WatchOptions
from framework.state.lag import Messages
from framework.state.query import check_query, matches
from framework.state.spec import Kind

_CHANGING = (Operation.UPDATE, Operation.REPLACE, Operation.DELETE)
_NS_PER_MS = 1_000_000


class EmulatedStream(ChangeStream):
    """Reads the log on behalf of one watcher, each event no earlier than it is notified.

    Parameters
    ----------
    server
        Whose log.
    collection
        Which one is watched.
    options
        What is shown, and from where.
    notices
        Draws how long each notification takes.
    """

    def __init__(
        self, server: EmulatedServer, collection: str, options: WatchOptions, notices: Messages
    ) -> None:
        shelf = server.shelves.get(collection)
        if shelf is not None and shelf.spec.kind == Kind.TIME_SERIES:
            raise StreamError(
                f"a collection must not be a time series to be watched, {collection} is one",
                remedy="watch a clustered collection of bucket documents instead",
                code=NOT_SUPPORTED_ON_VIEW,
            )
        check_query(options.query)
        self._server = server
        self._collection = collection
        self._options = options
        self._notices = notices
        self._due_ns: int | None = None  # when the entry at hand may be seen
        self._invalidating: Entry | None = None
        self._alive = True
        self._number, self._token = self._start()

    def _start(self) -> tuple[int, ResumeToken]:
        log, options = self._server.log, self._options
        token = options.start_after if options.resume_after is None else options.resume_after
        if token is not None:
            starting = options.start_after is not None
            number, place = log.number_after(token, may_be_invalidate=starting)
            entry = log.get(number) if number >= log.first_number else None
            if entry is not None and place == Place.EVENT:
                self._resume_at(entry)
            return number, token
        if options.start_at is not None:
            number = log.number_at(options.start_at) - 1
        else:
            number = log.last_number
        time = log.cluster_time if number == log.last_number else 0
        return number, token_of(time, number, Place.PASSED)

    def _resume_at(self, entry: Entry) -> None:
        """Find the event of a token again; MongoDB looks for it among those the filter leaves."""
        if entry.collection != self._collection:
            return
        if entry.operation == Operation.DROP:
            self._invalidating = entry
        elif not self._passes(entry.operation, self._after(entry, set())):
            raise TokenError(
                "a resume token must be of an event that the stream's filter shows, this one is "
                f"of the {entry.operation} of {entry.document_id!r}",
                remedy="resume with the filter of the stream that gave the token",
                code=CHANGE_STREAM_FATAL,
            )

    def next_ns(self) -> int | None:
        """Return when the next entry may be seen, None where the stream has read them all."""
        entry = self._server.log.get(self._number + 1) if self._alive else None
        return None if entry is None else self._due(entry)

    def poll(self) -> ChangeEvent | None:
        """Return the next event that is due; see `ChangeStream.poll`."""
        while self._alive:
            if self._invalidating is not None:
                return self._invalidate(self._invalidating)
            entry = self._server.log.get(self._number + 1)
            if entry is None or self._due(entry) > self._server.now_ns:
                return None
            self._number, self._due_ns = entry.number, None
            event = self._event(entry) if entry.collection == self._collection else None
            place = Place.PASSED if event is None else Place.EVENT
            self._token = token_of(entry.cluster_time, entry.number, place)
            if event is not None:
                return event
        return None

    @property
    def token(self) -> ResumeToken:
        """Place after the last event read."""
        return self._token

    @property
    def is_alive(self) -> bool:
        """False once closed or invalidated."""
        return self._alive

    def close(self) -> None:
        """End the stream."""
        self._alive = False

    def _due(self, entry: Entry) -> int:
        if self._due_ns is None:
            self._due_ns = self._notices.arrival_ns(entry.commit_ns)
        return self._due_ns

    def _invalidate(self, entry: Entry) -> ChangeEvent:
        self._alive = False
        self._invalidating = None
        self._token = token_of(entry.cluster_time, entry.number, Place.INVALIDATE)
        return self._bare(entry, Operation.INVALIDATE, self._token)

    def _bare(self, entry: Entry, operation: Operation, token: ResumeToken) -> ChangeEvent:
        return ChangeEvent(
            token=token,
            operation=operation,
            cluster_time=entry.cluster_time,
            wall_ns=entry.commit_ns // _NS_PER_MS * _NS_PER_MS,
            database=self._server.database,
            collection=self._collection,
        )

    def _event(self, entry: Entry) -> ChangeEvent | None:
        operation, options = entry.operation, self._options
        token = token_of(entry.cluster_time, entry.number, Place.EVENT)
        if operation == Operation.DROP:
            self._invalidating = entry
            wanted = options.wants(operation) and not options.query
            return self._bare(entry, operation, token) if wanted else None
        shows: set[str] = set()
        # The server filters by operation before it looks for images, by document after it.
        if not options.wants(operation):
            return None
        after = self._after(entry, shows)
        before = self._before(entry, shows)
        if not self._passes(operation, after):
            return None
        description = entry.description
        return replace(
            self._bare(entry, operation, token),
            document_key={"_id": entry.document_id},
            full_document=None if after is None else copied(after),
            before=None if before is None else copied(before),
            updated_fields={} if description is None else copied(description.updated),
            removed_fields=() if description is None else tuple(description.removed),
            shows=frozenset(shows),
        )

    def _passes(self, operation: Operation, after: Document | None) -> bool:
        query = self._options.query
        return self._options.wants(operation) and (
            not query or (after is not None and matches(after, query))
        )

    def _after(self, entry: Entry, shows: set[str]) -> Document | None:
        if entry.operation == Operation.DELETE:
            return None
        if entry.operation != Operation.UPDATE:
            shows.add("fullDocument")
            return entry.document
        wanted = self._options.after
        if wanted == Images.OFF:
            return None
        shows.add("fullDocument")
        if wanted == Images.UPDATE_LOOKUP:
            shelf = self._server.shelves.get(self._collection)
            return None if shelf is None else shelf.get(sort_key(entry.document_id))
        if not entry.imaged and wanted == Images.REQUIRED:
            raise self._missing("after", entry)
        return entry.document if entry.imaged else None

    def _before(self, entry: Entry, shows: set[str]) -> Document | None:
        if self._options.before == Images.OFF or entry.operation not in _CHANGING:
            return None
        shows.add("fullDocumentBeforeChange")
        if not entry.imaged and self._options.before == Images.REQUIRED:
            raise self._missing("before", entry)
        return entry.before if entry.imaged else None

    def _missing(self, which: str, entry: Entry) -> ImageMissingError:
        self._alive = False
        return ImageMissingError(
            f"the stream requires the document {which} each change, of the {entry.operation} of "
            f"{entry.document_id!r} in {entry.collection} there is none",
            remedy="make the collection with images=True before writing to it, or ask for "
            "whenAvailable",
            code=NO_MATCHING_DOCUMENT,
        )
