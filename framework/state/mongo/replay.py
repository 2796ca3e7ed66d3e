"""Replay a tape into a MongoDB, so that a desk's own consumers can be tested on it.

Each collection is written by a thread of its own, in the tape's order, in batches. Queues between
are short: where the server is slower than the tape the replay waits for it. A batch whose answer
was lost is looked up by its ids and only what is missing is sent again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.errors import CrossbookError
from framework.state.base import Collection, StateStore
from framework.state.desk.documents import DepthBucket, Heartbeat, Quote
from framework.state.document import Document, Value
from framework.state.errors import (
    DUPLICATE_KEY,
    BulkError,
    DuplicateKeyError,
    UnavailableError,
)
from framework.state.feed.documents import IssuedWrite, MarketDocument
from framework.state.writes import Insert

BATCH: Final = 500
"""Documents of a batch; fewer where the tape pauses."""
_QUEUED_BATCHES: Final = 4
_RETRY_S: Final = 0.2
_COLLECTIONS: Final = (Quote.collection, DepthBucket.collection, Heartbeat.collection)

OnReplay = Callable[[int, int], None]
"""Called with documents acknowledged so far and the tape's time in nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What a replay did.

    Attributes
    ----------
    documents
        Acknowledged documents by collection.
    seconds
        From the first batch to the last answer.
    write_ms
        Medians and 99th percentiles over documents of how long their batch took to be
        acknowledged, ``{"p50": …, "p99": …}``.
    late_ms
        99th percentile of how late documents were acknowledged against the paced tape; None at
        full speed.
    lost_answers
        How often an answer was lost and a batch had to be looked up.
    resent
        Documents sent again after that.
    """

    documents: dict[str, int]
    seconds: float
    write_ms: dict[str, float]
    late_ms: float | None
    lost_answers: int
    resent: int

    @property
    def documents_per_s(self) -> float:
        """Sustained rate."""
        return sum(self.documents.values()) / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class _Tally:
    """What one writer has done."""

    documents: int = 0
    batch_sizes: list[int] = field(default_factory=list)
    batch_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    lost_answers: int = 0
    resent: int = 0


class _Writer(threading.Thread):
    """Writes one collection's batches in their order.

    Parameters
    ----------
    collection
        Where to.
    clock
        Gives the recorded time.
    patience_s
        How long to go on while the server is away.
    """

    def __init__(self, collection: Collection, clock: StateStore, patience_s: float) -> None:
        super().__init__(name=f"replay-{collection.name}", daemon=True)
        self.tally = _Tally()
        self.error: CrossbookError | None = None
        self._collection = collection
        self._clock = clock
        self._patience_s = patience_s
        self._batches: queue.Queue[tuple[list[MarketDocument], float] | None] = queue.Queue(
            _QUEUED_BATCHES
        )

    def hand_over(self, documents: list[MarketDocument], due_s: float) -> None:
        """Queue a batch; wait while the queue is full."""
        while self.error is None:
            try:
                self._batches.put((documents, due_s), timeout=_RETRY_S)
            except queue.Full:
                continue
            return

    def finish(self) -> None:
        """Wait until everything is written."""
        while self.error is None and self.is_alive():
            try:
                self._batches.put(None, timeout=_RETRY_S)
            except queue.Full:
                continue
            break
        self.join()

    def run(self) -> None:
        """Write until there is no more, or a batch is refused."""
        try:
            while (batch := self._batches.get()) is not None:
                documents, due_s = batch
                started_s = time.monotonic()
                self._write(documents)
                ended_s = time.monotonic()
                self.tally.documents += len(documents)
                self.tally.batch_sizes.append(len(documents))
                self.tally.batch_s.append(ended_s - started_s)
                self.tally.late_s.append(ended_s - due_s)
        except CrossbookError as error:
            self.error = error

    def _write(self, documents: list[MarketDocument]) -> None:
        recorded_ns = self._clock.recording_ns()
        pending = [replace(one, recorded_ns=recorded_ns).to_document() for one in documents]
        give_up_at_s: float | None = None
        while pending:
            try:
                if give_up_at_s is not None:
                    pending = self._missing(pending)
                    self.tally.resent += len(pending)
                if pending:
                    self._collection.write([Insert(document) for document in pending])
                return
            except UnavailableError:
                now_s = time.monotonic()
                give_up_at_s = give_up_at_s or now_s + self._patience_s
                if now_s > give_up_at_s:
                    raise
                self.tally.lost_answers += 1
                time.sleep(_RETRY_S)
            except (BulkError, DuplicateKeyError) as error:
                # Sent twice by the driver, or written by a batch whose answer was lost.
                if give_up_at_s is None or error.code != DUPLICATE_KEY:
                    raise _not_empty(self._collection.name, error) from error

    def _missing(self, documents: list[Document]) -> list[Document]:
        ids: list[Value] = [document["_id"] for document in documents]
        there = {document["_id"] for document in self._collection.find({"_id": {"$in": ids}})}
        return [document for document in documents if document["_id"] not in there]


def serve_replay(
    store: StateStore,
    writes: Iterable[IssuedWrite],
    *,
    speed: float | None = 1.0,
    batch: int = BATCH,
    patience_s: float = 30.0,
    on_progress: OnReplay | None = None,
) -> ReplayReport:
    """Write a tape's documents into a store on which `set_up` has run.

    Parameters
    ----------
    writes
        In the order in which they are issued.
    speed
        How many times faster than the tape's own time; None as fast as the server takes them.
    batch
        Documents a batch may have; at most what the capped collections hold.
    patience_s
        How long a batch waits for a primary that went away.

    Raises
    ------
    StateError
        Where the store refuses a batch, holds the documents already, or stays away.
    """
    writers = {name: _Writer(store.collection(name), store, patience_s) for name in _COLLECTIONS}
    for writer in writers.values():
        writer.start()
    started_s = time.monotonic()
    try:
        _feed(writers, writes, speed, batch, on_progress)
    finally:
        for writer in writers.values():
            writer.finish()
    for writer in writers.values():
        if writer.error is not None:
            raise writer.error
    return _report(writers, time.monotonic() - started_s, paced=speed is not None)


def _feed(
    writers: dict[str, _Writer],
    writes: Iterable[IssuedWrite],
    speed: float | None,
    batch: int,
    on_progress: OnReplay | None,
) -> None:
    """Hand the tape over in batches, each no earlier than it is due."""
    open_batches: dict[str, list[MarketDocument]] = {name: [] for name in writers}
    first_ns: int | None = None
    started_s = time.monotonic()
    due_s = started_s

    def hand_over(name: str) -> None:
        documents, open_batches[name] = open_batches[name], []
        if documents:
            writers[name].hand_over(documents, due_s)

    for issued_ns, document in writes:
        if any(writer.error is not None for writer in writers.values()):
            return
        if first_ns is None:
            first_ns = issued_ns
        if speed is not None:
            due_s = started_s + (issued_ns - first_ns) / NS_PER_S / speed
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                for name in writers:
                    hand_over(name)
                time.sleep(wait_s)
        mine = open_batches[document.collection]
        mine.append(document)
        if len(mine) >= batch:
            hand_over(document.collection)
            if on_progress is not None:
                done = sum(writer.tally.documents for writer in writers.values())
                on_progress(done, issued_ns)
    for name in writers:
        hand_over(name)


def _report(writers: dict[str, _Writer], seconds: float, *, paced: bool) -> ReplayReport:
    tallies = [writer.tally for writer in writers.values()]
    sizes = [size for tally in tallies for size in tally.batch_sizes]
    took_s = np.repeat([s for tally in tallies for s in tally.batch_s], sizes)
    late_s = np.repeat([s for tally in tallies for s in tally.late_s], sizes)
    if not sizes:
        took_s = late_s = np.zeros(1)
    return ReplayReport(
        documents={name: writer.tally.documents for name, writer in writers.items()},
        seconds=seconds,
        write_ms={f"p{q}": float(np.percentile(took_s, q) * 1e3) for q in (50, 99)},
        late_ms=float(np.percentile(late_s, 99) * 1e3) if paced else None,
        lost_answers=sum(tally.lost_answers for tally in tallies),
        resent=sum(tally.resent for tally in tallies),
    )


def _not_empty(name: str, error: BulkError | DuplicateKeyError) -> CrossbookError:
    if error.code != DUPLICATE_KEY:
        return error
    return DuplicateKeyError(
        f"the collection {name} must not hold the tape's documents before the replay, it does: "
        f"{error.message}",
        remedy="replay with --fresh, or into another --database",
        code=DUPLICATE_KEY,
    )
