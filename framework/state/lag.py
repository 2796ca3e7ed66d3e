"""How long a write, a notification or a read takes between a client and the store.

The three lags of a link follow the models of `framework.core.links`: constant, drawn, or as long as
the venue's market data took to reach us. Messages of one direction keep their order: one that
would overtake its predecessor arrives together with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from framework.core.errors import SpecError
from framework.core.links import LatencyKind, LatencyModel
from framework.venue.latency import drawn_ns

_MAX_NS: Final = 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """One direction of a link to the store.

    Parameters
    ----------
    ns
        The lag, its median where the model draws it, and what holds before there is any data.
    model
        Where lags come from.

    Raises
    ------
    SpecError
        Where the lag is negative or longer than an hour.
    """

    ns: int = 0
    model: LatencyModel = field(default_factory=LatencyModel)

    def __post_init__(self) -> None:
        if not 0 <= self.ns <= _MAX_NS:
            raise SpecError(
                f"a store's lag must be from 0 to an hour, got {self.ns} ns",
                remedy='write for example write: "5ms"',
            )

    @property
    def is_none(self) -> bool:
        """True where this direction never takes any time."""
        return self.ns == 0 and self.model.kind != LatencyKind.FROM_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLink:
    """The way between one client and the store.

    Parameters
    ----------
    write
        From issuing a write until it is committed.
    notify
        From a commit until a watcher of this client is told.
    read
        How old the state is that a read returns.
    """

    write: Lag = field(default_factory=Lag)
    notify: Lag = field(default_factory=Lag)
    read: Lag = field(default_factory=Lag)


def in_turn_ns(previous_ns: int, sent_ns: int, lag_ns: int) -> int:
    """Return when a message arrives that must not overtake the one before it.

    >>> in_turn_ns(previous_ns=30, sent_ns=20, lag_ns=5)
    30
    """
    arrival_ns = sent_ns + lag_ns
    return arrival_ns if arrival_ns > previous_ns else previous_ns


def lag_seed(seed: int, client: str, direction: str) -> int:
    """Make the seed of one direction: it depends on names, not on who registered first."""
    digest = hashlib.sha256(f"state:{seed}:{client}:{direction}".encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


class Messages:
    """Messages of one direction: draws each one's lag and keeps their order.

    Parameters
    ----------
    lag
        Their lag.
    seed
        From `lag_seed`.
    """

    def __init__(self, lag: Lag, seed: int) -> None:
        self._lag = lag
        self._seed = seed
        self._sent = 0
        self._last_ns = -(2**63)
        self.feed_ns = -1
        """What the venue's last market event took to reach the writer; -1 before there is any."""

    def lag_ns(self) -> int:
        """Return the lag of the next message."""
        lag, self._sent = self._lag, self._sent + 1
        if lag.model.kind == LatencyKind.LOG_NORMAL:
            return int(drawn_ns(lag.ns, lag.model.sigma, self._seed, self._sent))
        if lag.model.kind == LatencyKind.FROM_DATA and self.feed_ns >= 0:
            return int(self.feed_ns * lag.model.factor + 0.5)
        return lag.ns

    def arrival_ns(self, sent_ns: int) -> int:
        """Return when a message sent now arrives."""
        self._last_ns = in_turn_ns(self._last_ns, sent_ns, self.lag_ns())
        return self._last_ns

    def view_ns(self, now_ns: int) -> int:
        """Return the instant whose state a read made now returns; it never goes back."""
        self._last_ns = max(self._last_ns, now_ns - self.lag_ns())
        return self._last_ns
