"""Carry out writes on a shelf, and log what they change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice

from framework.state.document import Document, copied, sort_key
from framework.state.emulation.log import ChangeLog
from framework.state.emulation.shelf import Shelf
from framework.state.errors import (
    BAD_VALUE,
    DUPLICATE_KEY,
    ILLEGAL_OPERATION,
    IMMUTABLE_FIELD,
    INVALID_OPTIONS,
    WriteFailure,
)
from framework.state.events import Operation
from framework.state.query import Sort, in_order, matches
from framework.state.spec import Kind
from framework.state.update import (
    UpdateDescription,
    UpdateRefusedError,
    inserted_by,
    updated,
    with_id_first,
)
from framework.state.writes import Delete, Insert, Query, Replace, Update, Write, WriteOutcome


class RefusedError(Exception):
    """A write was refused, with MongoDB's code and a reason."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Executor:
    """Carries out the writes of one instant on one shelf.

    Parameters
    ----------
    shelf
        The collection's documents.
    log
        Where changes are noted.
    commit_ns
        When.
    check_room
        Called before a document is added; raises where there is no room.
    """

    def __init__(
        self, shelf: Shelf, log: ChangeLog, commit_ns: int, *, check_room: Callable[[], None]
    ) -> None:
        self._check_room = check_room
        self._shelf = shelf
        self._log = log
        self._commit_ns = commit_ns

    def batch(
        self, writes: Iterable[Write], *, ordered: bool
    ) -> tuple[WriteOutcome, list[WriteFailure]]:
        """Carry out a batch.

        An ordered one ends at the first refusal. Of an unordered one the driver sends all
        inserts first, then updates and replacements, then deletes.
        """
        outcome, failures = WriteOutcome(), []
        numbered = list(enumerate(writes))
        if not ordered:
            numbered.sort(key=lambda item: _sending_order(item[1]))
        for index, write in numbered:
            try:
                self.one(write, outcome)
            except RefusedError as refusal:
                failures.append(WriteFailure(index, refusal.code, str(refusal)))
                if ordered:
                    break
        return outcome, sorted(failures, key=lambda failure: failure.index)

    def one(self, write: Write, outcome: WriteOutcome) -> None:
        """Carry out one write and count it."""
        if self._shelf.spec.kind == Kind.TIME_SERIES:
            _check_series_write(self._shelf, write)
        if isinstance(write, Insert):
            self._insert(with_id_first(copied(dict(write.document))))
            outcome.inserted += 1
        elif isinstance(write, Delete):
            outcome.deleted += self._delete(write)
        else:
            self._change(write, outcome)

    def modify(
        self, write: Update | Replace | Delete, sort: Sort, *, after: bool
    ) -> Document | None:
        """Change the first document in an order; return it as it was, or as it is now."""
        if self._shelf.spec.kind == Kind.TIME_SERIES:
            raise RefusedError(
                ILLEGAL_OPERATION, "find-and-modify must not be used on a time series"
            )
        found = next(self._found(write.query, sort), None)
        if found is None:
            if isinstance(write, Delete) or not write.upsert:
                return None
            added = self._upsert(write)
            return copied(added) if after else None
        if isinstance(write, Delete):
            self._remove(found)
            return copied(found)
        changed = self._put(found, write)
        return copied(changed if after else found)

    def expire(self, due: Iterable[Document]) -> None:
        """Delete documents whose time has come."""
        for document in due:
            self._remove(document)

    def _found(self, query: Query, sort: Sort = ()) -> Iterator[Document]:
        found = (d for d in self._shelf.candidates(query) if matches(d, query))
        return iter(in_order(found, sort)) if sort else found

    def _insert(self, document: Document) -> None:
        shelf = self._shelf
        self._check_unique(document, clash=shelf.clashing(document))
        self._check_room()
        shelf.add(document)
        self._note(Operation.INSERT, document, document)
        while (oldest := shelf.surplus()) is not None:
            self._remove(oldest)

    def _delete(self, write: Delete) -> int:
        found = list(islice(self._found(write.query), None if write.many else 1))
        for document in found:
            self._remove(document)
        return len(found)

    def _remove(self, document: Document) -> None:
        self._shelf.remove(document)
        self._note(Operation.DELETE, document, None, before=document)

    def _change(self, write: Update | Replace, outcome: WriteOutcome) -> None:
        many = isinstance(write, Update) and write.many
        found = list(islice(self._found(write.query), None if many else 1))
        if not found and write.upsert:
            self._upsert(write)
            outcome.upserted += 1
        for document in found:
            changed = self._put(document, write)
            outcome.matched += 1
            outcome.modified += changed is not document

    def _upsert(self, write: Update | Replace) -> Document:
        try:
            if isinstance(write, Update):
                document = inserted_by(write.query, write.changes)
            else:
                document = with_id_first({**inserted_id(write.query), **write.document})
                _check_same_id(inserted_id(write.query), document)
        except UpdateRefusedError as refusal:
            raise RefusedError(refusal.code, refusal.message) from refusal
        self._insert(document)
        return document

    def _put(self, before: Document, write: Update | Replace) -> Document:
        """Put the changed document in its place; return it, or `before` where nothing changes."""
        description: UpdateDescription | None = None
        if isinstance(write, Update):
            try:
                document, description = updated(before, write.changes)
            except UpdateRefusedError as refusal:
                raise RefusedError(refusal.code, refusal.message) from refusal
            if not description:
                return before
        else:
            document = with_id_first({**copied(dict(write.document)), "_id": before["_id"]})
            _check_same_id(write.document, before)
        key = self._shelf.key_of(before)
        self._check_unique(document, clash=self._shelf.clashing(document, replacing=key))
        self._shelf.put(before, document)
        operation = Operation.REPLACE if description is None else Operation.UPDATE
        self._note(operation, document, document, before=before, description=description)
        return document

    def _check_unique(self, document: Document, *, clash: str) -> None:
        if clash:
            raise RefusedError(
                DUPLICATE_KEY,
                f"the index {clash} of {self._shelf.spec.name} must hold every key once, it has "
                f"that of the document with _id {document['_id']!r}",
            )

    def _note(
        self,
        operation: Operation,
        key: Document,
        document: Document | None,
        *,
        before: Document | None = None,
        description: UpdateDescription | None = None,
    ) -> None:
        self._log.append(
            self._commit_ns,
            operation,
            self._shelf.spec.name,
            document_id=key["_id"],
            document=document,
            before=before,
            description=description,
            imaged=self._shelf.spec.images,
        )


def _sending_order(write: Write) -> int:
    if isinstance(write, Insert):
        return 0
    return 2 if isinstance(write, Delete) else 1


def inserted_id(query: Query) -> Document:
    """Return the ``_id`` a query names, as a document of that one field or of none."""
    wanted = query.get("_id")
    if "_id" not in query or (isinstance(wanted, dict) and any(k[0] == "$" for k in wanted)):
        found = wanted.get("$eq") if isinstance(wanted, dict) else None
        return {} if found is None else {"_id": found}
    return {"_id": wanted}


def _check_same_id(wanted: object, document: Document) -> None:
    assert isinstance(wanted, dict)
    if "_id" in wanted and sort_key(wanted["_id"]) != sort_key(document["_id"]):
        raise RefusedError(
            IMMUTABLE_FIELD,
            f"the _id {document['_id']!r} must stay as it is, the replacement has "
            f"{wanted['_id']!r}",
        )


def _check_series_write(shelf: Shelf, write: Write) -> None:
    """Refuse what MongoDB 6 refuses on a time series."""
    spec = shelf.spec
    if isinstance(write, Insert):
        if not isinstance(write.document.get(spec.time_field), datetime):
            raise RefusedError(BAD_VALUE, f"{spec.time_field!r} must be there and be a date")
        return
    if isinstance(write, Replace) or not write.many:
        code = ILLEGAL_OPERATION if isinstance(write, Delete) else INVALID_OPTIONS
        raise RefusedError(code, "a time series must be changed with many=True")
    touched = set(write.query)
    if isinstance(write, Update):
        if write.upsert:
            raise RefusedError(INVALID_OPTIONS, "a time series must not be upserted into")
        touched |= {path for fields in write.changes.values() for path in fields}
    others = {name.partition(".")[0] for name in touched} - {spec.meta_field}
    if others:
        raise RefusedError(
            INVALID_OPTIONS,
            f"a change of a time series must name its meta field {spec.meta_field!r} only, it "
            f"names {', '.join(sorted(others))}",
        )
