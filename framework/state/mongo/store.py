"""Collections of a MongoDB database, through its driver."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pymongo
from bson.codec_options import CodecOptions
from pymongo import MongoClient, ReadPreference, ReturnDocument, WriteConcern
from pymongo import errors as driver
from pymongo.read_concern import ReadConcern

from framework.state.base import ChangeStream, Collection, StateStore
from framework.state.document import Document
from framework.state.errors import (
    StateError,
    UnavailableError,
    WriteFailure,
    bulk_error,
)
from framework.state.events import WatchOptions
from framework.state.mongo.encoding import encoded
from framework.state.mongo.failures import translating
from framework.state.mongo.options import creation_options, read_spec
from framework.state.mongo.stream import MongoStream
from framework.state.query import Sort, check_query, is_condition
from framework.state.spec import CollectionSpec, extended
from framework.state.writes import Delete, Insert, Query, Replace, Update, Write, WriteOutcome

_EXISTS: Final = 48
_NS_PER_MS: Final = 1_000_000


class MongoStore(StateStore):
    """A MongoDB database; `connect` makes one.

    Writes wait for a majority and its journal, reads see such writes only, so that nothing that
    was acknowledged or read is undone by a crash.

    Parameters
    ----------
    client
        The driver's client, closed with the store.
    database
        Name of the database.
    uri
        For messages, which leave its secrets out.
    patience_s
        How long streams try to come back.
    """

    def __init__(
        self, client: MongoClient[dict[str, Any]], database: str, uri: str, patience_s: float
    ) -> None:
        self.database = database
        self.uri = uri
        self.patience_s = patience_s
        self._client = client
        self.handle = client.get_database(
            database,
            codec_options=CodecOptions(tz_aware=True),
            read_preference=ReadPreference.PRIMARY,
            write_concern=WriteConcern(w="majority", j=True),
            read_concern=ReadConcern("majority"),
        )

    def __repr__(self) -> str:
        return f"MongoStore({self.database!r})"

    def create(self, spec: CollectionSpec) -> MongoCollection:
        """Make a collection, or add images and indexes to the one that exists."""
        with translating(self.uri):
            existing = self.spec(spec.name)
            if existing is None:
                try:
                    self.handle.create_collection(
                        spec.name, check_exists=False, **creation_options(spec)
                    )
                except driver.OperationFailure as error:
                    if error.code != _EXISTS:
                        raise
                existing = self.spec(spec.name)
            assert existing is not None
            whole = extended(existing, spec)
            if whole.images != existing.images:
                images = {"enabled": whole.images}
                self.handle.command("collMod", spec.name, changeStreamPreAndPostImages=images)
            for index in whole.indexes:
                if index not in existing.indexes:
                    self._add_index(spec.name, index.fields, index.unique, index.expire_after_s)
        return self.collection(spec.name)

    def spec(self, name: str) -> CollectionSpec | None:
        """Read how a collection was made, None where it does not exist."""
        with translating(self.uri):
            found = list(self.handle.list_collections(filter={"name": name}))
            if not found:
                return None
            return read_spec(found[0], self.handle[name].index_information())

    def collection(self, name: str) -> MongoCollection:
        """Return a collection by name."""
        return MongoCollection(self, name)

    def names(self) -> list[str]:
        """Name the collections, in alphabetical order."""
        with translating(self.uri):
            return sorted(
                name
                for name in self.handle.list_collection_names()
                if not name.startswith("system.")
            )

    def drop(self, name: str) -> None:
        """Remove a collection."""
        with translating(self.uri):
            self.handle.drop_collection(name)

    def now_ns(self) -> int:
        """Return the server's wall clock, which counts milliseconds."""
        with translating(self.uri):
            local = self._client.admin.command("hello")["localTime"]
        milliseconds: int = round(local.timestamp() * 1000)
        return milliseconds * _NS_PER_MS

    def recording_ns(self) -> int:
        """Return this machine's wall clock, which counts nanoseconds."""
        return time.time_ns()

    def remove(self) -> None:
        """Drop the whole database."""
        with translating(self.uri):
            self._client.drop_database(self.database)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _add_index(
        self,
        collection: str,
        fields: Sequence[tuple[str, int]],
        unique: bool,
        expire_after_s: int | None,
    ) -> None:
        options: dict[str, Any] = {"unique": True} if unique else {}
        if expire_after_s is not None:
            options["expireAfterSeconds"] = expire_after_s
        self.handle[collection].create_index(list(fields), **options)


class MongoCollection(Collection):
    """One collection of a MongoDB database."""

    def __init__(self, store: MongoStore, name: str) -> None:
        self.name = name
        self._store = store
        self._documents = store.handle[name]

    def write(self, writes: Sequence[Write], *, ordered: bool = True) -> WriteOutcome:
        """Carry out a batch; see `Collection.write`."""
        if not writes:
            return WriteOutcome()
        requests = [_request(write) for write in writes]
        with translating(self._store.uri):
            try:
                done = self._documents.bulk_write(requests, ordered=ordered)
            except driver.BulkWriteError as error:
                raise _bulk_error(error.details or {}, len(writes), ordered) from None
        return WriteOutcome(
            inserted=done.inserted_count,
            matched=done.matched_count,
            modified=done.modified_count,
            deleted=done.deleted_count,
            upserted=done.upserted_count,
        )

    def find(
        self,
        query: Query | None = None,
        *,
        sort: Sort = (),
        limit: int = 0,
        newest_first: bool = False,
    ) -> list[Document]:
        """Return the documents that pass a filter; see `Collection.find`."""
        check_query(query or {})
        with translating(self._store.uri):
            cursor = self._documents.find(encoded(query or {})).limit(limit)
            if sort:
                cursor = cursor.sort(list(sort))
            elif newest_first or not _is_by_id(query or {}):
                # An index would put its own order in the place of the collection's.
                cursor = cursor.sort("$natural", -1 if newest_first else 1)
            return list(cursor)

    def modify(
        self, write: Update | Replace | Delete, *, sort: Sort = (), after: bool = False
    ) -> Document | None:
        """Change one document and return it; see `Collection.modify`."""
        check_query(write.query)
        order = list(sort) or None
        query = encoded(write.query)
        with translating(self._store.uri):
            if isinstance(write, Delete):
                return self._documents.find_one_and_delete(query, sort=order)
            image = ReturnDocument.AFTER if after else ReturnDocument.BEFORE
            if isinstance(write, Update):
                return self._documents.find_one_and_update(
                    query,
                    encoded(write.changes),  # type: ignore[arg-type]
                    sort=order,
                    upsert=write.upsert,
                    return_document=image,
                )
            return self._documents.find_one_and_replace(
                query,
                encoded(write.document),
                sort=order,
                upsert=write.upsert,
                return_document=image,
            )

    def watch(self, options: WatchOptions | None = None) -> ChangeStream:
        """Open a stream that survives the loss of a primary; see `Collection.watch`."""
        store = self._store
        return MongoStream(
            self._documents, options or WatchOptions(), uri=store.uri, patience_s=store.patience_s
        )


def _is_by_id(query: Query) -> bool:
    wanted = query.get("_id")
    if isinstance(wanted, dict) and is_condition(wanted):
        return "$eq" in wanted
    return "_id" in query


_Request = (
    pymongo.InsertOne[dict[str, Any]]
    | pymongo.UpdateOne
    | pymongo.UpdateMany
    | pymongo.ReplaceOne[dict[str, Any]]
    | pymongo.DeleteOne
    | pymongo.DeleteMany
)


def _request(write: Write) -> _Request:
    if isinstance(write, Insert):
        return pymongo.InsertOne(encoded(write.document))
    check_query(write.query)
    query = encoded(write.query)
    if isinstance(write, Replace):
        return pymongo.ReplaceOne(query, encoded(write.document), upsert=write.upsert)
    if isinstance(write, Delete):
        return pymongo.DeleteMany(query) if write.many else pymongo.DeleteOne(query)
    changes = encoded(write.changes)  # type: ignore[arg-type]
    if write.many:
        return pymongo.UpdateMany(query, changes, upsert=write.upsert)
    return pymongo.UpdateOne(query, changes, upsert=write.upsert)


def _bulk_error(details: Mapping[str, Any], n_writes: int, ordered: bool) -> StateError:
    failures = [
        WriteFailure(failure["index"], failure["code"], failure["errmsg"])
        for failure in details.get("writeErrors", [])
    ]
    if not failures:  # only the concern failed: whether the writes last is not known
        concern = details.get("writeConcernErrors", [{}])[0]
        return UnavailableError(
            f"a majority must confirm a write: {concern.get('errmsg', 'it did not')}",
            remedy="write it again once the replica set is whole; give documents their own _id",
            code=concern.get("code", 0),
        )
    return bulk_error(failures, n_writes, ordered=ordered)
