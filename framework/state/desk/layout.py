"""Which collections the desk has, and how they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from framework.core.errors import SpecError
from framework.state.base import StateStore
from framework.state.desk.documents import (
    DepthBucket,
    Heartbeat,
    OrderDocument,
    OrderIntent,
    Quote,
    Regime,
)
from framework.state.errors import DuplicateKeyError, VersionError
from framework.state.spec import CollectionSpec, Index, Kind

SCHEMA_VERSION: Final = 1
"""Raised when documents change in a way that older readers cannot read."""
SCHEMA: Final = "schema"
HISTORY: Final = "history"
"""Superseded versions of the documents that are revised in place."""

_DOCUMENT_BYTES: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLayout:
    """Sizes of the desk's collections.

    Parameters
    ----------
    quotes, heartbeats
        Documents the capped collections hold, of all streams together.
    depth_retention_s
        Seconds after which depth buckets expire; 0 keeps them.
    """

    quotes: int = 100_000
    heartbeats: int = 20_000
    depth_retention_s: int = 0

    def __post_init__(self) -> None:
        if self.quotes < 1 or self.heartbeats < 1 or self.depth_retention_s < 0:
            raise SpecError(
                "a desk must keep at least one quote and one heartbeat, got "
                f"{self.quotes} and {self.heartbeats}, retention {self.depth_retention_s} s",
                remedy="write for example quotes: 100000",
            )

    def specs(self) -> tuple[CollectionSpec, ...]:
        """List the collections."""
        expiry = (Index((("recorded_at", 1),), expire_after_s=self.depth_retention_s),)
        return (
            _capped(Quote.collection, self.quotes),
            _capped(Heartbeat.collection, self.heartbeats),
            CollectionSpec(
                name=DepthBucket.collection,
                kind=Kind.CLUSTERED,
                images=True,
                indexes=expiry if self.depth_retention_s else (),
            ),
            CollectionSpec(name=Regime.collection, images=True),
            CollectionSpec(
                name=OrderIntent.collection, images=True, indexes=(Index((("state", 1),)),)
            ),
            CollectionSpec(name=OrderDocument.collection, images=True),
            CollectionSpec(
                name=HISTORY, indexes=(Index((("of", 1), ("key", 1), ("valid_ns", -1))),)
            ),
            CollectionSpec(name=SCHEMA),
        )


def set_up(store: StateStore, layout: DeskLayout | None = None) -> None:
    """Make the desk's collections; doing it again changes nothing.

    Raises
    ------
    OptionsError
        Where a collection exists with other options.
    VersionError
        Where the database has another version of the schema.
    """
    check_schema(store)
    for spec in (layout or DeskLayout()).specs():
        store.create(spec)
    try:
        store.collection(SCHEMA).insert({"_id": "desk", "version": SCHEMA_VERSION})
    except DuplicateKeyError:
        check_schema(store)


def check_schema(store: StateStore) -> None:
    """Refuse a database with another version of the schema.

    Raises
    ------
    VersionError
        Naming both versions.
    """
    found = store.collection(SCHEMA).get("desk")
    if found is not None and found.get("version") != SCHEMA_VERSION:
        raise VersionError(
            f"the store's schema must be version {SCHEMA_VERSION}, it is {found.get('version')}",
            remedy="use the Crossbook that wrote it, or another database",
        )


def _capped(name: str, documents: int) -> CollectionSpec:
    return CollectionSpec(
        name=name,
        kind=Kind.CAPPED,
        max_bytes=max(4096, documents * _DOCUMENT_BYTES),
        max_documents=documents,
    )
