"""What the engine keeps records of: states, requests, wake-ups, and the layout of each record.

Every field is eight bytes wide, so that Python reads a record array as a flat run of integers.
``z = side * px_ticks`` is a signed price: larger is better on either side.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np


class View(IntEnum):
    """Rows of the view: what has reached us of each book, int64 of shape ``(rows, n_books)``."""

    BID = 0
    ASK = 1
    BID_LOTS = 2
    ASK_LOTS = 3
    TRADE_PX = 4
    TRADE_LOTS = 5
    TRADE_SIDE = 6
    TS_EXCH = 7
    TS_RECV = 8
    VALID = 9


class TopNow(IntEnum):
    """Rows of `top_now`: numbers of a book's tops, int64 of shape ``(rows, n_books)``."""

    AT_VENUE = 0
    ARRIVED = 1
    """After the last row that has reached us."""
    SEEN = 2
    """After the last whole message that has reached us: what the view shows."""
    FRESH = 3
    """What `ARRIVED` is to become; like the next row of use while looking back only."""
    WANTED = 4


class Status(IntEnum):
    """Why the loop came back."""

    DONE = 0
    """The chunk is used up."""
    WAKE = 1
    """A strategy is to be woken; the loop does that itself."""
    FLUSH = 2
    """The journal or the samples must be drained."""
    GROW = 3
    """A ladder needs room for more far levels, or the queues for more orders."""
    MAIL_FULL = 4
    CONSUMED_FULL = 5
    OVERFLOW = 6
    REFUSED = 8
    """A compiled strategy asked for what cannot be done."""
    NO_PROGRESS = 7
    """A strategy has acted too often without time moving on."""
    CHECKPOINT = 10
    """The venue's ladders are to be copied."""
    PAUSE = 11
    """Somebody is to look at the trials."""
    GROW_STORE = 12
    """The store's arrays need room for more quotes that somebody has still to see."""
    STORE_LOST = 13
    """A read asked for the store as it was before the oldest row that is kept."""
    FAILED = 14
    """A strategy in Python has raised."""
    ILLEGAL_STEP = 9
    """An order was asked to move from a state in a way that state does not have."""


class VenueState(IntEnum):
    """Life of an order at the venue; `framework.venue.order_states` has the ways between them."""

    FREE = 0
    IN_FLIGHT = 1
    LIVE = 2
    """Rests and can be filled."""
    OVER = 3
    ARRIVED = 4
    """Accepted and being matched; no order is in this state between two events."""
    WAITING = 5
    """A stop that has not been set off."""


class LocalState(IntEnum):
    """Life of an order as the strategy knows it."""

    FREE = 0
    PENDING = 1
    OPEN = 2


class Request(IntEnum):
    """What a strategy may ask of a venue."""

    NEW = 1
    CANCEL = 2
    REPLACE = 3
    EXPIRE = 4
    """Not the strategy's: the venue ends a GTD order when its time is up."""


class WakeKind(IntEnum):
    """What woke a strategy; as bits, ``1 << kind``, what it asked to be woken for."""

    TIMER = 0
    TRADE = 1
    BEST = 2
    CROSS = 3
    FILL = 4
    ORDER = 5
    WALL = 6
    ICEBERG = 7


def record_of(**fields: type) -> np.dtype:
    """Lay out a record of eight-byte fields."""
    return np.dtype(list(fields.items()))


_I, _F = np.int64, np.float64

STREAM_DTYPE: Final = record_of(
    order_entry_ns=_I,
    response_ns=_I,
    maker_ppb=_I,
    taker_ppb=_I,
    maker_bps=_F,
    taker_bps=_F,
    queue_model=_I,
    exchange_model=_I,
    queue_power=_F,
    lot_quantity=_F,
    tick=_F,
    asset=_I,
    grid=_I,
    inverse_scale=_I,
    cancel_entry_ns=_I,
    replace_entry_ns=_I,
    entry_kind=_I,
    response_kind=_I,
    entry_spread=_F,
    response_spread=_F,
    latency_seed=_I,
    scanned=_I,
    feed_ns=_I,
    maker_lot_micro=_I,
    taker_lot_micro=_I,
    venue=_I,
    first_tier=_I,
    n_tiers=_I,
    window_days=_I,
    volume_per_value=_F,
    volume_per_lot=_F,
    impact_kind=_I,
    impact_ratio=_F,
    impact_lots=_F,
    impact_half_life_ns=_F,
    self_trade=_I,
)
"""What does not change about a book. ``grid`` turns ticks into steps common to its asset; ``venue``
numbers the venues whose volume counts, -1 where none does. Only ``scanned`` and ``feed_ns`` move:
the feed latency of the last event before the row ``scanned``, -1 where there was none."""

TIER_DTYPE: Final = record_of(volume=_F, maker_ppb=_I, taker_ppb=_I)
"""Rates from a volume on, in quote currency."""

SETTLEMENT_DTYPE: Final = record_of(ts_ns=_I, book=_I, event=_I, long_ppt=_I, short_ppt=_I)
"""When positions of a book are charged, and at which rates (parts per trillion of notional)."""

SIGNAL_DTYPE: Final = record_of(available=_I, valid=_I, value=_I, rows=_I, now=_I)
"""A signal as far as it is in memory: addresses of its columns, how many rows they have, and which
of them holds now (-1: none yet)."""

ORDER_DTYPE: Final = record_of(
    # What the trial knows, first, so that Python writes it in one go.
    id=_I,
    book=_I,
    side=_I,
    local_state=_I,
    local_z=_I,
    local_leaves=_I,
    cancel_sent=_I,
    in_flight=_I,
    order_type=_I,
    tif=_I,
    venue_state=_I,
    z=_I,
    lots=_I,
    leaves=_I,
    front=_F,
    traded=_F,
    words=_I,
    heard=_I,
    hidden=_I,
    stop_z=_I,
    expires_ns=_I,
    peak=_I,
    shown=_I,
    level=_I,
    joined=_I,
)
"""An order; ``front`` is the estimated quantity ahead in lots, ``traded`` what traded at its level
since the level last changed, ``level`` what the data last told of it, ``joined`` its stamp among
orders that the data names. ``hidden`` 1: nobody sees it. ``words`` counts the venue's messages
about it, ``heard`` is the latest of them that has reached us. ``stop_z`` is a stop's signed price,
or one that a midpoint order may not pass; ``peak`` what an iceberg shows afresh and ``shown`` what
is left of that. A slot is reused once its order is known to be over and no message about it is
`in_flight`."""

ACCOUNT_DTYPE: Final = record_of(
    position=_I,
    cash=_I,
    fee_micro=_I,
    known_position=_I,
    fills=_I,
    volume=_I,
    carry_micro=_I,
    impact=_F,
    impact_ns=_I,
)
"""A trial's account in one book; ``known_position`` counts the fills we have been told of,
``carry_micro`` what funding and financing took, ``impact`` is how many ticks our own taking had
moved the price at ``impact_ns``."""

TRIAL_DTYPE: Final = record_of(
    next_id=_I,
    wakes=_I,
    timer_ns=_I,
    next_timer_ns=_I,
    alarm_ns=_I,
    edge_ppb=_I,
    n_open=_I,
    n_consumed=_I,
    request_head=_I,
    request_tail=_I,
    response_head=_I,
    response_tail=_I,
    orders=_I,
    fills=_I,
    excluded=_I,
    wake_entry=_I,
    notes=_I,
    messages=_I,
    ending=_I,
    ended_ns=_I,
    wall_lots=_I,
    refills=_I,
)
"""A trial; ``wake_entry`` is the machine code of a compiled strategy and ``notes`` the address of
its record; of a strategy in Python the first is 0 and the second what wakes it. ``ending`` 1: it
has asked to end; ``ended_ns`` when it did, 0 while it goes on."""

TOP_DTYPE: Final = record_of(bid_ticks=_I, bid_lots=_I, ask_ticks=_I, ask_lots=_I, valid=_I)
"""The top of a book at its venue after an event; the loop numbers them as they change."""

MAIL_DTYPE: Final = record_of(
    ts_ns=_I, kind=_I, id=_I, z=_I, lots=_I, leaves=_I, word=_I, stored=_I
)
"""A message on its way: a request (`Request`) or a response (`JournalEvent`); ``word`` numbers the
responses about one order, ``stored`` 1: the order's document in the store tells it."""

CONSUMED_DTYPE: Final = record_of(h=_I, z=_I, lots=_I)
"""Displayed quantity a trial has already taken and must not be given again."""

OUTBOX_DTYPE: Final = record_of(
    request=_I,
    id=_I,
    book=_I,
    side=_I,
    order_type=_I,
    tif=_I,
    px=_I,
    lots=_I,
    stop_px=_I,
    expires_ns=_I,
    peak=_I,
    reason=_I,
)
"""A request on its way out. The last four are 0 where an order has no use for them; they are
cleared once posted, so that whoever writes a plain order may leave them alone. ``reason`` is why
the risk room makes it; the strategy's own have none."""

JOURNAL_DTYPE: Final = record_of(
    trial=_I,
    ts_ns=_I,
    event=_I,
    order_id=_I,
    book=_I,
    side=_I,
    order_type=_I,
    time_in_force=_I,
    liquidity=_I,
    reason=_I,
    px_ticks=_I,
    qty_lots=_I,
    leaves_lots=_I,
    queue_ahead_lots=_F,
    fee_micro=_I,
    bid_ticks=_I,
    ask_ticks=_I,
    mid_gap_half_ticks=_I,
    seen_age_ns=_I,
)

SAMPLE_DTYPE: Final = record_of(
    trial=_I,
    ts_ns=_I,
    book=_I,
    bid_ticks=_I,
    ask_ticks=_I,
    position_lots=_I,
    cash_units=_I,
    fee_micro=_I,
    carry_micro=_I,
)
