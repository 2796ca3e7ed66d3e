"""When a value that was written to the state store is known to a strategy."""

from __future__ import annotations

import numpy as np

from framework.core.events import I64Array
from framework.state.lag import Lag, Messages, StoreLink, lag_seed


def available_ns(
    sent_ns: I64Array, link: StoreLink, *, seed: int = 0, client: str = ""
) -> I64Array:
    """Add the lags of the store to the instants at which values were written.

    A write sent at `sent_ns` is committed `link.write` later and told to whoever watches
    `link.notify` after that; neither writes nor notices overtake each other. The read lag has no
    part in it: a watcher keeps what it was told.

    Parameters
    ----------
    sent_ns
        Shape ``(n_rows,)``, ascending.
    link
        Lags. Those from data are as long as they are without data.
    seed, client
        Of the draws.

    >>> from framework.state import Lag, StoreLink
    >>> link = StoreLink(write=Lag(ns=5), notify=Lag(ns=2))
    >>> available_ns(np.array([10, 20]), link).tolist()
    [17, 27]
    """
    told = WrittenAndTold(link, seed=seed, client=client)
    return told.over(sent_ns)


class WrittenAndTold:
    """The way of one writer's values to one watcher; goes on over blocks of them.

    Parameters
    ----------
    link
        Lags of the store.
    seed, client
        Of the draws.
    inference
        What the writer itself takes before it writes, where it is a model.
    """

    def __init__(
        self, link: StoreLink, *, seed: int = 0, client: str = "", inference: Lag | None = None
    ) -> None:
        steps = (("inference", inference or Lag()), ("write", link.write), ("notify", link.notify))
        self._steps = [Messages(lag, lag_seed(seed, client, name)) for name, lag in steps]

    def over(self, sent_ns: I64Array) -> I64Array:
        """Return when each value is known."""
        return np.fromiter(map(self._arrival_ns, sent_ns.tolist()), np.int64, len(sent_ns))

    def _arrival_ns(self, ns: int) -> int:
        for step in self._steps:
            ns = step.arrival_ns(ns)
        return ns
