"""Kernels that decide what happens next in the synthetic market.

All rates are held constant from one event to the next, then taken anew. Per venue the flows are:
quoters repairing bid or ask, background adds and cancellations, noise and informed market orders,
and changes of the venue's premium.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from framework._jit import kernel
from framework.core.events import F64Array
from framework.synthetic.draws import RandomState, exponential, normal, sign, uniform
from framework.synthetic.levels import (
    BEST,
    add_at,
    begin_message,
    draw_order_lots,
    end_message,
    open_book,
    remove_level,
    set_level,
    take,
)
from framework.synthetic.market import Market, RecordArray

_NEVER: Final = 2**63 - 1
_FLOWS: Final = 7
_REPAIR_ASK: Final = 1
_ADD: Final = 2
_CANCEL: Final = 3
_NOISE_TAKE: Final = 4
_INFORMED_TAKE: Final = 5
_MIN_EFFICIENT_TICKS: Final = 1_000

_JUMP_FLOOR_TICKS: Final = 4
_TAKE_DECAY: Final = 2.0  # per second
_PREMIUM_RATE: Final = 4.0  # changes of a venue's premium per second
_PREMIUM_KEPT: Final = 0.87  # per change: a shock fades with a time constant of 1.8 s
_PREMIUM_SIGMA_TICKS: Final = 0.25
_SHOCK_FLOOR_TICKS: Final = 3.0
_SPREAD_PER_ROOT_RATE: Final = 0.15  # quoters widen by so many ticks per root of the move rate
_REPEAT_SHARE: Final = 0.6  # of noise orders on the side of the one before
_LEAN_PER_TICK: Final = 0.12  # noise orders lean towards the efficient price
_MAX_LEAN: Final = 0.35
_INSIDE_SHARE: Final = 0.04  # of background adds that improve the price
_DEEPER_SHARE: Final = 0.7  # of background adds that go one tick deeper, and again
_SWEEP_SHARE: Final = 0.04  # of cancellations that take a whole level


@kernel
def fair_ticks(market: Market, venue: int, efficient_ticks: int) -> float:
    """Fair price at a venue, given what one knows of the efficient price."""
    return efficient_ticks + market.venues["premium_ticks"][venue]


@kernel
def target_ticks(market: Market, venue: int, side: int) -> int:
    """Best price at which the venue's quoters want to show an order of `side`."""
    half = market.venues["half_spread_ticks"][venue] + _SPREAD_PER_ROOT_RATE * math.sqrt(
        market.common["move_intensity"][0]
    )
    view = fair_ticks(market, venue, market.venues["seen_ticks"][venue])
    return side * math.floor(side * view - half)


@kernel
def informed_profit(market: Market, venue: int) -> float:
    """Ticks by which the efficient price is above the ask or, negative, below the bid; else 0."""
    fair = fair_ticks(market, venue, market.common["efficient_ticks"][0])
    above = fair - market.px_ticks[venue, 1, 0]
    below = fair - market.px_ticks[venue, 0, 0]
    return above if above > 0 else min(below, 0.0)


@kernel
def activity(market: Market) -> float:
    """Factor of mean 1 by which news and market orders are more frequent than on average."""
    sigma = market.common["activity_sigma"][0]
    return math.exp(market.common["log_activity"][0] - 0.5 * sigma * sigma)


@kernel
def fill_rates(market: Market, flow_rates: F64Array) -> float:
    """Write the rate of every flow, the efficient price's moves first; return their sum."""
    active = activity(market)
    flow_rates[0] = active * market.common["move_rate"][0] + market.common["move_intensity"][0]
    total = flow_rates[0]
    for venue in range(market.venues.shape[0]):
        at = 1 + _FLOWS * venue
        for k in range(2):
            side = 1 - 2 * k
            best = market.px_ticks[venue, k, BEST]
            off = side * (best - target_ticks(market, venue, side))
            speed = (
                market.venues["stale_rate"][venue]
                if off > 0
                else market.venues["improve_rate"][venue]
            )
            flow_rates[at + k] = speed * abs(off)
        flow_rates[at + _ADD] = market.venues["add_rate"][venue]
        flow_rates[at + _CANCEL] = market.venues["cancel_rate"][venue]
        flow_rates[at + _NOISE_TAKE] = (
            active * market.venues["take_rate"][venue] + market.venues["take_intensity"][venue]
        )
        profit = abs(informed_profit(market, venue))
        flow_rates[at + _INFORMED_TAKE] = market.venues["informed_rate"][venue] * profit
        flow_rates[at + _INFORMED_TAKE + 1] = _PREMIUM_RATE
        for flow in range(_FLOWS):
            total += flow_rates[at + flow]
    return total


@kernel
def move_efficient(market: Market, signed_ticks: int) -> None:
    """Move the efficient price; venues will look after their lag."""
    moved = market.common["efficient_ticks"][0] + signed_ticks
    if moved < _MIN_EFFICIENT_TICKS:
        return
    market.common["efficient_ticks"][0] = moved
    for venue in range(market.venues.shape[0]):
        if market.venues["look_ns"][venue] == _NEVER:
            market.venues["look_ns"][venue] = (
                market.common["now_ns"][0] + market.venues["lag_ns"][venue]
            )


@kernel
def bring_news(market: Market, rng: RandomState) -> None:
    """Move the efficient price by a tick or a jump, which makes further moves likelier."""
    size = 1
    excitation = market.common["move_excitation"][0]
    if uniform(rng) < market.common["jump_share"][0]:
        size = _JUMP_FLOOR_TICKS + int(market.common["jump_ticks"][0] * exponential(rng))
        excitation = market.common["jump_excitation"][0]
    market.common["move_intensity"][0] += excitation
    move_efficient(market, sign(rng) * size)


@kernel
def repair(rows: RecordArray, market: Market, venue: int, side: int, rng: RandomState) -> None:
    """Pull the best quote if it is too good, else quote nearer to the target."""
    k = (1 - side) // 2
    target = target_ticks(market, venue, side)
    begin_message(market, venue)
    if side * (market.px_ticks[venue, k, 0] - target) > 0:
        remove_level(rows, market, venue, side, BEST, rng)
    else:
        nearest = market.px_ticks[venue, 1 - k, 0] - side
        better = target if side * (nearest - target) > 0 else nearest
        add_at(rows, market, venue, side, better, draw_order_lots(rng) + draw_order_lots(rng))
    end_message(rows, market)


@kernel
def add_background(rows: RecordArray, market: Market, venue: int, rng: RandomState) -> None:
    """Add an order at, behind or now and then inside the best price."""
    side = sign(rng)
    k = (1 - side) // 2
    best = market.px_ticks[venue, k, 0]
    offset = 0
    if uniform(rng) < _INSIDE_SHARE and side * (market.px_ticks[venue, 1 - k, 0] - best) > 1:
        offset = -1
    else:
        while offset < market.px_ticks.shape[2] - 1 and uniform(rng) < _DEEPER_SHARE:
            offset += 1
    begin_message(market, venue)
    add_at(rows, market, venue, side, best - side * offset, draw_order_lots(rng))
    end_message(rows, market)


@kernel
def cancel_background(rows: RecordArray, market: Market, venue: int, rng: RandomState) -> None:
    """Cancel part of a level, now and then all of it."""
    side = sign(rng)
    level = int(uniform(rng) * market.px_ticks.shape[2])
    shown = market.qty_lots[venue, (1 - side) // 2, level]
    cancelled = 1 + int(0.5 * uniform(rng) * shown)
    begin_message(market, venue)
    if cancelled >= shown or uniform(rng) < _SWEEP_SHARE:
        remove_level(rows, market, venue, side, level, rng)
    else:
        set_level(rows, market, venue, side, level, shown - cancelled)
    end_message(rows, market)


@kernel
def take_noise(rows: RecordArray, market: Market, venue: int, rng: RandomState) -> None:
    """Send a noise market order: it repeats itself, and leans towards the efficient price."""
    mid = 0.5 * (market.px_ticks[venue, 0, 0] + market.px_ticks[venue, 1, 0])
    lean = _LEAN_PER_TICK * (fair_ticks(market, venue, market.common["efficient_ticks"][0]) - mid)
    lean = min(max(lean, -_MAX_LEAN), _MAX_LEAN)
    repeat = market.venues["last_taker"][venue] * (_REPEAT_SHARE - 0.5)
    aggressor = 1 if uniform(rng) < 0.5 + repeat + lean else -1
    market.venues["last_taker"][venue] = aggressor
    market.venues["take_intensity"][venue] += market.venues["take_excitation"][venue]
    take(rows, market, venue, aggressor, draw_order_lots(rng), rng)
    if uniform(rng) < market.venues["impact_share"][venue]:
        move_efficient(market, aggressor)


@kernel
def take_informed(rows: RecordArray, market: Market, venue: int, rng: RandomState) -> None:
    """Hit a quote the efficient price has passed, for about what it shows."""
    aggressor = 1 if informed_profit(market, venue) > 0 else -1
    shown = market.qty_lots[venue, (1 + aggressor) // 2, 0]
    take(rows, market, venue, aggressor, min(shown, 3 * draw_order_lots(rng)), rng)


@kernel
def change_premium(market: Market, venue: int, rng: RandomState) -> None:
    """Let a venue's premium fade, wander and sometimes jump."""
    premium = _PREMIUM_KEPT * market.venues["premium_ticks"][venue]
    premium += _PREMIUM_SIGMA_TICKS * normal(rng)
    if uniform(rng) < market.venues["shock_rate"][venue] / _PREMIUM_RATE:
        size = _SHOCK_FLOOR_TICKS + market.venues["shock_ticks"][venue] * exponential(rng)
        premium += sign(rng) * size
    market.venues["premium_ticks"][venue] = premium


@kernel
def change_activity(market: Market, elapsed_s: float, rng: RandomState) -> None:
    """Let activity wander over some time."""
    kept = math.exp(-elapsed_s / market.common["activity_memory_s"][0])
    sigma = market.common["activity_sigma"][0] * math.sqrt(1.0 - kept * kept)
    market.common["log_activity"][0] *= kept
    market.common["log_activity"][0] += sigma * normal(rng)


@kernel
def advance_clock(market: Market, to_ns: int) -> None:
    """Move time on and let excitement fade."""
    elapsed_s = (to_ns - market.common["now_ns"][0]) * 1e-9
    market.common["now_ns"][0] = to_ns
    market.common["move_intensity"][0] *= math.exp(-market.common["move_decay"][0] * elapsed_s)
    fade = math.exp(-_TAKE_DECAY * elapsed_s)
    for venue in range(market.venues.shape[0]):
        market.venues["take_intensity"][venue] *= fade


@kernel
def receive(market: Market, venue: int, rng: RandomState) -> None:
    """Draw when we get what the venue sends now, never before what it sent earlier."""
    latency = market.venues["feed_median_ns"][venue] * math.exp(
        market.venues["feed_sigma"][venue] * normal(rng)
    )
    arrival = market.common["now_ns"][0] + int(latency)
    if arrival > market.venues["recv_ns"][venue]:
        market.venues["recv_ns"][venue] = arrival


@kernel
def happen(rows: RecordArray, market: Market, venue: int, flow: int, rng: RandomState) -> None:
    """Carry out one event of a venue."""
    if flow > _INFORMED_TAKE:
        change_premium(market, venue, rng)
        if venue == 0:
            change_activity(market, 1.0 / _PREMIUM_RATE, rng)
        return
    receive(market, venue, rng)
    if flow <= _REPAIR_ASK:
        repair(rows, market, venue, 1 - 2 * flow, rng)
    elif flow == _ADD:
        add_background(rows, market, venue, rng)
    elif flow == _CANCEL:
        cancel_background(rows, market, venue, rng)
    elif flow == _NOISE_TAKE:
        take_noise(rows, market, venue, rng)
    else:
        take_informed(rows, market, venue, rng)


@kernel
def open_market(rows: RecordArray, market: Market, rng: RandomState) -> None:
    """Write every venue's first snapshot."""
    for venue in range(market.venues.shape[0]):
        receive(market, venue, rng)
        open_book(rows, market, venue, rng)


@kernel
def run(rows: RecordArray, market: Market, rng: RandomState) -> None:
    """Write events until no further message is sure to fit."""
    longest = 3 * market.px_ticks.shape[2]
    flow_rates = np.empty(1 + _FLOWS * market.venues.shape[0])
    while market.common["used"][0] + longest <= rows.shape[0]:
        total = fill_rates(market, flow_rates)
        next_ns = market.common["now_ns"][0] + 1 + int(exponential(rng) / total * 1e9)
        look_ns = market.venues["look_ns"].min()
        if look_ns <= next_ns:
            advance_clock(market, look_ns)
            for venue in range(market.venues.shape[0]):
                if market.venues["look_ns"][venue] == look_ns:
                    market.venues["look_ns"][venue] = _NEVER
                    market.venues["seen_ticks"][venue] = market.common["efficient_ticks"][0]
            continue
        advance_clock(market, next_ns)
        left = uniform(rng) * total - flow_rates[0]
        if left < 0:
            bring_news(market, rng)
            continue
        flow = 0
        while flow < flow_rates.shape[0] - 2 and left >= flow_rates[1 + flow]:
            left -= flow_rates[1 + flow]
            flow += 1
        happen(rows, market, flow // _FLOWS, flow % _FLOWS, rng)
