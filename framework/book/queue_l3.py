"""Queues by order id: every level's orders in price-time priority, as order-by-order data tells.

A level is a doubly linked list of nodes, first come first. A node is one order, or an *anonymous*
quantity: what a snapshot or a depth row shows at a level without saying whose it is. Ids are found
through a hash table, levels through another.

What anonymous quantity means
-----------------------------
- A depth row that shows more than the known orders add up to appends the rest as one anonymous
  node: it stands before all that join later, so pre-open quantity is first in its queue.
- An execution or cancel of an id never added takes from the anonymous nodes of its level, first
  come first. Where there are none, an order we know was replaced unseen by one we do not: what
  stands first has been there longest, so it is taken.
- A depth row that shows less takes from the front, for the same reason.

So a queue's quantity always equals what the level shows.

Every node carries the *stamp* of when it joined, increasing over the whole of the queues, so who
stands ahead of whom is one comparison.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import EventKind, I64Array, Records

NODE_DTYPE: Final = np.dtype(
    [(name, np.int64) for name in ("id", "level", "lots", "stamp", "before", "after")]
)
"""One place in a queue; ``id`` 0 is anonymous, ``before`` and ``after`` are nodes or -1."""
LEVEL_DTYPE: Final = np.dtype([(name, np.int64) for name in ("h", "z", "lots", "first", "last")])
"""One level of half ``h``: its quantity in all, its first and last node or -1."""

NOBODY: Final = -1
"""Stands for the stamp where no node was met."""
_NONE: Final = -1
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)."""

_DEPTH, _ADD = int(EventKind.DEPTH), int(EventKind.ORDER_ADD)
_DELETE = int(EventKind.ORDER_DELETE)

# Places in the handle.
_NODES, _N_NODES, _LEVELS, _N_LEVELS = 0, 1, 2, 3
_IDS, _ID_BITS, _PRICES, _PRICE_BITS = 4, 5, 6, 7
_FREE, _FRESH, _LIVE, _KNOWN_LEVELS, _STAMP = 8, 9, 10, 11, 12
HANDLE_WORDS: Final = 13
"""Length of `OrderQueues.handle`."""


class OrderQueues:
    """The queues of all books, reached by kernels through `handle`.

    Parameters
    ----------
    nodes, levels
        Room to begin with, powers of two; `grow` doubles what has become short.
    """

    def __init__(self, *, nodes: int = 1 << 10, levels: int = 1 << 8) -> None:
        self.handle: I64Array = np.zeros(HANDLE_WORDS, np.int64)
        self.handle[_FREE] = _NONE
        self._nodes = np.zeros(nodes, NODE_DTYPE)
        self._levels = np.zeros(levels, LEVEL_DTYPE)
        self._index()

    def grow(self) -> None:
        """Double the room that has become short, keeping everything; see `has_room`."""
        if self.handle[_LIVE] + 1 >= self._nodes.size:
            self._nodes = np.concatenate([self._nodes, np.zeros_like(self._nodes)])
        if self.handle[_KNOWN_LEVELS] + 1 >= self._levels.size:
            self._levels = np.concatenate([self._levels, np.zeros_like(self._levels)])
        self._index()

    def _index(self) -> None:
        """Make both hash tables anew, at most half full."""
        self._ids = np.zeros(2 * self._nodes.size, np.int64)
        self._prices = np.zeros(2 * self._levels.size, np.int64)
        arrays = {_NODES: self._nodes, _LEVELS: self._levels, _IDS: self._ids}
        for place, array in (arrays | {_PRICES: self._prices}).items():
            self.handle[place] = array.ctypes.data
        self.handle[_N_NODES] = self._nodes.size
        self.handle[_N_LEVELS] = self._levels.size
        self.handle[_ID_BITS] = self._ids.size.bit_length() - 1
        self.handle[_PRICE_BITS] = self._prices.size.bit_length() - 1
        _fill_index(self.handle)


@kernel
def nodes_of(queues: I64Array) -> Records:
    """Records of `NODE_DTYPE`."""
    return array_at(queues[_NODES], queues[_N_NODES], NODE_DTYPE)


@kernel
def levels_of(queues: I64Array) -> Records:
    """Records of `LEVEL_DTYPE`."""
    return array_at(queues[_LEVELS], queues[_N_LEVELS], LEVEL_DTYPE)


@kernel
def _ids_of(queues: I64Array) -> I64Array:
    """Hash table of nodes by book and id, each its index plus one."""
    return array_at(queues[_IDS], 1 << queues[_ID_BITS], np.int64)


@kernel
def _prices_of(queues: I64Array) -> I64Array:
    """Hash table of levels by half and price, each its index plus one."""
    return array_at(queues[_PRICES], 1 << queues[_PRICE_BITS], np.int64)


@kernel
def _home(key: int, group: int, bits: int) -> int:
    mixed = (np.uint64(key) * _MIX) ^ (np.uint64(group) << np.uint64(32))
    return int(np.int64((mixed * _MIX) >> np.uint64(64 - bits)))


@kernel
def _id_home(queues: I64Array, n: int) -> int:
    node = nodes_of(queues)[n]
    book = levels_of(queues)[node.level].h >> 1
    return _home(node.id, book, queues[_ID_BITS])


@kernel
def _fill_index(queues: I64Array) -> None:
    cold()
    levels, prices = levels_of(queues), _prices_of(queues)
    for i in range(queues[_KNOWN_LEVELS]):
        at = _home(levels[i].z, levels[i].h, queues[_PRICE_BITS])
        while prices[at]:
            at = (at + 1) & (prices.size - 1)
        prices[at] = i + 1
        n = levels[i].first
        while n != _NONE:
            if nodes_of(queues)[n].id:
                _index_node(queues, n)
            n = nodes_of(queues)[n].after


@kernel
def _index_node(queues: I64Array, n: int) -> None:
    ids = _ids_of(queues)
    at = _id_home(queues, n)
    while ids[at]:
        at = (at + 1) & (ids.size - 1)
    ids[at] = n + 1


@kernel
def _forget_id(queues: I64Array, n: int) -> None:
    """Take a node out of the hash table, moving up what its place kept from home."""
    ids = _ids_of(queues)
    last = ids.size - 1
    hole = _id_home(queues, n)
    while ids[hole] != n + 1:
        hole = (hole + 1) & last
    at = hole
    while True:
        at = (at + 1) & last
        if ids[at] == 0:
            break
        home = _id_home(queues, ids[at] - 1)
        if ((at - home) & last) >= ((at - hole) & last):
            ids[hole] = ids[at]
            hole = at
    ids[hole] = 0


@kernel
def find_order(queues: I64Array, b: int, order_id: int) -> int:
    """Node of an order of a book, -1 where it is not known."""
    if order_id == 0:
        return _NONE
    ids, nodes = _ids_of(queues), nodes_of(queues)
    at = _home(order_id, b, queues[_ID_BITS])
    while ids[at]:
        n = ids[at] - 1
        if nodes[n].id == order_id and levels_of(queues)[nodes[n].level].h >> 1 == b:
            return n
        at = (at + 1) & (ids.size - 1)
    return _NONE


@kernel
def find_level(queues: I64Array, h: int, z: int) -> int:
    """Index of a level, -1 where it never had a quantity."""
    levels, prices = levels_of(queues), _prices_of(queues)
    at = _home(z, h, queues[_PRICE_BITS])
    while prices[at]:
        i = prices[at] - 1
        if levels[i].z == z and levels[i].h == h:
            return i
        at = (at + 1) & (prices.size - 1)
    return _NONE


@kernel
def has_room(queues: I64Array) -> bool:
    """True where one more event can be followed; else the queues must `OrderQueues.grow` first."""
    return queues[_LIVE] + 1 < queues[_N_NODES] and queues[_KNOWN_LEVELS] + 1 < queues[_N_LEVELS]


@kernel
def next_stamp(queues: I64Array) -> int:
    """Stamp of whoever joins next: every node there is has a smaller one."""
    return queues[_STAMP]


@kernel
def _new_level(queues: I64Array, h: int, z: int) -> int:
    cold()
    i = queues[_KNOWN_LEVELS]
    queues[_KNOWN_LEVELS] = i + 1
    level = levels_of(queues)[i]
    level.h, level.z, level.lots = h, z, 0
    level.first = level.last = _NONE
    prices = _prices_of(queues)
    at = _home(z, h, queues[_PRICE_BITS])
    while prices[at]:
        at = (at + 1) & (prices.size - 1)
    prices[at] = i + 1
    return i


@kernel
def _join(queues: I64Array, i: int, order_id: int, lots: int) -> int:
    """Put an order at the end of a level's queue; return its stamp."""
    nodes, level = nodes_of(queues), levels_of(queues)[i]
    n = queues[_FREE]
    if n == _NONE:
        n = queues[_FRESH]
        queues[_FRESH] = n + 1
    else:
        queues[_FREE] = nodes[n].after
    queues[_LIVE] += 1
    stamp = queues[_STAMP]
    queues[_STAMP] = stamp + 1
    node = nodes[n]
    node.id, node.level, node.lots, node.stamp = order_id, i, lots, stamp
    node.before, node.after = level.last, _NONE
    if level.last == _NONE:
        level.first = n
    else:
        nodes[level.last].after = n
    level.last = n
    level.lots += lots
    if order_id:
        _index_node(queues, n)
    return stamp


@kernel
def _take(queues: I64Array, n: int, lots: int) -> None:
    """Take lots from a node, which leaves its queue with the last of them."""
    nodes = nodes_of(queues)
    node = nodes[n]
    level = levels_of(queues)[node.level]
    level.lots -= lots
    node.lots -= lots
    if node.lots > 0:
        return
    if node.id:
        _forget_id(queues, n)
    if node.before == _NONE:
        level.first = node.after
    else:
        nodes[node.before].after = node.after
    if node.after == _NONE:
        level.last = node.before
    else:
        nodes[node.after].before = node.before
    node.after = queues[_FREE]
    queues[_FREE] = n
    queues[_LIVE] -= 1


@kernel
def _take_unknown(queues: I64Array, i: int, lots: int) -> int:
    """Take lots of an id never added from a level; return the stamp of whom it met first."""
    cold()
    nodes = nodes_of(queues)
    stamp = NOBODY
    for anonymous in (True, False):
        n = levels_of(queues)[i].first
        while n != _NONE and lots > 0:
            after = nodes[n].after
            if not anonymous or nodes[n].id == 0:
                if stamp == NOBODY:
                    stamp = nodes[n].stamp
                taken = min(lots, nodes[n].lots)
                lots -= taken
                _take(queues, n, taken)
            n = after
    return stamp


@kernel
def _show(queues: I64Array, i: int, lots: int) -> int:
    """Make a level's quantity what a depth row says."""
    cold()
    level = levels_of(queues)[i]
    if lots > level.lots:
        return _join(queues, i, 0, lots - level.lots)
    while level.lots > lots:
        _take(queues, level.first, min(nodes_of(queues)[level.first].lots, level.lots - lots))
    return NOBODY


@kernel
def follow(queues: I64Array, h: int, kind: int, z: int, lots: int, order_id: int) -> int:
    """Apply one event to its queue; return the stamp of the node it was about, or `NOBODY`.

    Parameters
    ----------
    kind
        `EventKind` ``DEPTH`` or one of ``ORDER_*``. There must be room, see `has_room`.
    order_id
        Order the row names; one never added stands for the level's anonymous quantity.
    """
    if kind in (_ADD, _DEPTH):
        i = find_level(queues, h, z)
        if i == _NONE:
            i = _new_level(queues, h, z)
        if kind == _DEPTH:
            return _show(queues, i, lots)
        n = find_order(queues, h >> 1, order_id)
        if n != _NONE:  # told twice: what stood there is no longer known by this id
            _forget_id(queues, n)
            nodes_of(queues)[n].id = 0
        return _join(queues, i, order_id, lots)
    n = find_order(queues, h >> 1, order_id)
    if n == _NONE:
        i = find_level(queues, h, z)
        return NOBODY if i == _NONE else _take_unknown(queues, i, lots)
    node = nodes_of(queues)[n]
    i, stamp, known = node.level, node.stamp, node.lots
    if kind == _DELETE and lots < known:  # the level keeps the rest, whoever it belongs to
        _forget_id(queues, n)
        node.id = 0
    _take(queues, n, min(lots, known))
    if lots > known:  # a depth row had taken some of this order for somebody else's
        _take_unknown(queues, i, lots - known)
    return stamp


@kernel
def clear_queue(queues: I64Array, h: int) -> None:
    """Empty every queue of a half."""
    cold()
    levels = levels_of(queues)
    for i in range(queues[_KNOWN_LEVELS]):
        if levels[i].h == h:
            _show(queues, i, 0)


@kernel
def lots_ahead(queues: I64Array, h: int, z: int, stamp: int) -> int:
    """Lots at a level that joined before a stamp."""
    cold()
    i = find_level(queues, h, z)
    if i == _NONE:
        return 0
    nodes = nodes_of(queues)
    total = 0
    n = levels_of(queues)[i].first
    while n != _NONE and nodes[n].stamp < stamp:
        total += nodes[n].lots
        n = nodes[n].after
    return total


@kernel
def stamp_behind(queues: I64Array, h: int, z: int, lots: int) -> int:
    """Stamp of the first node of a level that has at least ``lots`` ahead of it."""
    cold()
    i = find_level(queues, h, z)
    n = _NONE if i == _NONE else levels_of(queues)[i].first
    nodes = nodes_of(queues)
    while n != _NONE and lots > 0:
        lots -= nodes[n].lots
        n = nodes[n].after
    return queues[_STAMP] if n == _NONE else nodes[n].stamp
