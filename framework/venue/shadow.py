"""Shadow orders: what each queue model believes, beside where the order exactly stands.

A shadow is an order of no size that joins a level of order-by-order data just before a real order
does. Its exact place follows from the order ids. Beside it run the models that see the level's
size and trades only, step by step as the simulated exchange would run them for a resting order.

A shadow is *censored* where its level is told anew by quantity, or an order is met that must have
joined unseen: from then on its place is a guess.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from framework._jit import cold, kernel
from framework.book.ladder import apply, clear_half, level_lots
from framework.book.queue_l3 import (
    clear_queue,
    find_level,
    find_order,
    follow,
    has_room,
    levels_of,
    lots_ahead,
    next_stamp,
    nodes_of,
)
from framework.book.window import halves_of
from framework.core.events import EventFlag, EventKind, I64Array, Records
from framework.venue.queue import front_after_depth

_I, _F = np.int64, np.float64

SHADOW_DTYPE: Final = np.dtype(
    [
        *((name, _I) for name in ("h", "z", "stamp", "start_ns", "last_ns", "ahead0_lots")),
        *((name, _I) for name in ("ahead_lots", "events", "front_ns", "end_ns", "censored")),
    ]
)
"""One shadow: exact ``ahead_lots`` now and at the start, ``front_ns`` when it reached 0 (-1 never),
``end_ns`` when it was no longer watched (-1: still is), ``events`` that moved its level before it
was at the front."""

ESTIMATE_DTYPE: Final = np.dtype(
    [
        *((name, _F) for name in ("front", "traded", "bias_lot_ns", "error_lot_ns")),
        *((name, _F) for name in ("bias_lots", "error_lots")),
        ("front_ns", _I),
    ]
)
"""One model's belief about one shadow. Signed and absolute errors of the quantity ahead are summed
over time (``_lot_ns``) and over events (``_lots``) until the shadow is at the front."""

MODEL_DTYPE: Final = np.dtype([("model", _I), ("power", _F), ("lot_quantity", _F)])

EXECUTION_DTYPE: Final = np.dtype(
    [
        (name, _I)
        for name in ("ts_ns", "h", "z", "lots", "order_id", "verdict", "ahead_lots", "ahead_orders")
    ]
)
"""One visible execution and what the queue said before it."""


class Verdict(IntEnum):
    """Who stood first where an order was executed."""

    FIRST = 0
    """The executed order."""
    ANONYMOUS_FIRST = 1
    """Quantity of unknown ids; so was the executed order's."""
    BEHIND_ANONYMOUS = 2
    """Quantity of unknown ids, though the executed order is known."""
    BEHIND_ORDERS = 3
    """Another known order, of the executed order's level."""
    UNSEEN = 4
    """A known order, though the executed order's id is unknown: it joined unseen."""


class C(IntEnum):
    """Places in `ShadowBook.counts`."""

    EVERY = 0
    """One in how many orders that join the touch gets a shadow."""
    JOINED = 1
    SHADOWS = 2
    ACTIVE = 3
    EXECUTIONS = 4
    SIZE = 5


class E(IntEnum):
    """Columns of the events."""

    TS = 0
    KIND = 1
    SIDE = 2
    FLAGS = 3
    PX = 4
    QTY = 5
    ORDER_ID = 6


class ShadowBook(NamedTuple):
    """One book, its queues and its shadows."""

    ladders: I64Array
    queues: I64Array
    counts: I64Array
    models: Records
    """`MODEL_DTYPE`, shape ``(n_models,)``."""
    shadows: Records
    active: I64Array
    """Indices of the shadows being watched."""
    estimates: Records
    """`ESTIMATE_DTYPE`, shape ``(n_shadows * n_models,)``."""
    executions: Records


_DEPTH, _CLEAR = int(EventKind.DEPTH), int(EventKind.CLEAR)
_ADD, _EXECUTE = int(EventKind.ORDER_ADD), int(EventKind.ORDER_EXECUTE)
_HIDDEN = int(EventKind.HIDDEN_TRADE)
_SNAPSHOT = int(EventFlag.SNAPSHOT)
_TS, _KIND, _SIDE, _FLAGS = int(E.TS), int(E.KIND), int(E.SIDE), int(E.FLAGS)
_PX, _QTY, _ORDER_ID = int(E.PX), int(E.QTY), int(E.ORDER_ID)
_EVERY, _JOINED, _SHADOWS = int(C.EVERY), int(C.JOINED), int(C.SHADOWS)
_ACTIVE, _EXECUTIONS = int(C.ACTIVE), int(C.EXECUTIONS)
_FIRST, _ANONYMOUS_FIRST = int(Verdict.FIRST), int(Verdict.ANONYMOUS_FIRST)
_BEHIND_ANONYMOUS, _BEHIND_ORDERS = int(Verdict.BEHIND_ANONYMOUS), int(Verdict.BEHIND_ORDERS)
_UNSEEN = int(Verdict.UNSEEN)
_AT_FRONT: Final = 0.5  # lots are whole: less than half a lot ahead is nobody


@kernel
def _judge(book: ShadowBook, h: int, z: int, event: I64Array) -> None:
    """Write down an execution and who stood first."""
    cold()
    nodes = nodes_of(book.queues)
    row = book.executions[book.counts[_EXECUTIONS]]
    book.counts[_EXECUTIONS] += 1
    row.ts_ns, row.h, row.z = event[_TS], h, z
    row.lots, row.order_id = event[_QTY], event[_ORDER_ID]
    executed = find_order(book.queues, h >> 1, event[_ORDER_ID])
    level = find_level(book.queues, h, z)
    n = -1 if level < 0 else levels_of(book.queues)[level].first
    if executed < 0:
        anonymous = n >= 0 and nodes[n].id == 0
        row.verdict = _ANONYMOUS_FIRST if anonymous else _UNSEEN
        return
    known = 0
    while n != executed and n >= 0:
        row.ahead_lots += nodes[n].lots
        row.ahead_orders += 1
        known += nodes[n].id != 0
        n = nodes[n].after
    row.verdict = _FIRST
    if row.ahead_orders:
        row.verdict = _BEHIND_ORDERS if known else _BEHIND_ANONYMOUS


@kernel
def _cast(book: ShadowBook, h: int, z: int, ts_ns: int, shown: int) -> None:
    """Let a shadow join a level that shows a quantity, behind everybody."""
    cold()
    s = book.counts[_SHADOWS]
    book.counts[_SHADOWS] = s + 1
    book.active[book.counts[_ACTIVE]] = s
    book.counts[_ACTIVE] += 1
    shadow = book.shadows[s]
    shadow.h, shadow.z = h, z
    shadow.stamp = next_stamp(book.queues)
    shadow.start_ns = shadow.last_ns = ts_ns
    shadow.ahead0_lots = shadow.ahead_lots = lots_ahead(book.queues, h, z, shadow.stamp)
    shadow.front_ns = shadow.end_ns = shadow.events = -1
    n = book.models.size
    for m in range(n):
        estimate = book.estimates[s * n + m]
        estimate.front = float(shown)
        estimate.front_ns = -1


@kernel
def _score(book: ShadowBook, s: int, ts_ns: int) -> None:
    """Add up the errors of a shadow's estimates since its level last moved."""
    shadow = book.shadows[s]
    passed_ns = ts_ns - shadow.last_ns
    n = book.models.size
    for m in range(n):
        estimate = book.estimates[s * n + m]
        error = max(estimate.front, 0.0) - shadow.ahead_lots
        estimate.bias_lot_ns += error * passed_ns
        estimate.error_lot_ns += abs(error) * passed_ns
        estimate.bias_lots += error
        estimate.error_lots += abs(error)
    shadow.last_ns = ts_ns
    shadow.events += 1


@kernel
def _believe(book: ShadowBook, s: int, event: I64Array, before: int, now: int) -> bool:
    """Let every model see what the level shows; true where all think the shadow at the front."""
    n = book.models.size
    all_at_front = True
    for m in range(n):
        model, estimate = book.models[m], book.estimates[s * n + m]
        if event[_KIND] in (_EXECUTE, _HIDDEN):
            estimate.front = max(estimate.front - event[_QTY], 0.0)
            estimate.traded += event[_QTY]
        if event[_KIND] != _HIDDEN:
            estimate.front = front_after_depth(
                model.model,
                model.power,
                model.lot_quantity,
                estimate.front,
                estimate.traded,
                before,
                now,
            )
            estimate.traded = 0.0
        if estimate.front < _AT_FRONT and estimate.front_ns < 0:
            estimate.front_ns = event[_TS]
        all_at_front &= estimate.front_ns >= 0
    return all_at_front


@kernel
def _watch(book: ShadowBook, h: int, z: int, event: I64Array, before: int) -> None:
    """Show an event of a level to the shadows that stand there."""
    cold()
    now = level_lots(book.ladders, h, z)
    i = 0
    while i < book.counts[_ACTIVE]:
        s = book.active[i]
        shadow = book.shadows[s]
        if shadow.h != h or shadow.z != z:
            i += 1
            continue
        if shadow.events < 0:
            shadow.events = 0  # the order it joined just before
        elif shadow.front_ns < 0:
            _score(book, s, event[_TS])
        shadow.ahead_lots = lots_ahead(book.queues, h, z, shadow.stamp)
        if shadow.ahead_lots == 0 and shadow.front_ns < 0:
            shadow.front_ns = event[_TS]
        if _believe(book, s, event, before, now) and shadow.front_ns >= 0:
            _end(book, i, event[_TS], 0)
        else:
            i += 1


@kernel
def _end(book: ShadowBook, i: int, ts_ns: int, censored: int) -> None:
    shadow = book.shadows[book.active[i]]
    shadow.end_ns = ts_ns
    shadow.censored = censored
    book.counts[_ACTIVE] -= 1
    book.active[i] = book.active[book.counts[_ACTIVE]]


@kernel
def _censor(book: ShadowBook, h: int, z: int, any_z: bool, ts_ns: int) -> None:
    """End the shadows of a level, or of a half, whose further course was not seen."""
    cold()
    i = 0
    while i < book.counts[_ACTIVE]:
        shadow = book.shadows[book.active[i]]
        if shadow.h == h and (any_z or shadow.z == z):
            _end(book, i, ts_ns, 1)
        else:
            i += 1


@kernel
def _met_unseen(book: ShadowBook, h: int, z: int, event: I64Array) -> bool:
    """True where an event tells of lots that the queue knows as somebody else's."""
    nodes = nodes_of(book.queues)
    n = find_order(book.queues, h >> 1, event[_ORDER_ID])
    if n >= 0:
        return event[_QTY] > nodes[n].lots
    level = find_level(book.queues, h, z)
    first = -1 if level < 0 else levels_of(book.queues)[level].first
    return first < 0 or nodes[first].id != 0 or nodes[first].lots < event[_QTY]


@kernel
def _clear(book: ShadowBook, side: int, ts_ns: int) -> None:
    cold()
    for h in range(side < 0, 1 + (side <= 0)):
        clear_half(book.ladders, h)
        clear_queue(book.queues, h)
        _censor(book, h, 0, True, ts_ns)


@kernel
def _order(book: ShadowBook, h: int, z: int, event: I64Array, before: int) -> bool:
    """Let an event of a named order happen; false where the ladder must grow first."""
    kind, lots = event[_KIND], event[_QTY]
    joins = kind == _ADD and before > 0 and z == halves_of(book.ladders)[h].best
    joins &= event[_FLAGS] & _SNAPSHOT == 0
    if apply(book.ladders, 0, kind, event[_SIDE], event[_PX], lots, 0) < 0:
        return False
    if joins:
        book.counts[_JOINED] += 1
        if book.counts[_JOINED] % book.counts[_EVERY] == 0:
            _cast(book, h, z, event[_TS], before)
    if kind == _EXECUTE:
        _judge(book, h, z, event)
    follow(book.queues, h, kind, z, lots, event[_ORDER_ID])
    return True


@kernel
def follow_shadows(book: ShadowBook, events: I64Array, first: int) -> int:
    """Replay events of one book from a row on and follow every shadow.

    Parameters
    ----------
    events
        Columns `E`, shape ``(n_events, 7)``.

    Returns
    -------
    row
        The number of events, or the row before which a ladder or the queues must grow.
    """
    for i in range(first, events.shape[0]):
        event = events[i]
        kind, side = event[_KIND], event[_SIDE]
        h = int(side < 0)
        z = side * event[_PX]
        if not has_room(book.queues):
            return i
        if kind == _CLEAR:
            _clear(book, side, event[_TS])
        elif kind == _DEPTH:
            if apply(book.ladders, 0, kind, side, event[_PX], event[_QTY], 0) < 0:
                return i
            follow(book.queues, h, kind, z, event[_QTY], 0)
            _censor(book, h, z, False, event[_TS])
        elif _ADD <= kind <= _EXECUTE:
            before = level_lots(book.ladders, h, z)
            unseen = kind != _ADD and _met_unseen(book, h, z, event)
            if not _order(book, h, z, event, before):
                return i
            if unseen:
                _censor(book, h, z, False, event[_TS])
            else:
                _watch(book, h, z, event, before)
        elif kind == _HIDDEN and side != 0:
            _watch(book, h, z, event, level_lots(book.ladders, h, z))
    return events.shape[0]
