"""The one table of order states: what may happen to an order in each, and where that leads.

A kernel moves an order by naming a step, never a state. A step that the order's state does not have
leaves the order alone and stops the run, so an illegal transition cannot be carried out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.core.orders import JournalEvent, TimeInForce
from framework.venue.mail import withdraw
from framework.venue.records import Request, Status, VenueState
from framework.venue.world import W, orders_of


class OrderStep(IntEnum):
    """What moves an order from one state to the next."""

    SUBMIT = 0
    REFUSE = 1
    ACCEPT = 2
    WAIT = 3
    TRIGGER = 4
    REST = 5
    FILL_PART = 6
    FILL_ALL = 7
    AMEND = 8
    """What is left of it is set anew where it stands."""
    REFRESH = 9
    REQUEUE = 10
    """It leaves its place for another, and is matched on the way as if it arrived."""
    CANCEL = 11
    EXPIRE = 12


ILLEGAL: Final = -1

_FREE, _IN_FLIGHT, _OVER = VenueState.FREE, VenueState.IN_FLIGHT, VenueState.OVER
_ARRIVED, _WAITING, _LIVE = VenueState.ARRIVED, VenueState.WAITING, VenueState.LIVE

TRANSITIONS: Final[dict[VenueState, dict[OrderStep, VenueState]]] = {
    _FREE: {OrderStep.SUBMIT: _IN_FLIGHT},
    _IN_FLIGHT: {OrderStep.REFUSE: _OVER, OrderStep.ACCEPT: _ARRIVED},
    _ARRIVED: {
        OrderStep.WAIT: _WAITING,
        OrderStep.REST: _LIVE,
        OrderStep.FILL_PART: _ARRIVED,
        OrderStep.FILL_ALL: _OVER,
        OrderStep.AMEND: _ARRIVED,
        OrderStep.CANCEL: _OVER,
        OrderStep.EXPIRE: _OVER,
    },
    _WAITING: {
        OrderStep.TRIGGER: _ARRIVED,
        OrderStep.CANCEL: _OVER,
        OrderStep.EXPIRE: _OVER,
    },
    _LIVE: {
        OrderStep.FILL_PART: _LIVE,
        OrderStep.FILL_ALL: _OVER,
        OrderStep.AMEND: _LIVE,
        OrderStep.REFRESH: _LIVE,
        OrderStep.REQUEUE: _ARRIVED,
        OrderStep.CANCEL: _OVER,
        OrderStep.EXPIRE: _OVER,
    },
    _OVER: {OrderStep.SUBMIT: _IN_FLIGHT},  # the slot is used again
}
"""What may happen in each state and the state it leads to; anything else is illegal."""


def _as_array() -> I64Array:
    table = np.full((len(VenueState), len(OrderStep)), ILLEGAL, np.int64)
    for state, ways in TRANSITIONS.items():
        for step, following in ways.items():
            table[state, step] = following
    return table


_TABLE: Final = _as_array()
_ILLEGAL_STEP, _EXPIRE = int(Status.ILLEGAL_STEP), int(Request.EXPIRE)
_GTD, _ENDED = int(TimeInForce.GTD), int(VenueState.OVER)


def _steps() -> I64Array:
    table = np.full(max(JournalEvent) + 1, ILLEGAL, np.int64)
    table[JournalEvent.ACCEPTED] = OrderStep.ACCEPT
    table[JournalEvent.REJECTED] = OrderStep.REFUSE
    table[JournalEvent.EXPIRED] = OrderStep.EXPIRE
    table[JournalEvent.CANCELLED] = OrderStep.CANCEL
    table[JournalEvent.TRIGGERED] = OrderStep.TRIGGER
    table[JournalEvent.DECREMENTED] = OrderStep.AMEND
    table[JournalEvent.REFRESHED] = OrderStep.REFRESH
    table[JournalEvent.REPLACED] = OrderStep.AMEND
    return table


STEP_OF_EVENT: Final = _steps()
"""The step that a journal row stands for; `ILLEGAL` for rows that move nothing, and for fills,
which move an order by what they leave of it."""


@kernel
def move(world: I64Array, k: int, o: int, step: int) -> bool:
    """Move an order by a step; false, and the run is stopped, where its state does not have it."""
    cold()
    order = orders_of(world, k)[o]
    following = _TABLE[order.venue_state, step]
    if following < 0:
        world[W.STATUS] = _ILLEGAL_STEP
        return False
    order.venue_state = following
    if following == _ENDED and order.tif == _GTD:
        withdraw(world, k, _EXPIRE, order.id)
    return True
