"""What the desk writes to its store and reads from it, the same on both homes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeVar

from framework.state.base import ChangeStream, StateStore
from framework.state.desk.documents import (
    DepthBucket,
    Heartbeat,
    IntentState,
    OrderDocument,
    OrderIntent,
    Quote,
    Regime,
    Stored,
    bucket_id,
    field_names,
)
from framework.state.desk.layout import DeskLayout, set_up
from framework.state.desk.revisions import as_of, revise
from framework.state.document import Document, Value
from framework.state.events import Images, Operation, WatchOptions
from framework.state.writes import Insert, Query

_Stored = TypeVar("_Stored", bound=Stored)
_OWN: Final = ("recorded_ns", "revision")  # set by the store's side, not by the caller


class Clock(StrEnum):
    """By which time something is read."""

    VALID = "valid"
    """What was true."""
    RECORDED = "recorded"
    """What the store knew."""


class DeskState:
    """The desk's store.

    Parameters
    ----------
    store
        Emulated or in a MongoDB.
    layout
        Sizes of the collections, which are made where they are missing.

    Examples
    --------
    >>> from framework.state import EmulatedStore
    >>> desk = DeskState(EmulatedStore())
    >>> desk.set_regime(Regime(scope="BTC", name="normal", confidence=0.9, valid_ns=10))
    >>> desk.set_regime(Regime(scope="BTC", name="crisis", confidence=0.7, valid_ns=30))
    >>> desk.current_regime("BTC").name
    'crisis'
    >>> desk.regime_as_of("BTC", 29, Clock.VALID).name
    'normal'
    """

    def __init__(self, store: StateStore, layout: DeskLayout | None = None) -> None:
        self.store = store
        set_up(store, layout)

    def record(self, documents: Sequence[Quote | DepthBucket | Heartbeat]) -> None:
        """Add market data; its recorded time is set.

        Raises
        ------
        BulkError, DuplicateKeyError
            Where one was added before.
        """
        for name in dict.fromkeys(document.collection for document in documents):
            mine = (document for document in documents if document.collection == name)
            recorded_ns = self.store.recording_ns()
            self.store.collection(name).write(
                [Insert(replace(one, recorded_ns=recorded_ns).to_document()) for one in mine]
            )

    def last_quote(self, venue: str, symbol: str) -> Quote | None:
        """Return the newest quote of a stream."""
        return self._newest(Quote, {"venue": venue, "symbol": symbol})

    def quote_as_of(self, venue: str, symbol: str, ts_ns: int, by: Clock) -> Quote | None:
        """Return the quote that was true, or was the newest known, at an instant."""
        query: dict[str, Value] = {"venue": venue, "symbol": symbol, f"{by}_ns": {"$lte": ts_ns}}
        if by == Clock.RECORDED:  # documents stand in the order in which they were recorded
            return self._newest(Quote, query)
        order = [("valid_ns", -1), ("number", -1)]
        return _first(
            Quote, self.store.collection(Quote.collection).find(query, sort=order, limit=1)
        )

    def buckets(
        self, venue: str, symbol: str, start_ns: int, end_ns: int
    ) -> tuple[DepthBucket, ...]:
        """Return the depth buckets of a stream that begin within ``[start_ns, end_ns)``."""
        bounds: Query = {
            "_id": {
                "$gte": bucket_id(venue, symbol, max(start_ns, 0)),
                "$lt": bucket_id(venue, symbol, max(end_ns, 0)),
            }
        }
        depth = self.store.collection(DepthBucket.collection)
        found = depth.find(bounds, sort=[("_id", 1)])
        return tuple(DepthBucket.from_document(document) for document in found)

    def bucket_as_of(self, venue: str, symbol: str, ts_ns: int, by: Clock) -> DepthBucket | None:
        """Return the last bucket that was true, or known, at an instant."""
        query: dict[str, Value] = {
            "_id": {
                "$gte": bucket_id(venue, symbol, 0),
                "$lte": bucket_id(venue, symbol, 10**19 - 1),
            },
            f"{by}_ns": {"$lte": ts_ns},
        }
        found = self.store.collection(DepthBucket.collection).find(
            query, limit=1, newest_first=True
        )
        return _first(DepthBucket, found)

    def last_heartbeat(self, venue: str, symbol: str) -> Heartbeat | None:
        """Return a stream's newest heartbeat."""
        return self._newest(Heartbeat, {"venue": venue, "symbol": symbol})

    def heartbeat_as_of(self, venue: str, symbol: str, ts_ns: int, by: Clock) -> Heartbeat | None:
        """Return the last heartbeat that had happened, or was known, at an instant."""
        query: dict[str, Value] = {"venue": venue, "symbol": symbol, f"{by}_ns": {"$lte": ts_ns}}
        return self._newest(Heartbeat, query)

    def set_regime(self, regime: Regime) -> None:
        """Set a scope's regime, keeping the former one."""
        self._put(regime)

    def current_regime(self, scope: str) -> Regime | None:
        """Return a scope's regime."""
        found = self.store.collection(Regime.collection).get(scope)
        return None if found is None else Regime.from_document(found)

    def regime_as_of(self, scope: str, ts_ns: int, by: Clock) -> Regime | None:
        """Return the regime that held, or was known, at an instant."""
        return self._as_of(Regime, scope, ts_ns, by)

    def put_intent(self, intent: OrderIntent) -> None:
        """Add an intent, or revise it."""
        self._put(intent)

    def claim_intent(self, owner: str, ts_ns: int) -> OrderIntent | None:
        """Take the oldest new intent, so that nobody else does; None where there is none."""
        claimed = revise(
            self.store,
            OrderIntent.collection,
            {"state": str(IntentState.NEW)},
            {"state": str(IntentState.CLAIMED), "claimed_by": owner, "valid_ns": ts_ns},
            sort=[("valid_ns", 1), ("_id", 1)],
        )
        return None if claimed is None else OrderIntent.from_document(claimed)

    def intent_as_of(self, intent_id: str, ts_ns: int, by: Clock) -> OrderIntent | None:
        """Return an intent as it was, or was known, at an instant."""
        return self._as_of(OrderIntent, intent_id, ts_ns, by)

    def put_order(self, order: OrderDocument) -> None:
        """Add an order's state, or revise it."""
        self._put(order)

    def order_as_of(self, order_id: str, ts_ns: int, by: Clock) -> OrderDocument | None:
        """Return an order's state as it was, or was known, at an instant."""
        return self._as_of(OrderDocument, order_id, ts_ns, by)

    def document(self, collection: str, document_id: str) -> Document | None:
        """Return any document by its id."""
        return self.store.collection(collection).get(document_id)

    def watch_depth(self, query: Query, *, resume_after: str | None = None) -> ChangeStream:
        """Watch for depth buckets that pass a filter, such as a wall at the best price."""
        return self.store.collection(DepthBucket.collection).watch(
            WatchOptions(
                operations=frozenset({Operation.INSERT, Operation.UPDATE, Operation.REPLACE}),
                query=query,
                after=Images.WHEN_AVAILABLE,
                resume_after=resume_after,
            )
        )

    def _newest(self, kind: type[_Stored], query: Query) -> _Stored | None:
        found = self.store.collection(kind.collection).find(query, limit=1, newest_first=True)
        return _first(kind, found)

    def _put(self, stored: Regime | OrderIntent | OrderDocument) -> None:
        document = stored.to_document()
        names = field_names(type(stored))
        revise(
            self.store,
            stored.collection,
            {"_id": stored.document_id()},
            {name: document[name] for name in names if name not in _OWN},
            upsert=True,
        )

    def _as_of(
        self, kind: type[_Stored], document_id: str, ts_ns: int, by: Clock
    ) -> _Stored | None:
        bound = {f"{by}_ns": ts_ns}
        found = as_of(self.store, kind.collection, document_id, **bound)
        return None if found is None else kind.from_document(found)


def _first(kind: type[_Stored], documents: Iterable[Document]) -> _Stored | None:
    found = next(iter(documents), None)
    return None if found is None else kind.from_document(found)
