"""How kernels reach the engine's memory: what the market shows and what each trial owns.

One int64 array, the *world*, holds scalars and the addresses of every other array, which
`framework.venue.memory` owns. Kernels and the Python side read the same bytes, so a strategy sees
the same state interpreted or compiled, and entering a kernel costs one argument.

Index conventions: ``b`` a book, ``h = 2 * b + (side < 0)`` a half, ``k`` a trial,
``z = side * px_ticks`` a signed price (larger is better on either side).
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

import numpy as np

from framework._jit import array_at, kernel
from framework.core.events import I64Array, Records, Words
from framework.venue.records import (
    ACCOUNT_DTYPE,
    CONSUMED_DTYPE,
    MAIL_DTYPE,
    ORDER_DTYPE,
    OUTBOX_DTYPE,
    STREAM_DTYPE,
    TRIAL_DTYPE,
)

FOREVER: Final = np.iinfo(np.int64).max
NEVER: Final = -FOREVER
ACTIONS_PER_INSTANT: Final = 1_000_000
"""Responses at one instant beyond which a strategy is taken to chase its own tail."""
INTEREST: Final = 1024
"""Buckets per half that say whether a price may matter to a trial."""


class W(IntEnum):
    """Places in the world array."""

    STATUS = 0
    SELF = auto()
    """Address of the world itself."""
    NOW_NS = auto()
    N_BOOKS = auto()
    N_TRIALS = auto()
    SLOTS = auto()
    """Orders a trial may have open at once, a power of two."""
    MAIL_SLOTS = auto()
    CONSUMED_SLOTS = auto()
    # What the strategy is being woken for.
    WAKE_TRIAL = auto()
    WAKE_KIND = auto()
    WAKE_A = auto()
    WAKE_B = auto()
    WAKE_C = auto()
    # Where the merged market stands.
    EVENT = auto()
    """Next row to happen at its venue."""
    N_EVENTS = auto()
    RECEIVED = auto()
    """Next position in `recv_order` to reach us."""
    N_RECEIVABLE = auto()
    HORIZON_NS = auto()
    """No event of a later chunk happens before this."""
    EVENTS_DONE = auto()
    FIFO = auto()
    """1 while book events reach us in the order in which they happened, stream by stream."""
    KNOWN_AT = auto()
    """Position in `recv_order` up to which the known ladders have been brought."""
    DEPTH_READ = auto()
    """1 once a strategy has read more of a known book than its best prices."""
    CHECK_ROW = auto()
    """Row before which the loop comes back, so that the venue's ladders can be copied."""
    N_TOPS = auto()
    START_NS = auto()
    """Strategies sleep until then; earlier events only build the books."""
    NEXT_TOLD_NS = auto()
    """When the store next tells its watchers of a change."""
    LAST_NS = auto()
    """Latest instant of the whole market so far, on either clock."""
    # Earliest instants at which any trial has something to do, and whose turn it is; see `due`.
    NEXT_REQUEST_NS = auto()
    NEXT_RESPONSE_NS = auto()
    NEXT_TIMER_NS = auto()
    NEXT_RISK_NS = auto()
    TURN_REQUEST = auto()
    TURN_RESPONSE = auto()
    TURN_TIMER = auto()
    TURN_RISK = auto()
    NEXT_SAMPLE_NS = auto()
    SAMPLE_INTERVAL_NS = auto()
    NEXT_PAUSE_NS = auto()
    """When the loop comes back for somebody to look at the trials."""
    PAUSED = auto()
    NEXT_SETTLEMENT_NS = auto()
    SETTLEMENT = auto()
    """Next of the settlements."""
    N_SETTLEMENTS = auto()
    N_TIERS = auto()
    N_VENUES = auto()
    VOLUME_DAYS = auto()
    TRACE_ID = auto()
    """Order whose queue position is written down at every change; 0 for none."""
    ANY_WAKES = auto()
    RISK = auto()
    """1 where requests pass through the risk room."""
    # Fan-out of one received event over the trials; it survives a return to Python.
    FAN_OPEN = auto()
    FAN_BOOK = auto()
    FAN_TRADED = auto()
    FAN_BEST = auto()
    FAN_TOP = auto()
    FAN_TRIAL = auto()
    FAN_STEP = auto()
    N_OUTBOX = auto()
    N_JOURNAL = auto()
    JOURNAL_ROW = auto()
    """Row of the journal begun last."""
    KEPT_EVENTS = auto()
    """Bits of the `JournalEvent`s whose rows are kept."""
    JOURNAL_SLOTS = auto()
    N_SAMPLES = auto()
    SAMPLE_SLOTS = auto()
    ACTED_NS = auto()
    ACTIONS = auto()
    """Responses heard at the instant `ACTED_NS`."""
    # Orders that watch the market rather than a price; a count of 0 spares the loop the question.
    N_STOPS = auto()
    N_PEGS = auto()
    # What a trade has just taken from a half while the data still shows it (half 0: plus one).
    SWEPT_HALF = auto()
    SWEPT_Z = auto()
    SWEPT_LOTS = auto()
    # Addresses.
    TS_EXCH = auto()
    TS_RECV = auto()
    BOOK = auto()
    KIND = auto()
    SIDE = auto()
    FLAGS = auto()
    PX = auto()
    QTY = auto()
    ORDER_ID = auto()
    RECV_ORDER = auto()
    TOP_AT = auto()
    TOPS = auto()
    TOP_NOW = auto()
    VENUE_LADDERS = auto()
    KNOWN_LADDERS = auto()
    QUEUES = auto()
    STREAMS = auto()
    VIEW = auto()
    """What a strategy reads. Where it reads the store, that of the trial which is awake."""
    FEED = auto()
    """What has reached us; the view itself where no store stands in between."""
    TOLD = auto()
    """What wake-ups have told of; the view itself where no store stands in between."""
    STORE = auto()
    """Address of the store's own numbers, 0 where strategies see what reaches us."""
    TRIALS = auto()
    ORDERS = auto()
    LIVE = auto()
    N_LIVE = auto()
    OWN_BEST = auto()
    OWN_TOP = auto()
    OPEN = auto()
    DUE = auto()
    ACCOUNTS = auto()
    MAIL = auto()
    CONSUMED = auto()
    INTERESTS = auto()
    WATCHERS = auto()
    OUTBOX = auto()
    JOURNAL = auto()
    SAMPLES = auto()
    TIERS = auto()
    VOLUMES = auto()
    SETTLEMENTS = auto()
    N_SIGNALS = auto()
    SIGNALS = auto()
    RISK_LIMITS = auto()
    RISK_BOOKS = auto()
    RISK_USES = auto()
    RISK_TRIALS = auto()
    RISK_ORDERS = auto()
    RISK_RINGS = auto()
    SIZE = auto()


_ORDER_BYTES: Final = ORDER_DTYPE.itemsize
_ACCOUNT_BYTES: Final = ACCOUNT_DTYPE.itemsize
_MAIL_BYTES: Final = MAIL_DTYPE.itemsize
_CONSUMED_BYTES: Final = CONSUMED_DTYPE.itemsize


@kernel
def ladders_at_venue(world: I64Array) -> I64Array:
    """Books as they stand at their venues."""
    return array_at(world[W.VENUE_LADDERS], 9, np.int64)


@kernel
def ladders_known(world: I64Array) -> I64Array:
    """Books as far as they have reached us."""
    return array_at(world[W.KNOWN_LADDERS], 9, np.int64)


@kernel
def streams_of(world: I64Array) -> Records:
    """Records of `STREAM_DTYPE`, one a book."""
    return array_at(world[W.STREAMS], world[W.N_BOOKS], STREAM_DTYPE)


@kernel
def view_of(world: I64Array, row: int) -> I64Array:
    """One row of the view, one value a book."""
    n = world[W.N_BOOKS]
    return array_at(world[W.VIEW] + 8 * n * row, n, np.int64)


@kernel
def feed_of(world: I64Array, row: int) -> I64Array:
    """One row of what has reached us, one value a book."""
    n = world[W.N_BOOKS]
    return array_at(world[W.FEED] + 8 * n * row, n, np.int64)


@kernel
def told_of(world: I64Array, row: int) -> I64Array:
    """One row of what wake-ups have told of, one value a book."""
    n = world[W.N_BOOKS]
    return array_at(world[W.TOLD] + 8 * n * row, n, np.int64)


@kernel
def trials_of(world: I64Array) -> Records:
    """Records of `TRIAL_DTYPE`."""
    return array_at(world[W.TRIALS], world[W.N_TRIALS], TRIAL_DTYPE)


@kernel
def orders_of(world: I64Array, k: int) -> Records:
    """A trial's records of `ORDER_DTYPE`; order ``id`` stands at ``id & (slots - 1)``."""
    n = world[W.SLOTS]
    return array_at(world[W.ORDERS] + k * n * _ORDER_BYTES, n, ORDER_DTYPE)


@kernel
def live_of(world: I64Array, k: int, h: int) -> I64Array:
    """Slots of a trial's live orders in a half, best price first, then first come."""
    n = world[W.SLOTS]
    return array_at(world[W.LIVE] + 8 * n * (k * 2 * world[W.N_BOOKS] + h), n, np.int64)


@kernel
def n_live_of(world: I64Array, k: int) -> I64Array:
    """How many live orders a trial has in each half."""
    halves = 2 * world[W.N_BOOKS]
    return array_at(world[W.N_LIVE] + 8 * k * halves, halves, np.int64)


@kernel
def own_best_of(world: I64Array, h: int) -> I64Array:
    """Every trial's best signed price in a half, `NO_PRICE` where it has no live order."""
    n = world[W.N_TRIALS]
    return array_at(world[W.OWN_BEST] + 8 * n * h, n, np.int64)


@kernel
def own_top_of(world: I64Array) -> I64Array:
    """The best of every trial's best signed prices, half by half."""
    halves = 2 * world[W.N_BOOKS]
    return array_at(world[W.OWN_TOP], halves, np.int64)


@kernel
def open_of(world: I64Array, k: int) -> I64Array:
    """Ids of the orders a trial believes to be pending or open, oldest first."""
    n = world[W.SLOTS]
    return array_at(world[W.OPEN] + 8 * n * k, n, np.int64)


@kernel
def accounts_of(world: I64Array, k: int) -> Records:
    """A trial's records of `ACCOUNT_DTYPE`, one a book."""
    n = world[W.N_BOOKS]
    return array_at(world[W.ACCOUNTS] + k * n * _ACCOUNT_BYTES, n, ACCOUNT_DTYPE)


@kernel
def mail_of(world: I64Array, k: int, response: int) -> Records:
    """A trial's records of `MAIL_DTYPE`, requests or responses, by time of arrival."""
    n = world[W.MAIL_SLOTS]
    return array_at(world[W.MAIL] + (2 * k + response) * n * _MAIL_BYTES, n, MAIL_DTYPE)


@kernel
def consumed_of(world: I64Array, k: int) -> Records:
    """A trial's records of `CONSUMED_DTYPE`."""
    n = world[W.CONSUMED_SLOTS]
    return array_at(world[W.CONSUMED] + k * n * _CONSUMED_BYTES, n, CONSUMED_DTYPE)


@kernel
def interests_of(world: I64Array, h: int) -> I64Array:
    """How many orders and consumed levels fall into each price bucket of a half."""
    return array_at(world[W.INTERESTS] + 8 * INTEREST * h, INTEREST, np.int64)


@kernel
def watchers_of(world: I64Array, h: int, z: int) -> Words:
    """Trials that may care about a price, as bits; sixty-four to a word."""
    n = (world[W.N_TRIALS] + 63) >> 6
    bucket = INTEREST * h + (z & (INTEREST - 1))
    return array_at(world[W.WATCHERS] + 8 * n * bucket, n, np.uint64)


@kernel
def outbox_of(world: I64Array) -> Records:
    """Requests written during the current wake-up, records of `OUTBOX_DTYPE`."""
    return array_at(world[W.OUTBOX], world[W.MAIL_SLOTS], OUTBOX_DTYPE)
