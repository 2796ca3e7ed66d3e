"""The emulated server: virtual time, writes on their way, collections and the change log.

What fails, what cannot: the server never fails or refuses for want of a majority, and a write is
durable the moment it is committed. Writes commit in the order of the instants they arrive at; at
one instant in the order in which they were issued.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from framework.core.clock import NS_PER_S
from framework.core.errors import EngineError
from framework.state.document import Document, SortKey
from framework.state.emulation.execute import Executor
from framework.state.emulation.log import ChangeLog
from framework.state.emulation.replica import Replica
from framework.state.emulation.shelf import Shelf
from framework.state.errors import FullError
from framework.state.events import Operation
from framework.state.spec import SWEEP_S, CollectionSpec, extended

LOG_EVENTS: Final = 1 << 18
"""Changes the log holds; about 1 kB each for documents of a depth bucket's size."""
MAX_DOCUMENTS: Final = 5_000_000
MAX_IN_FLIGHT: Final = 1 << 18

_SWEEP_NS: Final = SWEEP_S * NS_PER_S
_Action = Callable[[int], None]


class EmulatedServer:
    """Collections in memory, under a clock that moves only when it is told to.

    Parameters
    ----------
    start_ns
        The clock's first reading.
    database
        Name that change events carry.
    seed
        For drawn lags.
    log_events
        Changes the log holds before it forgets the oldest.
    max_documents, max_in_flight
        Bounds of memory: documents of all collections, and writes not yet committed.
    """

    def __init__(
        self,
        *,
        start_ns: int = 0,
        database: str = "desk",
        seed: int = 0,
        log_events: int = LOG_EVENTS,
        max_documents: int = MAX_DOCUMENTS,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self.now_ns = start_ns
        self.database = database
        self.seed = seed
        self.log = ChangeLog(log_events)
        self.shelves: dict[str, Shelf] = {}
        self._max_documents = max_documents
        self._max_in_flight = max_in_flight
        self._in_flight: list[tuple[int, int, _Action]] = []
        self._issued = 0
        self._made = 0
        self._next_sweep_ns = (start_ns // _SWEEP_NS + 1) * _SWEEP_NS
        self._replicas: list[Replica] = []

    def submit(self, arrival_ns: int, action: _Action) -> None:
        """Let something happen at an instant, now or later.

        Raises
        ------
        EngineError
            Where more writes are on their way than memory is meant for.
        """
        if len(self._in_flight) >= self._max_in_flight:
            raise EngineError(
                f"at most {self._max_in_flight} writes may be on their way to the state store",
                remedy="lower the write lag, write less often, or raise max_in_flight",
            )
        self._issued += 1
        heapq.heappush(self._in_flight, (arrival_ns, self._issued, action))
        if arrival_ns <= self.now_ns:
            self.advance_to(self.now_ns)

    def advance_to(self, ts_ns: int) -> None:
        """Move the clock, and let everything happen that is due by then.

        Raises
        ------
        EngineError
            Where the clock would run backwards.
        """
        if ts_ns < self.now_ns:
            raise EngineError(
                f"virtual time must not run backwards, {ts_ns} ns comes after {self.now_ns} ns",
                remedy="advance the store in the order of events",
            )
        while self._in_flight and self._in_flight[0][0] <= ts_ns:
            arrival_ns, _, action = heapq.heappop(self._in_flight)
            self._sweep(arrival_ns)
            self.now_ns = max(self.now_ns, arrival_ns)
            action(self.now_ns)
            self._pass_on()
        self._sweep(ts_ns)
        self.now_ns = ts_ns

    def next_ns(self) -> int | None:
        """Return when the next write on its way arrives, None where there is none."""
        return self._in_flight[0][0] if self._in_flight else None

    def create(self, spec: CollectionSpec) -> Shelf:
        """Make a collection, or check that the one that exists is as specified."""
        existing = self.shelves.get(spec.name)
        if existing is not None:
            existing.respecify(extended(existing.spec, spec))
            return existing
        self._made += 1
        shelf = self.shelves[spec.name] = Shelf(spec, self._made)
        for replica in self._replicas:
            replica.made(spec.name, shelf)
        return shelf

    def shelf(self, name: str) -> Shelf:
        """Return a collection's documents; one that does not exist is made, as MongoDB does."""
        found = self.shelves.get(name)
        return self.create(CollectionSpec(name=name)) if found is None else found

    def drop(self, name: str) -> None:
        """Remove a collection; its streams end with an invalidate event."""
        if self.shelves.pop(name, None) is not None:
            self.log.append(self.now_ns, Operation.DROP, name)
            self._pass_on()

    def executor(self, collection: str, commit_ns: int) -> Executor:
        """Open a collection for writes at an instant."""
        return Executor(self.shelf(collection), self.log, commit_ns, check_room=self._check_room)

    def follow(self, replica: Replica) -> None:
        """Pass every change on to a stale copy from now on."""
        self._replicas.append(replica)

    def unfollow(self, replica: Replica) -> None:
        """Stop passing changes on."""
        self._replicas = [one for one in self._replicas if one is not replica]

    def _check_room(self) -> None:
        if sum(len(shelf) for shelf in self.shelves.values()) >= self._max_documents:
            raise FullError(
                f"the emulated store may hold {self._max_documents} documents, it does",
                remedy="cap or expire the collections, or raise max_documents",
            )

    def _pass_on(self) -> None:
        for replica in self._replicas:
            replica.catch_up()

    def _sweep(self, until_ns: int) -> None:
        """Delete what expires, at the sweep that would find it, in the order of the sweeps."""
        if until_ns < self._next_sweep_ns:
            return
        due: list[tuple[int, str, SortKey, Document]] = []
        for name in sorted(self.shelves):
            shelf = self.shelves[name]
            for expiry_ns, key in shelf.expiries_ns():
                sweep_ns = max(-(-expiry_ns // _SWEEP_NS) * _SWEEP_NS, self._next_sweep_ns)
                document = shelf.get(key)
                if sweep_ns <= until_ns and document is not None:
                    due.append((sweep_ns, name, key, document))
        for sweep_ns, name, key, document in sorted(due, key=lambda item: item[:3]):
            self.now_ns = max(self.now_ns, sweep_ns)
            if self.shelves[name].get(key) is document:  # two indexes may expire one document
                self.executor(name, sweep_ns).expire((document,))
        self._next_sweep_ns = (until_ns // _SWEEP_NS + 1) * _SWEEP_NS
        self._pass_on()
