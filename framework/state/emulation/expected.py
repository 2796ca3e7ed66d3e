"""What a store's market data collections should hold, by the emulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from framework.state.desk.documents import DepthBucket, Heartbeat, Quote
from framework.state.desk.layout import DeskLayout, set_up
from framework.state.document import Document, Value
from framework.state.emulation.server import EmulatedServer
from framework.state.emulation.store import EmulatedStore
from framework.state.feed.documents import IssuedWrite
from framework.state.writes import Insert

COLLECTIONS: Final = (Quote.collection, DepthBucket.collection, Heartbeat.collection)


def expected(
    writes: Iterable[IssuedWrite], layout: DeskLayout, newest: Mapping[str, Value]
) -> EmulatedStore:
    """Replay a tape into an emulated store, each collection up to the newest document it has.

    Parameters
    ----------
    writes
        In the order in which they are issued.
    layout
        Sizes of the collections.
    newest
        The ``_id`` of the last document each live collection was given; a collection without one
        is left empty.
    """
    server: EmulatedServer | None = None
    store = EmulatedStore()
    open_collections = set(newest)
    for issued_ns, document in writes:
        if server is None:
            server = EmulatedServer(start_ns=issued_ns, log_events=1)
            store = EmulatedStore(server)
            set_up(store, layout)
        name = document.collection
        if name not in open_collections:
            if not open_collections:
                break
            continue
        server.advance_to(issued_ns)
        recorded = replace(document, recorded_ns=issued_ns).to_document()
        store.collection(name).write([Insert(recorded)])
        if recorded["_id"] == newest[name]:
            open_collections.discard(name)
    return store


def comparable(document: Document) -> Document:
    """Return a document without the times at which it was recorded."""
    own = ("recorded_ns", "recorded_at")
    return {name: value for name, value in document.items() if name not in own}
