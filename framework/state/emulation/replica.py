"""A copy of the store that lags: what a reader sees whose answers take time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from framework.core.errors import EngineError
from framework.state.emulation.log import Entry
from framework.state.emulation.shelf import Shelf
from framework.state.events import Operation

if TYPE_CHECKING:
    from framework.state.emulation.server import EmulatedServer


class Replica:
    """Follows a server's change log at a distance.

    Parameters
    ----------
    server
        The one to follow, from its present state on.
    max_pending
        Changes that may be outstanding between the server and this copy.
    """

    def __init__(self, server: EmulatedServer, max_pending: int) -> None:
        self._server = server
        self._max_pending = max_pending
        self._shelves = {name: shelf.twin() for name, shelf in server.shelves.items()}
        self._seen = server.log.last_number
        self._pending: deque[Entry] = deque()
        server.follow(self)

    def shelf(self, name: str, view_ns: int) -> Shelf | None:
        """Return a collection as it was at an instant, which never goes back."""
        while self._pending and self._pending[0].commit_ns <= view_ns:
            self._apply(self._pending.popleft())
        return self._shelves.get(name)

    def made(self, name: str, shelf: Shelf) -> None:
        """Note a new collection; it is empty, so that nobody sees it too early."""
        if name not in self._shelves:
            self._shelves[name] = Shelf(shelf.spec, shelf.incarnation)

    def catch_up(self) -> None:
        """Take over what the server has logged since.

        Raises
        ------
        EngineError
            Where more changes are outstanding than memory is meant for.
        """
        self._pending.extend(self._server.log.after(self._seen))
        self._seen = self._server.log.last_number
        if len(self._pending) > self._max_pending:
            raise EngineError(
                f"at most {self._max_pending} changes may wait for a reader's lag, "
                f"{len(self._pending)} do",
                remedy="lower the read lag, read more often, or raise max_in_flight",
            )

    def close(self) -> None:
        """Stop following."""
        self._server.unfollow(self)

    def _apply(self, entry: Entry) -> None:
        if entry.operation == Operation.DROP:
            shelf = self._shelves.pop(entry.collection, None)
            current = self._server.shelves.get(entry.collection)
            if shelf is not None and current is not None:
                self._shelves[entry.collection] = Shelf(current.spec, current.incarnation)
            return
        shelf = self._shelves[entry.collection]
        if entry.operation == Operation.DELETE:
            assert entry.before is not None
            shelf.remove(entry.before)
            return
        assert entry.document is not None
        if entry.operation == Operation.INSERT:
            shelf.add(entry.document)
        else:
            assert entry.before is not None
            shelf.put(entry.before, entry.document)
