"""A change stream of MongoDB that finds its place again when the primary was away."""

from __future__ import annotations

import time
from typing import Any, Final

from bson.timestamp import Timestamp
from pymongo import errors as driver
from pymongo.change_stream import CollectionChangeStream
from pymongo.collection import Collection as DriverCollection

from framework.state.base import ChangeStream
from framework.state.document import Value
from framework.state.errors import TokenError
from framework.state.events import ChangeEvent, Images, Operation, ResumeToken, WatchOptions
from framework.state.mongo.encoding import encoded
from framework.state.mongo.failures import is_passing, translated, translating
from framework.state.query import check_query

AWAIT_MS: Final = 20
"""How long a poll that finds nothing waits at the server."""
_RETRY_S: Final = 0.2
_IMAGES: Final = ("fullDocument", "fullDocumentBeforeChange")


class MongoStream(ChangeStream):
    """Follows a collection through the driver.

    The driver resumes by itself after one failure; this class goes on trying, from the token of
    the last event it handed on, so that none is lost and none comes twice.

    Parameters
    ----------
    documents
        The driver's collection.
    options
        What is shown, and from where.
    uri
        For messages, without its secrets.
    patience_s
        How long to try to come back.
    """

    def __init__(
        self,
        documents: DriverCollection[dict[str, Any]],
        options: WatchOptions,
        *,
        uri: str,
        patience_s: float,
    ) -> None:
        check_query(options.query)
        self._documents = documents
        self._options = options
        self._uri = uri
        self._patience_s = patience_s
        self._token: ResumeToken = ""
        self._closed = False
        with translating(uri):
            self._stream = self._open(_starting_place(options))
        self._remember()

    def poll(self) -> ChangeEvent | None:
        """Return the next event; see `ChangeStream.poll`.

        Raises
        ------
        UnavailableError
            Where no primary came back in time; polling again tries again.
        """
        if not self.is_alive:
            return None
        give_up_at = time.monotonic() + self._patience_s
        while True:
            try:
                found = self._stream.try_next()
                self._remember()
                return None if found is None else self._event(found)
            except driver.PyMongoError as error:
                if not is_passing(error) or time.monotonic() > give_up_at:
                    raise translated(error, self._uri) from None
            time.sleep(_RETRY_S)
            self._reopen()

    @property
    def token(self) -> ResumeToken:
        """Place after the last event read."""
        return self._token

    @property
    def is_alive(self) -> bool:
        """False once closed or invalidated."""
        return not self._closed and bool(self._stream.alive)

    def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._stream.close()

    def _reopen(self) -> None:
        """Try to go on where the stream stood; a failure shows in the next poll."""
        try:
            place = {"start_after": {"_data": self._token}}
            self._stream = self._open(place if self._token else _starting_place(self._options))
        except driver.PyMongoError as error:
            if not is_passing(error):
                raise translated(error, self._uri) from None

    def _remember(self) -> None:
        token = self._stream.resume_token
        if token is not None:
            self._token = str(token["_data"])

    def _open(self, place: dict[str, Any]) -> CollectionChangeStream[dict[str, Any]]:
        options = self._options
        after = None if options.after == Images.OFF else str(options.after)
        before = None if options.before == Images.OFF else str(options.before)
        return self._documents.watch(
            _pipeline(options),
            full_document=after,
            full_document_before_change=before,
            max_await_time_ms=AWAIT_MS,
            **place,
        )

    def _event(self, found: dict[str, Any]) -> ChangeEvent:
        namespace, stamp = found.get("ns", {}), found["clusterTime"]
        description = found.get("updateDescription", {})
        return ChangeEvent(
            token=str(found["_id"]["_data"]),
            operation=Operation(found["operationType"]),
            cluster_time=(stamp.time << 32) + stamp.inc,
            wall_ns=round(found["wallTime"].timestamp() * 1000) * 1_000_000,
            database=namespace.get("db", self._documents.database.name),
            collection=namespace.get("coll", self._documents.name),
            document_key=found.get("documentKey"),
            full_document=found.get("fullDocument"),
            before=found.get("fullDocumentBeforeChange"),
            updated_fields=description.get("updatedFields", {}),
            removed_fields=tuple(description.get("removedFields", ())),
            shows=frozenset(name for name in _IMAGES if name in found),
        )


def _starting_place(options: WatchOptions) -> dict[str, Any]:
    token = options.start_after if options.resume_after is None else options.resume_after
    if token is not None:
        if not isinstance(token, str):
            raise TokenError(
                f"a resume token must be a string, got {token!r}", remedy="keep ChangeEvent.token"
            )
        name = "start_after" if options.resume_after is None else "resume_after"
        return {name: {"_data": token}}
    if options.start_at is not None:
        stamp = Timestamp(options.start_at >> 32, options.start_at & 0xFFFFFFFF)
        return {"start_at_operation_time": stamp}
    return {}


def _pipeline(options: WatchOptions) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = []
    invalidate = str(Operation.INVALIDATE)
    if options.operations:
        wanted = [*sorted(map(str, options.operations)), invalidate]
        stages.append({"$match": {"operationType": {"$in": wanted}}})
    if options.query:
        there = {"fullDocument._id": {"$exists": True}}
        passing = {"$and": [there, _on_document(options.query)]}
        stages.append({"$match": {"$or": [{"operationType": invalidate}, passing]}})
    return stages


def _on_document(query: Any) -> dict[str, Any]:
    """Turn a filter on documents into one on events."""
    turned: dict[str, Value] = {}
    for name, condition in encoded(query).items():
        if name.startswith("$"):
            turned[name] = [_on_document(part) for part in condition]
        else:
            turned[f"fullDocument.{name}"] = condition
    return turned
