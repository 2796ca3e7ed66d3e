"""What every case of the state store needs: an empty store, and a way to read events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import pytest

from framework.state import ChangeEvent, ChangeStream, Collection, CollectionSpec, StateStore

PATIENCE_S: Final = 20.0


class StoreCase:
    """Base of the suites; a home's test class overrides `store`."""

    @pytest.fixture
    def store(self) -> StateStore:
        """An empty store."""
        raise NotImplementedError("a home of the state store must override the fixture `store`")

    @pytest.fixture
    def items(self, store: StateStore) -> Collection:
        """An empty plain collection."""
        return make(store)

    def let_expired_go(self, store: StateStore) -> None:
        """Let enough time pass for a sweep of expired documents."""
        raise NotImplementedError("a home of the state store must override `let_expired_go`")


def make(store: StateStore, name: str = "items", **options: Any) -> Collection:
    """Make a collection."""
    return store.create(CollectionSpec(name=name, **options))


def take(stream: ChangeStream, n_events: int) -> list[ChangeEvent]:
    """Read exactly `n_events` events, and see that there is no further one."""
    events = read(stream, n_events)
    assert stream.poll() is None
    return events


def read(stream: ChangeStream, n_events: int) -> list[ChangeEvent]:
    """Read the next `n_events` events."""
    events: list[ChangeEvent] = []
    give_up_at = time.monotonic() + PATIENCE_S
    while len(events) < n_events:
        event = stream.poll()
        if event is not None:
            events.append(event)
        elif not stream.is_alive or time.monotonic() > give_up_at:
            break
    assert len(events) == n_events, [event.operation for event in events]
    return events


def ids(documents: Sequence[dict[str, Any]]) -> list[Any]:
    """List the documents' ids."""
    return [document["_id"] for document in documents]


def told(events: Sequence[ChangeEvent]) -> list[tuple[str, Any]]:
    """List operation and id of events."""
    return [
        (str(event.operation), event.document_key["_id"] if event.document_key else None)
        for event in events
    ]
