"""Change events, in MongoDB's shape, and where and how a stream of them starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from framework.state.document import Document, Value
from framework.state.errors import BAD_VALUE, TokenError
from framework.state.writes import Query

ResumeToken = str
"""Names a place in the sequence of events; later places compare greater."""


class Operation(StrEnum):
    """What a change event tells of."""

    INSERT = "insert"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    DROP = "drop"
    INVALIDATE = "invalidate"
    """The stream ends: its collection is gone."""


class Images(StrEnum):
    """What a stream wants to see of a document before or after a change."""

    OFF = "off"
    """After the change: inserts and replacements only. Before it: nothing."""
    WHEN_AVAILABLE = "whenAvailable"
    """The recorded image, None where there is none."""
    REQUIRED = "required"
    """The recorded image; an error where there is none."""
    UPDATE_LOOKUP = "updateLookup"
    """After the change only: the document as it is when the event is read, None if gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """One change.

    Attributes
    ----------
    token
        To resume after this event.
    operation
        What happened.
    cluster_time
        When, in the store's own count: seconds · 2³² + number within the second.
    wall_ns
        When, by the store's clock, cut to milliseconds.
    database, collection
        Where.
    document_key
        ``{"_id": …}``, None for a drop or invalidate.
    full_document
        As `Images` asked; None where there is none.
    before
        The document before the change, as `Images` asked.
    updated_fields, removed_fields
        Of an update.
    shows
        Which of the images MongoDB's document would have a field for, even if null.
    """

    token: ResumeToken
    operation: Operation
    cluster_time: int
    wall_ns: int
    database: str
    collection: str
    document_key: Document | None = None
    full_document: Document | None = None
    before: Document | None = None
    updated_fields: Mapping[str, Value] = field(default_factory=dict)
    removed_fields: tuple[str, ...] = ()
    shows: frozenset[str] = frozenset()

    def as_document(self) -> dict[str, object]:
        """Lay the event out as MongoDB's driver returns it; instants are whole numbers."""
        shown: dict[str, object] = {
            "_id": {"_data": self.token},
            "operationType": str(self.operation),
            "clusterTime": self.cluster_time,
            "wallTime": self.wall_ns,
        }
        if "fullDocument" in self.shows:
            shown["fullDocument"] = self.full_document
        if self.operation != Operation.INVALIDATE:
            shown["ns"] = {"db": self.database, "coll": self.collection}
        if self.document_key is not None:
            shown["documentKey"] = self.document_key
        if self.operation == Operation.UPDATE:
            shown["updateDescription"] = {
                "updatedFields": dict(self.updated_fields),
                "removedFields": list(self.removed_fields),
                "truncatedArrays": [],
            }
        if "fullDocumentBeforeChange" in self.shows:
            shown["fullDocumentBeforeChange"] = self.before
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """Which events a stream shows, with what, and from where.

    Parameters
    ----------
    operations
        Kinds of events wanted, all where empty; an invalidate always comes.
    query
        Filter on the document after the change; deletes pass only an empty filter.
    after
        What `ChangeEvent.full_document` holds for updates.
    before
        What `ChangeEvent.before` holds.
    resume_after, start_after
        Token of the last event seen; only the latter can follow an invalidate.
    start_at
        Cluster time of the first event wanted.

    Raises
    ------
    TokenError
        Where more than one of the last three is given.
    """

    operations: frozenset[Operation] = frozenset()
    query: Query = field(default_factory=dict)
    after: Images = Images.OFF
    before: Images = Images.OFF
    resume_after: ResumeToken | None = None
    start_after: ResumeToken | None = None
    start_at: int | None = None

    def __post_init__(self) -> None:
        places = (self.resume_after, self.start_after, self.start_at)
        if sum(place is not None for place in places) > 1:
            raise TokenError(
                "a stream must start at one place, got several of resume_after, start_after and "
                "start_at",
                remedy="give one of them",
                code=BAD_VALUE,
            )
        if self.before == Images.UPDATE_LOOKUP:
            raise TokenError(
                "updateLookup must be asked for as the image after a change",
                remedy="use whenAvailable or required",
                code=BAD_VALUE,
            )

    def wants(self, operation: Operation) -> bool:
        """Tell whether events of this kind are shown."""
        return (
            not self.operations or operation in self.operations or operation == Operation.INVALIDATE
        )
