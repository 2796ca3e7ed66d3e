"""One client of the emulated server: writes that take time, reads that are stale, late notices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from framework.core.errors import EngineError
from framework.state.base import ChangeStream, Collection, StateStore
from framework.state.document import Document, copied
from framework.state.emulation.execute import RefusedError
from framework.state.emulation.replica import Replica
from framework.state.emulation.server import EmulatedServer
from framework.state.emulation.shelf import Shelf
from framework.state.emulation.stream import EmulatedStream
from framework.state.errors import StateError, WriteFailure, bulk_error, single_error
from framework.state.events import WatchOptions
from framework.state.lag import Messages, StoreLink, lag_seed
from framework.state.query import Sort, check_query, in_order, matches
from framework.state.spec import CollectionSpec
from framework.state.writes import Delete, Insert, Query, Replace, Update, Write, WriteOutcome

MAX_PENDING: Final = 1 << 18


class Ticket:
    """A write on its way.

    Attributes
    ----------
    commit_ns
        When it is committed.
    is_done
        True once it was.
    """

    def __init__(self, commit_ns: int) -> None:
        self.commit_ns = commit_ns
        self.is_done = False
        self._outcome: WriteOutcome | Document | None = None
        self._error: StateError | None = None

    def settle(
        self, outcome: WriteOutcome | Document | None, error: StateError | None = None
    ) -> None:
        """Note what became of the write."""
        self.is_done, self._outcome, self._error = True, outcome, error

    def outcome(self) -> WriteOutcome:
        """Return a batch's counts.

        Raises
        ------
        EngineError
            Where the write has not been committed yet.
        StateError
            What the store refused it with.
        """
        result = self._result()
        assert isinstance(result, WriteOutcome)
        return result

    def document(self) -> Document | None:
        """Return what a find-and-modify found; raises as `outcome` does."""
        result = self._result()
        assert not isinstance(result, WriteOutcome)
        return result

    def _result(self) -> WriteOutcome | Document | None:
        if not self.is_done:
            raise EngineError(
                f"the write must have been committed, it will be at {self.commit_ns} ns",
                remedy="advance the store to commit_ns first",
            )
        if self._error is not None:
            raise self._error
        return self._outcome


class EmulatedStore(StateStore):
    """A client of an emulated server.

    `Collection.write` and `Collection.modify` wait, that is they move the clock to the commit;
    `EmulatedCollection.send` and `EmulatedCollection.send_modify` do not.

    Parameters
    ----------
    server
        Its server, shared by all clients; a new one where None.
    name
        The client's name: it decides what is drawn.
    link
        How long its messages take.

    Examples
    --------
    >>> from framework.state.lag import Lag
    >>> server = EmulatedServer()
    >>> feed = EmulatedStore(server, name="feed", link=StoreLink(write=Lag(ns=5)))
    >>> ticket = feed.collection("quotes").send([Insert({"_id": 1, "bid_px": 10})])
    >>> reader = EmulatedStore(server, name="strategy")
    >>> reader.collection("quotes").find()
    []
    >>> server.advance_to(5)
    >>> reader.collection("quotes").find()
    [{'_id': 1, 'bid_px': 10}]
    """

    def __init__(
        self,
        server: EmulatedServer | None = None,
        *,
        name: str = "",
        link: StoreLink | None = None,
        max_pending: int = MAX_PENDING,
    ) -> None:
        self.server = server or EmulatedServer()
        self.name = name
        self.link = link or StoreLink()
        seed = self.server.seed
        self._writes = Messages(self.link.write, lag_seed(seed, name, "write"))
        self._reads = Messages(self.link.read, lag_seed(seed, name, "read"))
        self._replica: Replica | None = None
        self._reserved_ns: int | None = None
        if not self.link.read.is_none:
            self._replica = Replica(self.server, max_pending)

    def observe_feed(self, feed_ns: int) -> None:
        """Note what the last market event took to reach this client, for lags from data."""
        self._writes.feed_ns = self._reads.feed_ns = feed_ns

    def create(self, spec: CollectionSpec) -> EmulatedCollection:
        """Make a collection at once; see `StateStore.create`."""
        self.server.create(spec)
        return self.collection(spec.name)

    def collection(self, name: str) -> EmulatedCollection:
        """Return a collection by name."""
        return EmulatedCollection(self, name)

    def names(self) -> list[str]:
        """Name the collections, in alphabetical order."""
        return sorted(self.server.shelves)

    def drop(self, name: str) -> None:
        """Remove a collection at once."""
        self.server.drop(name)

    def now_ns(self) -> int:
        """Return the server's virtual time."""
        return self.server.now_ns

    def close(self) -> None:
        """Stop keeping a stale copy."""
        if self._replica is not None:
            self._replica.close()

    def recording_ns(self) -> int:
        """Return when the next write will be committed, provided it is issued now."""
        if self._reserved_ns is None:
            self._reserved_ns = self._writes.arrival_ns(self.server.now_ns)
        return self._reserved_ns

    def arrival_ns(self) -> int:
        """Return when a write issued now is committed."""
        arrival_ns, self._reserved_ns = self.recording_ns(), None
        return arrival_ns

    def notices(self, collection: str) -> Messages:
        """Return what draws the lags of one stream's notices."""
        seed = lag_seed(self.server.seed, f"{self.name}:{collection}", "notify")
        messages = Messages(self.link.notify, seed)
        messages.feed_ns = self._writes.feed_ns
        return messages

    def visible(self, name: str) -> Shelf | None:
        """Return a collection as this client sees it now."""
        if self._replica is None:
            return self.server.shelves.get(name)
        return self._replica.shelf(name, self._reads.view_ns(self.server.now_ns))


class EmulatedCollection(Collection):
    """One collection, as one client reaches it."""

    def __init__(self, store: EmulatedStore, name: str) -> None:
        self.name = name
        self._store = store

    def send(self, writes: Sequence[Write], *, ordered: bool = True) -> Ticket:
        """Issue a batch without waiting; see `Collection.write`."""
        for write in writes:
            _check(write)
        ticket = Ticket(self._store.arrival_ns())
        server, batch = self._store.server, tuple(writes)

        def commit(commit_ns: int) -> None:
            executor = server.executor(self.name, commit_ns)
            try:
                outcome, failures = executor.batch(batch, ordered=ordered)
            except StateError as error:
                ticket.settle(None, error)
                return
            refusal = bulk_error(failures, len(batch), ordered=ordered) if failures else None
            ticket.settle(outcome, refusal)

        server.submit(ticket.commit_ns, commit)
        return ticket

    def send_modify(
        self, write: Update | Replace | Delete, *, sort: Sort = (), after: bool = False
    ) -> Ticket:
        """Issue a find-and-modify without waiting; see `Collection.modify`."""
        _check(write)
        ticket = Ticket(self._store.arrival_ns())
        server = self._store.server

        def commit(commit_ns: int) -> None:
            try:
                executor = server.executor(self.name, commit_ns)
                ticket.settle(executor.modify(write, sort, after=after))
            except RefusedError as refusal:
                ticket.settle(None, single_error(WriteFailure(0, refusal.code, str(refusal))))
            except StateError as error:
                ticket.settle(None, error)

        server.submit(ticket.commit_ns, commit)
        return ticket

    def write(self, writes: Sequence[Write], *, ordered: bool = True) -> WriteOutcome:
        """Carry out a batch and wait for it."""
        if not writes:
            return WriteOutcome()
        return self._arrived(self.send(writes, ordered=ordered)).outcome()

    def modify(
        self, write: Update | Replace | Delete, *, sort: Sort = (), after: bool = False
    ) -> Document | None:
        """Change one document, wait for it and return it."""
        return self._arrived(self.send_modify(write, sort=sort, after=after)).document()

    def find(
        self,
        query: Query | None = None,
        *,
        sort: Sort = (),
        limit: int = 0,
        newest_first: bool = False,
    ) -> list[Document]:
        """Return documents as this client sees them now, a read lag ago."""
        query = query or {}
        check_query(query)
        shelf = self._store.visible(self.name)
        if shelf is None:
            return []
        found: list[Document] = []
        for document in shelf.candidates(query, newest_first=newest_first):
            if matches(document, query):
                found.append(document)
                if limit and len(found) == limit and not sort:
                    break
        if sort:
            found = in_order(found, sort)
        return [copied(document) for document in (found[:limit] if limit else found)]

    def watch(self, options: WatchOptions | None = None) -> ChangeStream:
        """Open a stream; events reach it a notify lag after their commit."""
        notices = self._store.notices(self.name)
        return EmulatedStream(self._store.server, self.name, options or WatchOptions(), notices)

    def _arrived(self, ticket: Ticket) -> Ticket:
        server = self._store.server
        if ticket.commit_ns > server.now_ns:
            server.advance_to(ticket.commit_ns)
        return ticket


def _check(write: Write) -> None:
    if not isinstance(write, Insert):
        check_query(write.query)
