"""Keep a copy of a store's market data collections by their change streams, and compare it.

The copy is compared with the collections themselves, which shows whether the streams told of every
change, and with what the emulation holds after the same tape.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from framework.state.base import ChangeStream, Collection, StateStore
from framework.state.desk.documents import DepthBucket
from framework.state.desk.layout import DeskLayout
from framework.state.document import Document, SortKey, sort_key
from framework.state.emulation.expected import COLLECTIONS, comparable, expected
from framework.state.events import ChangeEvent, Images, Operation, WatchOptions
from framework.state.feed.documents import IssuedWrite

_PAUSE_S: Final = 0.02

OnMirror = Callable[[int], None]
"""Called with the number of change events followed so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One collection, compared.

    Attributes
    ----------
    collection
        Its name.
    live, copy, expected
        Documents in the store, in the copy made from its change stream, and in the emulation.
    events
        Change events followed.
    missing, surplus, different
        Ids that the emulation has and the store has not, the other way round, and those whose
        documents differ in anything but the time of recording.
    astray
        Ids at which the copy differs from the store.
    is_in_order
        True where the documents that both have stand in the same order.
    """

    collection: str
    live: int
    copy: int
    expected: int
    events: int
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    different: tuple[str, ...]
    astray: tuple[str, ...]
    is_in_order: bool

    @property
    def is_equal(self) -> bool:
        """True where nothing differs."""
        found = (self.missing, self.surplus, self.different, self.astray)
        return self.is_in_order and not any(found)


class Mirror:
    """Copies of a store's market data collections.

    Parameters
    ----------
    store
        The live one.
    """

    def __init__(self, store: StateStore) -> None:
        self.copies = {name: _Copy(store.collection(name)) for name in COLLECTIONS}

    def follow(self, quiet_s: float, on_progress: OnMirror | None = None) -> int:
        """Follow changes until there were none for a while; return how many there were.

        Raises
        ------
        StateError
            Where a stream breaks for good.
        """
        quiet_since_s = time.monotonic()
        while time.monotonic() - quiet_since_s < quiet_s:
            if sum(copy.catch_up() for copy in self.copies.values()):
                quiet_since_s = time.monotonic()
                if on_progress is not None:
                    on_progress(self.events())
            else:
                time.sleep(_PAUSE_S)
        return self.events()

    def events(self) -> int:
        """Count the changes followed so far."""
        return sum(copy.events for copy in self.copies.values())

    def compare(self, writes: Iterable[IssuedWrite], layout: DeskLayout) -> tuple[Comparison, ...]:
        """Compare the copies with the store and with the emulation after the same tape."""
        live = {name: copy.collection.find() for name, copy in self.copies.items()}
        newest = {name: _newest(name, found) for name, found in live.items() if found}
        should = expected(writes, layout, newest)
        return tuple(
            _compare(copy, live[name], should.collection(name).find())
            for name, copy in self.copies.items()
        )

    def close(self) -> None:
        """End the streams."""
        for copy in self.copies.values():
            copy.stream.close()


class _Copy:
    """One collection as its change stream tells it."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        # The stream is opened first: what is read afterwards may be told again, not missed.
        self.stream: ChangeStream = collection.watch(WatchOptions(after=Images.UPDATE_LOOKUP))
        self.events = 0
        self.documents: dict[SortKey, Document] = {
            sort_key(document["_id"]): document for document in collection.find()
        }

    def catch_up(self) -> int:
        """Take over all changes there are; return how many."""
        taken = 0
        while (event := self.stream.poll()) is not None:
            self._apply(event)
            taken += 1
        self.events += taken
        return taken

    def _apply(self, event: ChangeEvent) -> None:
        if event.operation in (Operation.DROP, Operation.INVALIDATE):
            self.documents.clear()
            return
        assert event.document_key is not None
        key = sort_key(event.document_key["_id"])
        if event.full_document is None:
            self.documents.pop(key, None)
        else:
            self.documents[key] = event.full_document


def _newest(name: str, documents: list[Document]) -> str:
    if (
        name == DepthBucket.collection
    ):  # stands in the order of ids; buckets are written in the order of time
        return str(max(documents, key=_written_last)["_id"])
    return str(documents[-1]["_id"])


def _written_last(document: Document) -> tuple[SortKey, ...]:
    return tuple(sort_key(document[name]) for name in ("bucket_ns", "venue", "symbol"))


def _compare(copy: _Copy, live: list[Document], should: list[Document]) -> Comparison:
    have = {str(document["_id"]): comparable(document) for document in live}
    want = {str(document["_id"]): comparable(document) for document in should}
    copied = {str(document["_id"]): comparable(document) for document in copy.documents.values()}
    common = [key for key in have if key in want]
    return Comparison(
        collection=copy.collection.name,
        live=len(live),
        copy=len(copied),
        expected=len(should),
        events=copy.events,
        missing=tuple(key for key in want if key not in have),
        surplus=tuple(key for key in have if key not in want),
        different=tuple(key for key in common if have[key] != want[key]),
        astray=tuple(key for key in {**have, **copied} if have.get(key) != copied.get(key)),
        is_in_order=common == [key for key in want if key in have],
    )
