"""What a state store is: collections of documents that can be written, found and watched.

Both homes, the emulation in virtual time and MongoDB, behave alike as far as these classes go; the
conformance suite under `tests/conformance` says what that is, case by case.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from framework.state.document import Document, Value
from framework.state.events import ChangeEvent, ResumeToken, WatchOptions
from framework.state.query import Sort
from framework.state.spec import CollectionSpec
from framework.state.writes import Delete, Insert, Query, Replace, Update, Write, WriteOutcome


class ChangeStream(ABC):
    """Events of one collection, in the order in which they were committed."""

    @abstractmethod
    def poll(self) -> ChangeEvent | None:
        """Return the next event, None where none is due yet or the stream has ended.

        Raises
        ------
        ImageMissingError
            Where the stream requires an image that was not recorded.
        HistoryLostError
            Where the store dropped events this stream had not read.
        """

    @property
    @abstractmethod
    def token(self) -> ResumeToken:
        """Place from which a new stream would go on as this one does."""

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """False once the stream was closed or its collection is gone."""

    @abstractmethod
    def close(self) -> None:
        """End the stream; closing twice is allowed."""


class Collection(ABC):
    """Documents under one name."""

    name: str

    @abstractmethod
    def write(self, writes: Sequence[Write], *, ordered: bool = True) -> WriteOutcome:
        """Carry out a batch.

        Parameters
        ----------
        ordered
            True to stop at the first write that is refused, False to try them all.

        Raises
        ------
        BulkError
            Where writes of a batch of several were refused; the others were carried out.
        DuplicateKeyError, WriteRefusedError
            Where the one write of a batch was refused.
        """

    @abstractmethod
    def find(
        self,
        query: Query | None = None,
        *,
        sort: Sort = (),
        limit: int = 0,
        newest_first: bool = False,
    ) -> list[Document]:
        """Return the documents that pass a filter.

        Parameters
        ----------
        sort
            Fields to sort by; the collection's own order where empty.
        limit
            At most so many, 0 for all.
        newest_first
            True to turn the collection's own order round.
        """

    @abstractmethod
    def modify(
        self, write: Update | Replace | Delete, *, sort: Sort = (), after: bool = False
    ) -> Document | None:
        """Change one document and return it, in one step that nothing comes between.

        Parameters
        ----------
        sort
            Which of several that match is taken: the first in this order.
        after
            True to return the document as changed, False as it was.
        """

    @abstractmethod
    def watch(self, options: WatchOptions | None = None) -> ChangeStream:
        """Open a stream of the collection's changes.

        Raises
        ------
        StreamError
            Where the collection has no change stream, or it cannot start there.
        """

    def insert(self, *documents: Mapping[str, Value]) -> None:
        """Add documents in their order; see `write`."""
        self.write([Insert(document) for document in documents])

    def get(self, document_id: Value) -> Document | None:
        """Return the document of an ``_id``, None where there is none."""
        found = self.find({"_id": {"$eq": document_id}}, limit=1)
        return found[0] if found else None


class StateStore(ABC):
    """A database of collections."""

    @abstractmethod
    def create(self, spec: CollectionSpec) -> Collection:
        """Make a collection, or check that the one that exists is as specified.

        Raises
        ------
        OptionsError
            Where it exists with other options.
        """

    @abstractmethod
    def collection(self, name: str) -> Collection:
        """Return a collection by name; writing to one that does not exist makes a plain one."""

    @abstractmethod
    def names(self) -> list[str]:
        """Name the collections, in alphabetical order."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove a collection with all its documents; one that does not exist is left so."""

    @abstractmethod
    def now_ns(self) -> int:
        """Return the time by the store's clock."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the store holds open."""

    def recording_ns(self) -> int:
        """Return the time that documents of the next write are to carry as recorded."""
        return self.now_ns()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
