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
    remove_level,
    set_level,
    take,
)
from framework.synthetic.market import Market, RecordArray, Whole

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
    premium_ticks: float = market.venues[venue]["premium_ticks"]
    return efficient_ticks + premium_ticks


@kernel
def target_ticks(market: Market, venue: int, side: Whole) -> Whole:
    """Best price at which the venue's quoters want to show an order of `side`."""
    half: float = market.venues[venue]["half_spread_ticks"]
    half += _SPREAD_PER_ROOT_RATE * math.sqrt(market.common[0]["move_intensity"])
    view = fair_ticks(market, venue, market.venues[venue]["seen_ticks"])
    return side * math.floor(side * view - half)


@kernel
def informed_profit(market: Market, venue: int) -> float:
    """Ticks by which the efficient price is above the ask or, negative, below the bid; else 0."""
    fair = fair_ticks(market, venue, market.common[0]["efficient_ticks"])
    above: float = fair - market.px_ticks[venue, 1, 0]
    below: float = fair - market.px_ticks[venue, 0, 0]
    return above if above > 0 else min(below, 0.0)


@kernel
def activity(market: Market) -> float:
    """Factor of mean 1 by which news and market orders are more frequent than on average."""
    sigma = market.common[0]["activity_sigma"]
    return math.exp(market.common[0]["log_activity"] - 0.5 * sigma * sigma)


@kernel
def fill_rates(market: Market, flow_rates: F64Array) -> float:
    """Write the rate of every flow, the efficient price's moves first; return their sum."""
    active = activity(market)
    flow_rates[0] = active * market.common[0]["move_rate"] + market.common[0]["move_intensity"]
    total: float = flow_rates[0]
    for venue in range(market.venues.shape[0]):
        at = 1 + _FLOWS * venue
        for k in range(2):
            side = 1 - 2 * k
            best = market.px_ticks[venue, k, BEST]
            off = side * (best - target_ticks(market, venue, side))
            speed = (
                market.venues[venue]["stale_rate"]
                if off > 0
                else market.venues[venue]["improve_rate"]
            )
            flow_rates[at + k] = speed * abs(off)
        flow_rates[at + _ADD] = market.venues[venue]["add_rate"]
        flow_rates[at + _CANCEL] = market.venues[venue]["cancel_rate"]
        flow_rates[at + _NOISE_TAKE] = (
            active * market.venues[venue]["take_rate"] + market.venues[venue]["take_intensity"]
        )
        profit = abs(informed_profit(market, venue))
        flow_rates[at + _INFORMED_TAKE] = market.venues[venue]["informed_rate"] * profit
        flow_rates[at + _INFORMED_TAKE + 1] = _PREMIUM_RATE
        for flow in range(_FLOWS):
            total += flow_rates[at + flow]
    return total


@kernel
def move_efficient(market: Market, signed_ticks: Whole) -> None:
    """Move the efficient price; venues will look after their lag."""
    moved = market.common[0]["efficient_ticks"] + signed_ticks
    if moved < _MIN_EFFICIENT_TICKS:
        return
    market.common[0]["efficient_ticks"] = moved
    for venue in range(market.venues.shape[0]):
        if market.venues[venue]["look_ns"] == _NEVER:
            market.venues[venue]["look_ns"] = (
                market.common[0]["now_ns"] + market.venues[venue]["lag_ns"]
            )


@kernel
def bring_news(market: Market, rng: RandomState) -> None:
    """Move the efficient price by a tick or a jump, which makes further moves likelier."""
    size = 1
    excitation = market.common[0]["move_excitation"]
    if uniform(rng) < market.common[0]["jump_share"]:
        size = _JUMP_FLOOR_TICKS + int(market.common[0]["jump_ticks"] * exponential(rng))
        excitation = market.common[0]["jump_excitation"]
    market.common[0]["move_intensity"] += excitation
    move_efficient(market, sign(rng) * size)


@kernel
def repair(rows: RecordArray, market: Market, venue: int, side: Whole, rng: RandomState) -> None:
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
    lean = _LEAN_PER_TICK * (fair_ticks(market, venue, market.common[0]["efficient_ticks"]) - mid)
    lean = min(max(lean, -_MAX_LEAN), _MAX_LEAN)
    repeat = market.venues[venue]["last_taker"] * (_REPEAT_SHARE - 0.5)
    aggressor = 1 if uniform(rng) < 0.5 + repeat + lean else -1
    market.venues[venue]["last_taker"] = aggressor
    market.venues[venue]["take_intensity"] += market.venues[venue]["take_excitation"]
    take(rows, market, venue, aggressor, draw_order_lots(rng), rng)
    if uniform(rng) < market.venues[venue]["impact_share"]:
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
    premium = _PREMIUM_KEPT * market.venues[venue]["premium_ticks"]
    premium += _PREMIUM_SIGMA_TICKS * normal(rng)
    if uniform(rng) < market.venues[venue]["shock_rate"] / _PREMIUM_RATE:
        size = _SHOCK_FLOOR_TICKS + market.venues[venue]["shock_ticks"] * exponential(rng)
        premium += sign(rng) * size
    market.venues[venue]["premium_ticks"] = premium


@kernel
def change_activity(market: Market, elapsed_s: float, rng: RandomState) -> None:
    """Let activity wander over some time."""
    kept = math.exp(-elapsed_s / market.common[0]["activity_memory_s"])
    sigma = market.common[0]["activity_sigma"] * math.sqrt(1.0 - kept * kept)
    market.common[0]["log_activity"] *= kept
    market.common[0]["log_activity"] += sigma * normal(rng)


@kernel
def advance_clock(market: Market, to_ns: int) -> None:
    """Move time on and let excitement fade."""
    elapsed_s = (to_ns - market.common[0]["now_ns"]) * 1e-9
    market.common[0]["now_ns"] = to_ns
    market.common[0]["move_intensity"] *= math.exp(-market.common[0]["move_decay"] * elapsed_s)
    fade = math.exp(-_TAKE_DECAY * elapsed_s)
    for venue in range(market.venues.shape[0]):
        market.venues[venue]["take_intensity"] *= fade


@kernel
def receive(market: Market, venue: int, rng: RandomState) -> None:
    """Draw when we get what the venue sends now, never before what it sent earlier."""
    latency = market.venues[venue]["feed_median_ns"] * math.exp(
        market.venues[venue]["feed_sigma"] * normal(rng)
    )
    arrival = market.common[0]["now_ns"] + int(latency)
    if arrival > market.venues[venue]["recv_ns"]:
        market.venues[venue]["recv_ns"] = arrival


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
def run(rows: RecordArray, market: Market, rng: RandomState) -> None:
    """Write events until no further message is sure to fit."""
    longest = 3 * market.px_ticks.shape[2]
    flow_rates = np.empty(1 + _FLOWS * market.venues.shape[0])
    while market.common[0]["used"] + longest <= rows.shape[0]:
        total = fill_rates(market, flow_rates)
        next_ns = market.common[0]["now_ns"] + 1 + int(exponential(rng) / total * 1e9)
        look_ns = market.venues["look_ns"].min()
        if look_ns <= next_ns:
            advance_clock(market, look_ns)
            for venue in range(market.venues.shape[0]):
                if market.venues[venue]["look_ns"] == look_ns:
                    market.venues[venue]["look_ns"] = _NEVER
                    market.venues[venue]["seen_ticks"] = market.common[0]["efficient_ticks"]
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
