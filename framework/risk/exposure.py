"""What may still be filled of a trial's orders, at worst, as far as we can know.

An order counts with all its lots from the moment it is sent until word of its end, or of each fill,
has reached us. A replace on its way adds the quantity it asks for: the venue may fill what was left
before, and then what is set anew. Messages may overtake one another; while one is missing, nothing
is taken off but the fills we hear of.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import NO_PRICE, I64Array, Record
from framework.core.orders import JournalEvent, OrderType, TimeInForce
from framework.risk.records import at_risk_of, book_limits_of, trial_use_of, uses_of
from framework.venue.records import View
from framework.venue.world import W, accounts_of, feed_of, orders_of

_MARKET = int(OrderType.MARKET)
_IOC, _FOK = int(TimeInForce.IOC), int(TimeInForce.FOK)
_FILLED, _REPLACED = int(JournalEvent.FILLED), int(JournalEvent.REPLACED)
_REPLACE_REJECTED = int(JournalEvent.REPLACE_REJECTED)
_V_BID, _V_ASK, _V_VALID = int(View.BID), int(View.ASK), int(View.VALID)


@kernel
def takes_at_once(order_type: int, tif: int) -> bool:
    """True for orders that never rest: what they do not take on arrival is over."""
    return order_type == _MARKET or tif in (_IOC, _FOK)


@kernel
def has_mid(world: I64Array, b: int) -> bool:
    """True where we know a book to be valid and to have a bid and an ask."""
    bid, ask = feed_of(world, _V_BID)[b], feed_of(world, _V_ASK)[b]
    return feed_of(world, _V_VALID)[b] != 0 and bid != NO_PRICE and ask != NO_PRICE


@kernel
def known_mid(world: I64Array, k: int, b: int) -> float:
    """Mid that we know of a book, in ticks; the last looked at where it has none, 0 before any."""
    use = uses_of(world, k)[b]
    if has_mid(world, b):
        bid, ask = feed_of(world, _V_BID)[b], feed_of(world, _V_ASK)[b]
        use.mark = 0.5 * (float(bid) + float(ask))
    return use.mark


@kernel
def worth(limits: Record, lots: float, px_ticks: float) -> float:
    """Value of lots at a price, in the instrument's currency."""
    if limits.scale > 0.0:
        return lots * limits.scale / px_ticks * limits.unit
    return lots * px_ticks * limits.unit


@kernel
def _count(world: I64Array, k: int, o: int, lots: int) -> None:
    """Let so many lots of an order be at risk from now on."""
    order = orders_of(world, k)[o]
    risk = at_risk_of(world, k)[o]
    use = uses_of(world, k)[order.book]
    more = lots - risk.lots
    risk.lots = lots
    if order.side > 0:
        use.buys += more
    else:
        use.sells += more
    if risk.is_quote:
        use.quoted += more


@kernel
def sent_new(world: I64Array, k: int, o: int) -> None:
    """Count an order that has just been sent."""
    cold()
    order = orders_of(world, k)[o]
    risk = at_risk_of(world, k)[o]
    risk.id = order.id
    risk.lots = 0
    risk.base = order.lots
    risk.replacing = 0
    risk.n_replacing = 0
    risk.told = 0
    risk.over = 0
    risk.is_quote = not takes_at_once(order.order_type, order.tif)
    _count(world, k, o, order.lots)
    uses_of(world, k)[order.book].n_orders += 1
    trial_use_of(world, k).n_orders += 1


@kernel
def sent_replace(world: I64Array, k: int, o: int, lots: int) -> None:
    """Count a replace that has just been sent."""
    cold()
    risk = at_risk_of(world, k)[o]
    risk.replacing += lots
    risk.n_replacing += 1
    _count(world, k, o, risk.lots + lots)


@kernel
def heard(
    world: I64Array, k: int, o: int, event: int, lots: int, leaves: int, is_news: bool, over: bool
) -> None:
    """Count anew what a message of the venue says of an order."""
    cold()
    order = orders_of(world, k)[o]
    risk = at_risk_of(world, k)[o]
    risk.told += 1
    left = risk.lots
    if event == _FILLED:
        left -= lots
    elif event in (_REPLACED, _REPLACE_REJECTED):
        risk.n_replacing -= 1
        if event == _REPLACED:
            risk.replacing -= leaves
        if risk.n_replacing == 0:
            risk.replacing = 0
    if is_news:
        risk.base = leaves
    if over and not risk.over:
        risk.over = 1
        uses_of(world, k)[order.book].n_orders -= 1
        trial_use_of(world, k).n_orders -= 1
    if risk.told == order.heard:  # no earlier word is missing
        left = 0 if risk.over else risk.base + risk.replacing
    _count(world, k, o, left)


@kernel
def book_fill(world: I64Array, k: int, o: int, z: int, lots: int) -> None:
    """Book the money of a fill that we have heard of.

    Its fee is reckoned at the flat rate of the catalog, a maker's for orders that may rest.
    """
    cold()
    order = orders_of(world, k)[o]
    limits = book_limits_of(world)[order.book]
    use = uses_of(world, k)[order.book]
    value = worth(limits, float(lots), float(order.side * z))
    use.cash += float(order.side) * value if limits.scale > 0.0 else -float(order.side) * value
    if at_risk_of(world, k)[o].is_quote:
        use.fees += abs(value) * limits.maker + float(lots) * limits.maker_lot
    else:
        use.fees += abs(value) * limits.taker + float(lots) * limits.taker_lot


@kernel
def equity(world: I64Array, k: int) -> float:
    """Profit and loss of the fills we have heard of, marked at known mids, less their fees."""
    total = 0.0
    for b in range(world[W.N_BOOKS]):
        use = uses_of(world, k)[b]
        limits = book_limits_of(world)[b]
        position = float(accounts_of(world, k)[b].known_position)
        total += use.cash - use.fees
        mark = known_mid(world, k, b)
        if position != 0.0 and mark != 0.0:
            value = worth(limits, position, mark)
            total += -value if limits.scale > 0.0 else value
    return total


@kernel
def worst_position(world: I64Array, k: int, b: int, side: int) -> int:
    """Position towards a side with everything filled there, and nothing on the other."""
    use = uses_of(world, k)[b]
    position = accounts_of(world, k)[b].known_position
    return position + use.buys if side > 0 else use.sells - position


@kernel
def worst_net_steps(world: I64Array, k: int, b: int, side: int) -> int:
    """Net position of a book's asset towards a side, at worst, in the asset's common steps."""
    limits = book_limits_of(world)
    total = 0
    for other in range(limits.size):
        if limits[other].asset == limits[b].asset:
            total += limits[other].steps * worst_position(world, k, other, side)
    return total


@kernel
def worst_notional(world: I64Array, k: int, b: int, side: int, lots: int) -> float:
    """Worth of all positions at worst, with so many lots more in one book; inf without a mark."""
    limits = book_limits_of(world)
    total = 0.0
    for other in range(limits.size):
        long, short = worst_position(world, k, other, 1), worst_position(world, k, other, -1)
        if other == b and side > 0:
            long += lots
        elif other == b:
            short += lots
        worst = max(long, short, 0)
        mark = known_mid(world, k, other)
        if worst > 0 and mark == 0.0:
            return float("inf")
        if worst > 0:
            total += worth(limits[other], float(worst), abs(mark))
    return total
