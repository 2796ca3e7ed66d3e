"""Orders as integers: types, lifetimes, states, journal events and reasons."""

from __future__ import annotations

from enum import IntEnum


class OrderType(IntEnum):
    """How an order is priced."""

    LIMIT = 1
    MARKET = 2
    STOP = 3
    """Waits unseen at the venue for a trade at or through its stop price, then a market order."""
    STOP_LIMIT = 4
    """As `STOP`, then a limit order."""
    HIDDEN = 5
    """A limit order that nobody sees; it stands behind all displayed size at its price."""
    MIDPOINT = 6
    """A hidden order whose price follows the middle of the venue's best bid and ask."""
    ICEBERG = 7
    """A limit order that shows a part of itself, and the next part once that is filled."""


class TimeInForce(IntEnum):
    """How long an order lives."""

    GTC = 1
    """Until filled or cancelled."""
    IOC = 2
    """Fill what is possible on arrival, cancel the rest."""
    FOK = 3
    """Fill everything on arrival or nothing."""
    POST_ONLY = 4
    """Rest, or be rejected if it would take liquidity."""
    GTD = 5
    """Until filled, cancelled, or a given instant of the venue's clock."""


class Liquidity(IntEnum):
    """Which side of a fill we were."""

    NONE = 0
    MAKER = 1
    TAKER = 2


class JournalEvent(IntEnum):
    """What happened to an order."""

    SUBMITTED = 1
    """The strategy sent it (our clock)."""
    ACCEPTED = 2
    """It reached the venue and passed its checks (venue clock); written before any fill."""
    REJECTED = 3
    """The venue, or a check on our side, refused it; see `Reason`."""
    FILLED = 4
    """`qty_lots` traded at `px_ticks`; complete where `leaves_lots` is 0."""
    EXPIRED = 5
    """What an IOC or FOK order could not fill ended on arrival, or a GTD order's time was up."""
    CANCEL_SENT = 6
    """The strategy asked to cancel (our clock)."""
    CANCELLED = 7
    """The venue cancelled it."""
    CANCEL_REJECTED = 8
    """The cancel found no live order: it was filled, cancelled or expired before."""
    REPLACE_SENT = 9
    """The strategy asked for another price or quantity (our clock)."""
    REPLACED = 10
    """The venue changed it."""
    REPLACE_REJECTED = 11
    """The replace found no live order, or would have taken liquidity post-only."""
    FILL_EXCLUDED = 12
    """A fill that the data suggests but that fell into an invalid-book window; not counted."""
    TRIGGERED = 13
    """A trade at `px_ticks` set a stop order off; written before what it then does."""
    REFRESHED = 14
    """An iceberg shows `qty_lots` anew, behind what was displayed at its price."""
    REPRICED = 15
    """A midpoint order moved to `px_ticks`, as the newest hidden order there."""
    DECREMENTED = 16
    """`qty_lots` were taken off so that the order would not trade with another of our own."""
    FUNDING = 17
    """A perpetual's funding was settled: ``fee_micro`` was paid on ``qty_lots`` of the position."""
    FINANCING = 18
    """Interest on an open position was charged; see `FUNDING`."""
    RISK_BREACH = 19
    """A limit was met that concerns more than one order; see `Reason` for what follows."""


class Journal(IntEnum):
    """Which events of its orders a run keeps."""

    ALL = -1
    FILLS = (
        1 << JournalEvent.FILLED
        | 1 << JournalEvent.FILL_EXCLUDED
        | 1 << JournalEvent.FUNDING
        | 1 << JournalEvent.FINANCING
    )
    """Those that move the account, and fills that the data only suggests."""


class TraceEvent(IntEnum):
    """What moved a traced order; written beside the journal, never part of it."""

    QUEUED = 101
    """It joined the queue of its level."""
    LEVEL = 102
    """Its level now shows ``qty_lots``."""
    TRADE = 103
    """``qty_lots`` traded at ``px_ticks``, its price or a worse one."""
    CROSSED = 104
    """The other side came to show ``qty_lots`` at ``px_ticks``, which meets it."""
    HEARD = 105
    """Word of it reached us; ``reason`` is the `JournalEvent` we heard of."""


class Reason(IntEnum):
    """Why an order was rejected, expired or left unfilled."""

    NONE = 0
    WOULD_TAKE = 1
    """Post-only and marketable on arrival."""
    NOT_FILLABLE = 2
    """FOK without enough displayed quantity, or IOC remainder."""
    NO_SUCH_ORDER = 3
    """Cancel or replace of an order that is no longer live."""
    BAD_QUANTITY = 4
    """Quantity not positive."""
    BAD_PRICE = 5
    """Limit price outside the book's range."""
    BOOK_INVALID = 6
    """The venue's book is invalid between a gap and the next snapshot."""
    NO_LIQUIDITY = 7
    """A market order met an empty side."""
    TOO_MANY_ORDERS = 8
    """The trial has no free order slot."""
    EXPIRY_REACHED = 9
    """The instant a GTD order lives until has come, perhaps before it arrived."""
    SELF_TRADE = 10
    """It would have traded with another order of the same trial."""
    NO_MID = 11
    """A midpoint order met a book without a mid: a side empty, or bid and ask not apart."""
    NOT_REPLACEABLE = 12
    """A waiting stop or a midpoint order cannot be replaced: cancel it and send another."""
    BAD_DISPLAY = 13
    """What an iceberg is to show is not between one lot and its quantity."""
    BAD_EXPIRY = 14
    """A GTD order without an instant to live until, or another order with one."""
    RISK_STOPPED = 15
    """The strategy has lost what it may and sends nothing more in this run."""
    RISK_STALE = 16
    """The venue has not been heard of for too long."""
    RISK_PROTECTION = 17
    """Too much has been filled, or could be, within the window of market maker protection."""
    RISK_ORDER_SIZE = 18
    """More lots than an order may have."""
    RISK_ORDER_NOTIONAL = 19
    """Worth more than an order may be."""
    RISK_COLLAR = 20
    """Its limit price is too far from the known mid."""
    RISK_SPREAD = 21
    """The spread is above the barrier, and the order would not reduce the position."""
    RISK_POSITION = 22
    """The book's position could pass its limit."""
    RISK_NET = 23
    """The asset's net position could pass its limit."""
    RISK_NOTIONAL = 24
    """All positions together could be worth more than they may."""
    RISK_OPEN_ORDERS = 25
    """As many orders are open as may be."""
    RISK_RATE = 26
    """More messages than may be sent in that time."""
    RISK_NO_MARK = 27
    """A limit in money or against the mid is set, and no mid is known."""
    RISK_LOSS = 28
    """The loss has reached its limit."""
    RISK_DRAWDOWN = 29
    """Equity has fallen from its peak by the limit."""


class SelfTrade(IntEnum):
    """What gives way where two orders of one trial would trade with each other."""

    ALLOW = 0
    """Nothing: our own orders do not see each other, and stand crossed."""
    CANCEL_NEWEST = 1
    """What is left of the order that arrives."""
    CANCEL_OLDEST = 2
    """The order that rests; the one that arrives goes on."""
    CANCEL_BOTH = 3
    DECREMENT = 4
    """Both lose the smaller of their quantities; who has none left is cancelled."""
