"""The engine's memory: what the market shows, what each trial owns, and how kernels reach it.

One int64 array, the *world*, holds scalars and the addresses of every other array. Kernels and the
Python side read the same bytes, so a strategy sees the same state interpreted or compiled, and
entering a kernel costs one argument.

Index conventions: ``b`` a book, ``h = 2 * b + (side < 0)`` a half, ``k`` a trial,
``z = side * px_ticks`` a signed price (larger is better on either side).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, auto
from typing import Final

import numpy as np

from framework._jit import array_at, kernel
from framework.book.ladder import Ladders
from framework.book.queue_l3 import OrderQueues
from framework.core.events import NO_PRICE, I64Array, Records, Tape
from framework.core.links import LatencyKind
from framework.venue.records import (
    ACCOUNT_DTYPE,
    CONSUMED_DTYPE,
    JOURNAL_DTYPE,
    MAIL_DTYPE,
    ORDER_DTYPE,
    OUTBOX_DTYPE,
    SAMPLE_DTYPE,
    SETTLEMENT_DTYPE,
    STREAM_DTYPE,
    TIER_DTYPE,
    TRIAL_DTYPE,
    View,
)

FOREVER: Final = np.iinfo(np.int64).max
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
    START_NS = auto()
    """Strategies sleep until then; earlier events only build the books."""
    LAST_NS = auto()
    """Latest instant of the whole market so far, on either clock."""
    # Earliest instants at which any trial has something to do.
    NEXT_REQUEST_NS = auto()
    NEXT_RESPONSE_NS = auto()
    NEXT_TIMER_NS = auto()
    NEXT_SAMPLE_NS = auto()
    SAMPLE_INTERVAL_NS = auto()
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
    VENUE_LADDERS = auto()
    KNOWN_LADDERS = auto()
    QUEUES = auto()
    STREAMS = auto()
    VIEW = auto()
    TRIALS = auto()
    ORDERS = auto()
    LIVE = auto()
    N_LIVE = auto()
    OWN_BEST = auto()
    OPEN = auto()
    ACCOUNTS = auto()
    MAIL = auto()
    CONSUMED = auto()
    INTERESTS = auto()
    OUTBOX = auto()
    JOURNAL = auto()
    SAMPLES = auto()
    TIERS = auto()
    VOLUMES = auto()
    SETTLEMENTS = auto()
    SIZE = auto()


class World:
    """Owns the arrays behind the world.

    Parameters
    ----------
    streams
        `STREAM_DTYPE`, shape ``(n_books,)``.
    n_trials
        Trials that share the market.
    slots
        Orders a trial may have open at once, a power of two.
    consumed_slots
        Price levels whose taken quantity a trial remembers.
    tiers, settlements
        `TIER_DTYPE` and `SETTLEMENT_DTYPE` by time, what the streams' costs need of them.
    """

    def __init__(
        self,
        streams: np.ndarray,
        n_trials: int,
        *,
        slots: int = 128,
        consumed_slots: int = 512,
        journal_rows: int = 1 << 16,
        tiers: np.ndarray | None = None,
        settlements: np.ndarray | None = None,
    ) -> None:
        n_books, halves = streams.size, 2 * streams.size
        self.root: I64Array = np.zeros(W.SIZE, np.int64)
        self.venue_ladders = Ladders(n_books)
        self.known_ladders = Ladders(n_books)
        self.queues = OrderQueues()
        self.streams = streams
        self.view = np.zeros((len(View), n_books), np.int64)
        self.view[[View.BID, View.ASK, View.TRADE_PX]] = NO_PRICE
        self.view[View.VALID] = 1
        self.trials = np.zeros(n_trials, TRIAL_DTYPE)
        self.trials["next_id"] = 1
        self.trials["next_timer_ns"] = FOREVER
        self.trials["alarm_ns"] = FOREVER
        self.orders = np.zeros(n_trials * slots, ORDER_DTYPE)
        self.live = np.zeros(n_trials * halves * slots, np.int64)
        self.n_live = np.zeros(n_trials * halves, np.int64)
        self.own_best = np.full(n_trials * halves, NO_PRICE, np.int64)
        self.open = np.zeros(n_trials * slots, np.int64)
        self.accounts = np.zeros(n_trials * n_books, ACCOUNT_DTYPE)
        mail_slots = 4 * slots
        self.mail = np.zeros(2 * n_trials * mail_slots, MAIL_DTYPE)
        self.consumed = np.zeros(n_trials * consumed_slots, CONSUMED_DTYPE)
        self.interests = np.zeros(halves * INTEREST, np.int64)
        self.outbox = np.zeros(mail_slots, OUTBOX_DTYPE)
        # One step may fill every order of every trial; the loop asks for a drain before that.
        journal_slots = max(journal_rows, 24 * n_trials * slots)
        self.journal = np.zeros(journal_slots, JOURNAL_DTYPE)
        self.samples = np.zeros(max(1 << 14, 2 * n_trials * n_books), SAMPLE_DTYPE)
        self._tape: Tape | None = None
        self.tiers = np.zeros(0, TIER_DTYPE) if tiers is None else tiers
        self.settlements = np.zeros(0, SETTLEMENT_DTYPE) if settlements is None else settlements
        n_venues = int(streams["venue"].max(initial=-1)) + 1
        days = int(streams["window_days"].max(initial=0)) if n_venues else 0
        self.volumes = np.zeros(n_trials * n_venues * (days + 1), np.float64)
        scalars = {
            W.SELF: self.root.ctypes.data,
            W.N_TIERS: self.tiers.size,
            W.N_VENUES: n_venues,
            W.VOLUME_DAYS: days,
            W.N_SETTLEMENTS: self.settlements.size,
            W.NEXT_SETTLEMENT_NS: self.settlements["ts_ns"].min(initial=FOREVER),
            W.N_BOOKS: n_books,
            W.N_TRIALS: n_trials,
            W.SLOTS: slots,
            W.MAIL_SLOTS: mail_slots,
            W.CONSUMED_SLOTS: consumed_slots,
            W.JOURNAL_SLOTS: journal_slots,
            W.SAMPLE_SLOTS: self.samples.size,
            W.NEXT_REQUEST_NS: FOREVER,
            W.NEXT_RESPONSE_NS: FOREVER,
            W.NEXT_TIMER_NS: FOREVER,
            W.NEXT_SAMPLE_NS: FOREVER,
        }
        for place, value in scalars.items():
            self.root[place] = value
        self._publish()

    def _publish(self) -> None:
        arrays = {
            W.VENUE_LADDERS: self.venue_ladders.handle,
            W.KNOWN_LADDERS: self.known_ladders.handle,
            W.QUEUES: self.queues.handle,
            W.STREAMS: self.streams,
            W.VIEW: self.view,
            W.TRIALS: self.trials,
            W.ORDERS: self.orders,
            W.LIVE: self.live,
            W.N_LIVE: self.n_live,
            W.OWN_BEST: self.own_best,
            W.OPEN: self.open,
            W.ACCOUNTS: self.accounts,
            W.MAIL: self.mail,
            W.CONSUMED: self.consumed,
            W.INTERESTS: self.interests,
            W.OUTBOX: self.outbox,
            W.JOURNAL: self.journal,
            W.SAMPLES: self.samples,
            W.TIERS: self.tiers,
            W.VOLUMES: self.volumes,
            W.SETTLEMENTS: self.settlements,
        }
        for place, array in arrays.items():
            self.root[place] = array.ctypes.data

    def load(self, tape: Tape, *, first_event: int, n_receivable: int, horizon_ns: int) -> None:
        """Put a chunk of the market before the loop.

        Parameters
        ----------
        tape
            The chunk; rows before `first_event` have happened but not all have reached us.
        first_event
            First row that has not happened yet.
        n_receivable
            How many of `tape.recv_order` reach us before anything of a later chunk can.
        horizon_ns
            Exchange time of the first event of the next chunk, `FOREVER` at the end.
        """
        self._remember_feeds()
        self.streams["scanned"] = first_event
        self._tape = tape  # the world holds addresses only: keep the arrays alive
        places = range(W.TS_EXCH, W.RECV_ORDER + 1)  # in the order of the tape's columns
        columns: Sequence[np.ndarray] = tape
        for place, column in zip(places, columns, strict=True):
            self.root[place] = column.ctypes.data
        self.root[W.EVENT] = first_event
        self.root[W.N_EVENTS] = tape.ts_exch_ns.size
        self.root[W.RECEIVED] = 0
        self.root[W.N_RECEIVABLE] = n_receivable
        self.root[W.HORIZON_NS] = horizon_ns

    def _remember_feeds(self) -> None:
        """Note each book's last feed latency, for responses early in the next chunk."""
        if self._tape is None:
            return
        for b, stream in enumerate(self.streams):
            if stream["response_kind"] != LatencyKind.FROM_DATA:
                continue
            rows = np.flatnonzero(self._tape.book[stream["scanned"] :] == b)
            if rows.size:
                last = stream["scanned"] + rows[-1]
                stream["feed_ns"] = self._tape.ts_recv_ns[last] - self._tape.ts_exch_ns[last]


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
def outbox_of(world: I64Array) -> Records:
    """Requests written during the current wake-up, records of `OUTBOX_DTYPE`."""
    return array_at(world[W.OUTBOX], world[W.MAIL_SLOTS], OUTBOX_DTYPE)
