"""Kernels that let somebody do something at a venue: quote, join, cancel, take, spoof."""

from __future__ import annotations

import math
from typing import Final

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.synthetic.draws import normal, sign, uniform
from framework.synthetic.planted.queues import (
    begin_message,
    best_ticks,
    cancel,
    end_message,
    execute,
    join,
    n_orders,
    reduce,
)
from framework.synthetic.planted.state import (
    NOBODY,
    WINDOW,
    Agent,
)
from framework.synthetic.planted.world import (
    common_of,
    constants_of,
    episodes_of,
    levels_of,
    live_of,
    nodes_of,
    random_of,
    venues_of,
)

_QUOTER: Final = int(Agent.QUOTER)
_UNINFORMED: Final = int(Agent.UNINFORMED)
_INFORMED: Final = int(Agent.INFORMED)
_ICEBERG: Final = int(Agent.ICEBERG)
_CROSSER: Final = int(Agent.CROSSER)
_MASK: Final = WINDOW - 1

_LIMIT_LOG_LOTS: Final = (3.4, 1.0)  # mean and deviation of a limit order's log size
_MARKET_LOG_LOTS: Final = (2.5, 2.0)  # of a market order's; BTC perpetuals show 2.1
_MAX_LOTS: Final = 20_000
_ROUND_SHARE: Final = 0.25  # people like multiples of ten
_AT_TOUCH: Final = 0.34  # of limit orders at the touch; each tick deeper is rarer by 1 - this
_DEEPEST: Final = 60
_REDUCE_SHARE: Final = 0.15  # of cancellations that leave part of the order
_SWEEP_TICKS: Final = 6  # a market order goes no further past the touch
_RUN_TAIL: Final = 1.5  # Lillo, Mike and Farmer: Pareto length of a hidden parent order
_RUN_MAX: Final = 80
_MIXED: Final = 0.5  # of uninformed market orders that belong to no parent order
_QUOTES: Final = 4  # orders in which quoters fill a missing level
_INFORMED_SHARE: Final = 0.8  # of what shows at the touch


@kernel
def draw_lots(w: I64Array, mean_log: float, sigma_log: float) -> int:
    """Draw the size of an order, log-normal."""
    lots = int(math.exp(mean_log + sigma_log * normal(random_of(w))))
    if uniform(random_of(w)) < _ROUND_SHARE:
        lots = (lots + 9) // 10 * 10
    return min(max(lots, 1), _MAX_LOTS)


@kernel
def target_ticks(w: I64Array, v: int, side: int) -> int:
    """Best price at which quoters want to stand and can: they do not cross the other side."""
    venue = venues_of(w)[v]
    widen = int(common_of(w)[0].widen_ticks)
    target = venue.anchor_ticks - widen if side > 0 else venue.anchor_ticks + 1 + widen
    nearest = best_ticks(w, v, -side) - side
    return target if side * (nearest - target) > 0 else nearest


@kernel
def add_order(w: I64Array, v: int, side: int, px_ticks: int, lots: int, agent: int) -> int:
    """Send a limit order as a message of its own; nothing where it would cross."""
    if n_orders(w, v, -side) and side * (px_ticks - best_ticks(w, v, -side)) >= 0:
        return NOBODY
    return add_planted(w, v, side, px_ticks, lots, 0, agent, NOBODY)


@kernel
def add_planted(
    w: I64Array,
    v: int,
    side: int,
    px_ticks: int,
    lots: int,
    hidden: int,
    agent: int,
    episode: int,
) -> int:
    """Send a limit order of an episode; a message is numbered only where it can be sent."""
    cold()
    venue = venues_of(w)[v]
    level = levels_of(w, v, (1 - side) // 2)[px_ticks & _MASK]
    is_taken = level.first != NOBODY and level.px_ticks != px_ticks
    crosses = n_orders(w, v, -side) > 0 and (side * (px_ticks - best_ticks(w, v, -side)) >= 0)
    if crosses or is_taken or venue.n_free == 0 or lots <= 0:
        return NOBODY
    begin_message(w, v, agent, episode)
    n = join(w, v, side, px_ticks, lots, hidden)
    end_message(w, v)
    return n


@kernel
def pull_level(w: I64Array, v: int, side: int) -> None:
    """Cancel the best level's orders, except those of an episode."""
    cold()
    level = levels_of(w, v, (1 - side) // 2)[best_ticks(w, v, side) & _MASK]
    n = level.first
    while n != NOBODY and n_orders(w, v, side) > 1:
        after = nodes_of(w, v)[n].after
        if nodes_of(w, v)[n].episode == NOBODY:
            cancel(w, v, n)
        n = after


@kernel
def is_held(w: I64Array, v: int, side: int) -> bool:
    """Tell whether only episodes' orders stand at the best price."""
    level = levels_of(w, v, (1 - side) // 2)[best_ticks(w, v, side) & _MASK]
    n = level.first
    while n != NOBODY:
        if nodes_of(w, v)[n].episode == NOBODY:
            return False
        n = nodes_of(w, v)[n].after
    return True


@kernel
def quote(w: I64Array, v: int, side: int) -> None:
    """Fill the quoters' target price of a side with a few orders."""
    target = target_ticks(w, v, side)
    for _ in range(_QUOTES):
        lots = draw_lots(w, _LIMIT_LOG_LOTS[0], _LIMIT_LOG_LOTS[1])
        add_order(w, v, side, target, lots, _QUOTER)


@kernel
def repair(w: I64Array, v: int, side: int) -> None:
    """Pull the best level if it is too good, else quote at the target."""
    if side * (best_ticks(w, v, side) - target_ticks(w, v, side)) > 0:
        pull_level(w, v, side)
    else:
        quote(w, v, side)


@kernel
def requote(w: I64Array, v: int) -> None:
    """Let quoters stand at their targets at once, on both sides."""
    cold()
    for k in range(2):
        side = 1 - 2 * k
        for _ in range(WINDOW):
            off = side * (best_ticks(w, v, side) - target_ticks(w, v, side))
            if off <= 0 or n_orders(w, v, side) <= 1 or is_held(w, v, side):
                break
            pull_level(w, v, side)
    for k in range(2):
        side = 1 - 2 * k
        if side * (target_ticks(w, v, side) - best_ticks(w, v, side)) > 0:
            quote(w, v, side)


@kernel
def add_uninformed(w: I64Array, v: int) -> None:
    """Send a limit order at or behind the quoters' price."""
    venue = venues_of(w)[v]
    side = sign(random_of(w))
    offset = 0
    while offset < _DEEPEST and uniform(random_of(w)) > _AT_TOUCH:
        offset += 1
    lots = draw_lots(w, _LIMIT_LOG_LOTS[0], _LIMIT_LOG_LOTS[1])
    venue.limits_sent += 1
    px_ticks = target_ticks(w, v, side) - side * offset
    if side * (px_ticks - best_ticks(w, v, -side)) >= 0:
        px_ticks = best_ticks(w, v, -side) - side * (1 + offset)
    add_order(w, v, side, px_ticks, lots, _UNINFORMED)


@kernel
def cancel_some(w: I64Array, v: int) -> None:
    """Cancel an order drawn from all that rest, or part of it; episodes keep theirs."""
    venue = venues_of(w)[v]
    n = live_of(w, v)[int(uniform(random_of(w)) * venue.n_live)]
    node = nodes_of(w, v)[n]
    if node.episode != NOBODY:
        return
    if node.lots > 1 and uniform(random_of(w)) < _REDUCE_SHARE:
        reduce(w, v, n, 1 + int(uniform(random_of(w)) * (node.lots - 1)))
    else:
        cancel(w, v, n)


@kernel
def take(w: I64Array, v: int, aggressor: int, lots: int, agent: int) -> int:
    """Send a market order; icebergs it empties show anew and are met again. Return lots filled."""
    cold()
    venue = venues_of(w)[v]
    side = -aggressor
    limit_ticks = best_ticks(w, v, side) - side * _SWEEP_TICKS
    leaves = lots
    while leaves > 0 and n_orders(w, v, side) > 1:
        if side * (best_ticks(w, v, side) - limit_ticks) < 0:
            break
        begin_message(w, v, agent, NOBODY)
        leaves -= execute(w, v, side, leaves, limit_ticks)
        end_message(w, v)
        if venue.refill_lots == 0:
            break
        _refill(w, v, side)
        if venue.plant_episode != NOBODY:
            break
    return lots - leaves


@kernel
def _refill(w: I64Array, v: int, side: int) -> None:
    """Let an iceberg show its next part, at the end of the queue."""
    venue = venues_of(w)[v]
    episode = episodes_of(w)[venue.refill_episode]
    shown = min(episode.lots, venue.refill_lots)
    hidden = venue.refill_lots - shown
    venue.refill_lots = 0
    agent = _CROSSER if venue.plant_episode == venue.refill_episode else _ICEBERG
    add_planted(
        w,
        v,
        side,
        venue.refill_ticks,
        shown,
        hidden,
        agent,
        venue.refill_episode,
    )


@kernel
def take_uninformed(w: I64Array, v: int) -> None:
    """Send the next child of a venue's parent order; when it is done another parent begins.

    Parents are long now and then, so signs are alike over long stretches.
    """
    venue = venues_of(w)[v]
    if venue.run_left <= 0:
        venue.taker = sign(random_of(w))
        length = (1.0 - uniform(random_of(w))) ** (-1.0 / _RUN_TAIL)
        venue.run_left = min(int(length), _RUN_MAX)
    aggressor = venue.taker
    if uniform(random_of(w)) < _MIXED:
        aggressor = sign(random_of(w))
    else:
        venue.run_left -= 1
    lots = draw_lots(w, _MARKET_LOG_LOTS[0], _MARKET_LOG_LOTS[1])
    venue.markets_sent += 1
    filled = take(w, v, aggressor, lots, _UNINFORMED)
    common_of(w)[0].price_ticks += aggressor * filled * constants_of(w)[0].impact_ticks


@kernel
def informed_profit(w: I64Array, v: int) -> float:
    """Signed ticks that an informed order would earn beyond its edge: positive buys, 0 waits."""
    venue = venues_of(w)[v]
    common = common_of(w)[0]
    fair = common.price_ticks + common.bias_ticks + venue.premium_ticks + venue.shift_ticks
    above: float = fair - venue.ask_ticks - venue.informed_edge_ticks
    below: float = fair - venue.bid_ticks + venue.informed_edge_ticks
    return above if above > 0 else min(below, 0.0)


@kernel
def take_informed(w: I64Array, v: int) -> None:
    """Hit a quote the efficient price has passed, for most of what it shows."""
    profit = informed_profit(w, v)
    if profit == 0.0:
        return
    aggressor = 1 if profit > 0 else -1
    px_ticks = best_ticks(w, v, -aggressor)
    shown = levels_of(w, v, (1 + aggressor) // 2)[px_ticks & _MASK].lots
    lots = max(1, int(_INFORMED_SHARE * shown * uniform(random_of(w))))
    take(w, v, aggressor, lots, _INFORMED)
