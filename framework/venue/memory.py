"""The engine's memory: the arrays behind the world, and the chunk of the market before the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from framework.book.ladder import Ladders
from framework.book.queue_l3 import OrderQueues
from framework.core.events import NO_PRICE, I32Array, I64Array, Tape
from framework.core.links import LatencyKind
from framework.core.orders import Journal
from framework.venue.due import Due
from framework.venue.feed import bring_known
from framework.venue.records import (
    ACCOUNT_DTYPE,
    CONSUMED_DTYPE,
    JOURNAL_DTYPE,
    MAIL_DTYPE,
    ORDER_DTYPE,
    OUTBOX_DTYPE,
    SAMPLE_DTYPE,
    SETTLEMENT_DTYPE,
    TIER_DTYPE,
    TOP_DTYPE,
    TRIAL_DTYPE,
    TopNow,
)
from framework.venue.store_arrays import StoreArrays, empty_view
from framework.venue.world import FOREVER, INTEREST, W

MAILS_PER_ORDER: Final = 4
"""Messages on their way, one way, that there is room for with each order slot."""


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
    store
        The store that strategies read; None where they see what reaches us.
    """

    def __init__(
        self,
        streams: np.ndarray,
        n_trials: int,
        *,
        slots: int = 128,
        consumed_slots: int = 512,
        journal_rows: int = 1 << 13,
        tiers: np.ndarray | None = None,
        settlements: np.ndarray | None = None,
        store: StoreArrays | None = None,
    ) -> None:
        self.root: I64Array = np.zeros(W.SIZE, np.int64)
        self.streams = streams
        self.store = store
        self.tiers = np.zeros(0, TIER_DTYPE) if tiers is None else tiers
        self.settlements = np.zeros(0, SETTLEMENT_DTYPE) if settlements is None else settlements
        self._make_market()
        self._make_trials(n_trials, slots, consumed_slots)
        self._make_buffers(n_trials, slots, journal_rows)
        self._set_scalars(n_trials, slots, consumed_slots)
        self._publish()

    def _make_market(self) -> None:
        """Make what all trials share: the books, what is known of them, and their tops."""
        n_books, halves = self.streams.size, 2 * self.streams.size
        self.venue_ladders = Ladders(n_books)
        self.known_ladders = Ladders(n_books)
        self._checkpoint = Ladders(n_books)
        self._checkpoint_row = -1
        self.queues = OrderQueues()
        self.feed = empty_view(n_books)
        self.own_top = np.full(halves, NO_PRICE, np.int64)
        self.interests = np.zeros(halves * INTEREST, np.int64)
        self.top_now = np.zeros((len(TopNow), n_books), np.int64)
        self.top_now[:] = np.arange(n_books)
        self.top_at = np.zeros(0, np.int32)
        self._late_tops = np.zeros(0, np.int32)
        self.tops = np.zeros(n_books, TOP_DTYPE)
        self.tops["bid_ticks"] = self.tops["ask_ticks"] = NO_PRICE
        self.tops["valid"] = 1
        self._tape: Tape | None = None

    def _make_trials(self, n_trials: int, slots: int, consumed_slots: int) -> None:
        """Make what each trial has of its own: orders, accounts, consumed liquidity, volumes."""
        n_books, halves = self.streams.size, 2 * self.streams.size
        self.trials = np.zeros(n_trials, TRIAL_DTYPE)
        self.trials["next_id"] = 1
        self.trials["next_timer_ns"] = FOREVER
        self.trials["alarm_ns"] = FOREVER
        self.orders = np.zeros(n_trials * slots, ORDER_DTYPE)
        self.open = np.zeros(n_trials * slots, np.int64)
        self.live = np.zeros(n_trials * halves * slots, np.int64)
        self.n_live = np.zeros(n_trials * halves, np.int64)
        self.own_best = np.full(n_trials * halves, NO_PRICE, np.int64)
        self.watchers = np.zeros(halves * INTEREST * (n_trials + 63 >> 6), np.uint64)
        self.due = np.full(len(Due) * n_trials, FOREVER, np.int64)
        self.accounts = np.zeros(n_trials * n_books, ACCOUNT_DTYPE)
        self.consumed = np.zeros(n_trials * consumed_slots, CONSUMED_DTYPE)
        self.volumes = np.zeros(n_trials * self._n_venues * (self._volume_days + 1), np.float64)

    def _make_buffers(self, n_trials: int, slots: int, journal_rows: int) -> None:
        """Make what passes messages and rows: outbox, mail, journal, samples."""
        self.outbox = np.zeros(MAILS_PER_ORDER * slots, OUTBOX_DTYPE)
        self.mail = np.zeros(2 * n_trials * self.outbox.size, MAIL_DTYPE)
        # One step may fill every order of every trial; the loop asks for a drain before that.
        # Of few trials they stay in the cache; of many, each drain should give each trial many.
        journal_slots = max(journal_rows, 24 * n_trials * slots, (n_trials - 1) * journal_rows)
        self.journal = np.zeros(journal_slots, JOURNAL_DTYPE)
        self.samples = np.zeros(max(1 << 14, 2 * n_trials * self.streams.size), SAMPLE_DTYPE)

    @property
    def _n_venues(self) -> int:
        return int(self.streams["venue"].max(initial=-1)) + 1

    @property
    def _volume_days(self) -> int:
        return int(self.streams["window_days"].max(initial=0))

    def _set_scalars(self, n_trials: int, slots: int, consumed_slots: int) -> None:
        scalars = {
            W.SELF: self.root.ctypes.data,
            W.N_TIERS: self.tiers.size,
            W.N_VENUES: self._n_venues,
            W.VOLUME_DAYS: self._volume_days,
            W.N_SETTLEMENTS: self.settlements.size,
            W.NEXT_SETTLEMENT_NS: self.settlements["ts_ns"].min(initial=FOREVER),
            W.N_BOOKS: self.streams.size,
            W.N_TRIALS: n_trials,
            W.SLOTS: slots,
            W.MAIL_SLOTS: self.outbox.size,
            W.CONSUMED_SLOTS: consumed_slots,
            W.JOURNAL_SLOTS: self.journal.size,
            W.SAMPLE_SLOTS: self.samples.size,
            W.NEXT_TOLD_NS: FOREVER,
            W.NEXT_REQUEST_NS: FOREVER,
            W.NEXT_RESPONSE_NS: FOREVER,
            W.NEXT_TIMER_NS: FOREVER,
            W.NEXT_RISK_NS: FOREVER,
            W.NEXT_SAMPLE_NS: FOREVER,
            W.NEXT_PAUSE_NS: FOREVER,
            W.KEPT_EVENTS: Journal.ALL,
            W.FIFO: 1,
            W.CHECK_ROW: FOREVER,
            W.N_TOPS: self.streams.size,
        }
        for place, value in scalars.items():
            self.root[place] = value

    def _publish(self) -> None:
        arrays = {
            W.VENUE_LADDERS: self.venue_ladders.handle,
            W.KNOWN_LADDERS: self.known_ladders.handle,
            W.QUEUES: self.queues.handle,
            W.STREAMS: self.streams,
            W.VIEW: self.view(0),
            W.FEED: self.feed,
            W.TOLD: self.feed if self.store is None else self.store.told,
            W.TRIALS: self.trials,
            W.ORDERS: self.orders,
            W.LIVE: self.live,
            W.N_LIVE: self.n_live,
            W.OWN_BEST: self.own_best,
            W.OWN_TOP: self.own_top,
            W.DUE: self.due,
            W.OPEN: self.open,
            W.ACCOUNTS: self.accounts,
            W.MAIL: self.mail,
            W.CONSUMED: self.consumed,
            W.INTERESTS: self.interests,
            W.WATCHERS: self.watchers,
            W.TOP_AT: self.top_at,
            W.TOPS: self.tops,
            W.TOP_NOW: self.top_now,
            W.OUTBOX: self.outbox,
            W.JOURNAL: self.journal,
            W.SAMPLES: self.samples,
            W.TIERS: self.tiers,
            W.VOLUMES: self.volumes,
            W.SETTLEMENTS: self.settlements,
        }
        for place, array in arrays.items():
            self.root[place] = array.ctypes.data
        if self.store is not None:
            self.root[W.STORE] = self.store.handle.ctypes.data
            # Depth documents are made of books kept row by row.
            self.root[W.FIFO] &= not self.store.has_depth

    def view(self, trial: int) -> I64Array:
        """What a trial sees of the market, rows as `View` names them."""
        return self.feed if self.store is None else self.store.views[trial]

    def load(
        self, tape: Tape, *, first_event: int, n_receivable: int, horizon_ns: int, fifo: bool = True
    ) -> None:
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
        fifo
            True where each stream's events but trades reach us in the order in which they happened.
        """
        self._carry_tops(tape.ts_exch_ns.size, first_event)
        self.streams["scanned"] = first_event
        self._tape = tape  # the world holds addresses only: keep the arrays alive
        places = range(W.TS_EXCH, W.RECV_ORDER + 1)  # in the order of the tape's columns
        columns: Sequence[np.ndarray] = tape
        for place, column in zip(places, columns, strict=True):
            self.root[place] = column.ctypes.data
        self.root[W.EVENT] = first_event
        self.root[W.N_EVENTS] = tape.ts_exch_ns.size
        self.root[W.RECEIVED] = self.root[W.KNOWN_AT] = 0
        self.root[W.N_RECEIVABLE] = n_receivable
        self.root[W.HORIZON_NS] = horizon_ns
        # Once an event has overtaken another the known books differ from any the venues had.
        self.root[W.FIFO] &= fifo
        self._plan_checkpoint()

    def _plan_checkpoint(self) -> None:
        """Find the row whose copy of the venue's ladders spares us bringing the known ones along.

        All rows before it will have reached us when the chunk ends.
        """
        self._checkpoint_row = -1
        self.root[W.CHECK_ROW] = FOREVER
        if not self.root[W.FIFO] or self.root[W.DEPTH_READ]:
            return
        row = int(self._late_rows().min(initial=self.root[W.N_EVENTS]))
        if row >= self.root[W.EVENT]:
            self.root[W.CHECK_ROW] = row

    def checkpoint(self) -> None:
        """Copy the venue's ladders as they stand before the row asked for."""
        self._checkpoint.copy_from(self.venue_ladders)
        self._checkpoint_row = int(self.root[W.CHECK_ROW])
        self.root[W.CHECK_ROW] = FOREVER

    def grow_ladders(self) -> None:
        """Double the room for levels far from the touch, in every copy of the books."""
        for ladders in (self.venue_ladders, self.known_ladders, self._checkpoint):
            ladders.grow_far()

    def grow_store(self) -> None:
        """Double the rows that the store keeps of each stream."""
        assert self.store is not None
        self.store.grow()

    def leave(self) -> None:
        """Keep of the chunk in hand what outlives it, once the loop is done with it.

        The arrays of the chunk may be used for another one from then on.
        """
        self._remember_feeds()
        self._late_tops = self.top_at[self._late_rows()]
        if self.root[W.FIFO]:
            from_row = 0
            if self._checkpoint_row >= 0 and not self.root[W.DEPTH_READ]:
                self.known_ladders.copy_from(self._checkpoint)
                from_row = self._checkpoint_row
            bring_known(self.root, from_row)
        self.root[W.CHECK_ROW] = FOREVER
        self.root[W.EVENT] = self.root[W.N_EVENTS] = 0
        self.root[W.RECEIVED] = self.root[W.KNOWN_AT] = self.root[W.N_RECEIVABLE] = 0
        self._tape = None

    def _late_rows(self) -> I32Array:
        """Rows of the chunk that have happened and will reach us during a later one."""
        assert self._tape is not None
        return np.sort(self._tape.recv_order[self.root[W.N_RECEIVABLE] :])

    def _carry_tops(self, n_events: int, n_carried: int) -> None:
        """Make room for a chunk's tops and carry over those that have not reached us yet."""
        kept = self.tops[np.concatenate([self.top_now.reshape(-1), self._late_tops])]
        room = n_events + kept.size + 1
        if self.tops.size < room or self.top_at.size < n_events:
            self.tops = np.zeros(room + (room >> 2), TOP_DTYPE)
            self.top_at = np.zeros(n_events + (n_events >> 2), np.int32)
        self.tops[: kept.size] = kept
        numbers = np.arange(kept.size)
        self.top_now[:] = numbers[: self.top_now.size].reshape(self.top_now.shape)
        self.top_at[:n_carried] = numbers[self.top_now.size :]
        self.root[W.N_TOPS] = kept.size
        self.root[W.TOPS] = self.tops.ctypes.data
        self.root[W.TOP_AT] = self.top_at.ctypes.data

    def _remember_feeds(self) -> None:
        """Note each book's last feed latency, for responses early in the next chunk."""
        assert self._tape is not None
        for b, stream in enumerate(self.streams):
            if stream["response_kind"] != LatencyKind.FROM_DATA:
                continue
            rows = np.flatnonzero(self._tape.book[stream["scanned"] :] == b)
            if rows.size:
                last = stream["scanned"] + rows[-1]
                stream["feed_ns"] = self._tape.ts_recv_ns[last] - self._tape.ts_exch_ns[last]
