"""What LOBSTER's orderbook rows show that its messages do not tell.

Messages are written only for the visible levels. Orders beyond them come and go unseen, and those
entered before the file starts are known only as sizes. So a book built from messages alone goes
wrong as soon as a deeper level moves into sight. `window_corrections` lists the levels to be set
so that the book equals the orderbook row on every visible level after every message.

A level pushed out of sight keeps its size, as a queue there would keep its orders, until it is seen
again or seen to be gone.
"""

from __future__ import annotations

import heapq
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framework.core.events import I64Array
from framework.lake.formats.lobster_book import NO_LEVEL_PX_E4

BoolArray = NDArray[np.bool_]

NO_LEVEL_Z: Final = -NO_LEVEL_PX_E4
"""Signed price (side · price) of an empty level: worse than every other, on both sides."""


class Corrections(NamedTuple):
    """Levels to be set just before the message of the same row is applied."""

    row: I64Array
    """Row of the message, from 0."""
    z: I64Array
    """Signed price, side · price."""
    shares: I64Array
    """Total size of the level; 0 removes it."""


class Window(NamedTuple):
    """One side of the book after each message; a better price is a larger ``z`` on either side."""

    z: I64Array
    """Signed prices, shape ``(n_messages, n_levels)``, `NO_LEVEL_Z` where there is no level."""
    shares: I64Array
    """Sizes, same shape."""
    own_z: I64Array
    """Signed price each message is about, shape ``(n_messages,)``."""
    delta: I64Array
    """Shares each message adds to that level of this side; 0 where it is about the other side."""


def window_corrections(window: Window) -> Corrections:
    """List what must be set from the second message on, given the book after the first.

    >>> window = Window(  # the best bid at 10 is deleted and a level at 9 comes into sight
    ...     z=np.array([[10], [9]]),
    ...     shares=np.array([[100], [70]]),
    ...     own_z=np.array([10, 10]),
    ...     delta=np.array([100, -100]),
    ... )
    >>> [column.tolist() for column in window_corrections(window)]
    [[1], [9], [70]]
    """
    before, _ = _shares_at(window.z[1:], window.z[:-1], window.shares[:-1])
    _, stays = _shares_at(window.z[:-1], window.z[1:], window.shares[1:])
    moved = window.delta[1:, None]
    surprise = before + np.where(_own(window, window.z[1:]), moved, 0) != window.shares[1:]
    surprise &= window.z[1:] != NO_LEVEL_Z
    emptied = _own(window, window.z[:-1]) & (window.shares[:-1] + moved == 0)
    gone = ~stays & ~emptied & (window.z[:-1] != NO_LEVEL_Z)
    edge = window.z.min(axis=1)
    opened = (edge[1:] == NO_LEVEL_Z) & (edge[:-1] != NO_LEVEL_Z)
    rows = np.flatnonzero(surprise.any(axis=1) | gone.any(axis=1) | opened)
    return _follow(window, rows, surprise, gone, edge)


def _own(window: Window, z: I64Array) -> BoolArray:
    return np.asarray((z == window.own_z[1:, None]) & (window.delta[1:, None] != 0))


def _shares_at(wanted: I64Array, z: I64Array, shares: I64Array) -> tuple[I64Array, BoolArray]:
    """Look up each wanted level among the same row's levels: its size (0) and whether it stands."""
    found = np.zeros(wanted.shape, np.int64)
    stands = np.zeros(wanted.shape, np.bool_)
    for level in range(z.shape[1]):
        same = wanted == z[:, level, None]
        found += np.where(same, shares[:, level, None], 0)
        stands |= same
    return found, stands


def _follow(
    window: Window, rows: I64Array, surprise: BoolArray, gone: BoolArray, edge: I64Array
) -> Corrections:
    """Walk through the rows in which levels enter or leave, remembering those out of sight."""
    hidden: dict[int, int] = {}
    nearest: list[int] = []  # heap of −z of hidden levels, the one next to the window first
    out: list[tuple[int, int, int]] = []
    for at in rows.tolist():
        row = at + 1
        own_z, delta = int(window.own_z[row]), int(window.delta[row])
        for level in np.flatnonzero(gone[at]).tolist():
            z = int(window.z[at, level])
            hidden[z] = int(window.shares[at, level])
            heapq.heappush(nearest, -z)
        levels = np.flatnonzero(surprise[at]).tolist()
        wrong = {int(window.z[row, k]): int(window.shares[row, k]) for k in levels}
        while nearest and -nearest[0] >= edge[row]:
            z = -heapq.heappop(nearest)
            kept = hidden.pop(z, None)
            if kept is None:
                continue
            if wrong.get(z, 0) == kept + (delta if z == own_z else 0):
                wrong.pop(z, None)
            else:
                wrong.setdefault(z, 0)
        for z, shares in wrong.items():
            # The message itself is applied afterwards and moves its own level by delta.
            out.append((row, z, max(shares - (delta if z == own_z else 0), 0)))
    columns = np.array(out, np.int64).reshape(-1, 3)
    return Corrections(columns[:, 0], columns[:, 1], columns[:, 2])
