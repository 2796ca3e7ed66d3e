"""Kernels that decide what happens next in the planted market.

Every venue has a candidate instant for its next event, drawn at a rate that bounds its flows until
something changes (Ogata's thinning); the earliest of candidates, price steps and planned episodes
comes next. When a venue's state changes its candidate is drawn anew, which the exponential
distribution allows.

References
----------
Ogata, Y. (1981). On Lewis' simulation method for point processes.
"""

from __future__ import annotations

import math
from typing import Final

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.synthetic.draws import exponential, uniform
from framework.synthetic.planted.crosses import close_crosses, follow_crosses
from framework.synthetic.planted.episodes import act, watch_spoof
from framework.synthetic.planted.latent import look, step_price
from framework.synthetic.planted.orders import (
    add_uninformed,
    cancel_some,
    draw_lots,
    informed_profit,
    is_held,
    repair,
    take_informed,
    take_uninformed,
    target_ticks,
)
from framework.synthetic.planted.queues import best_ticks, join, write_snapshot
from framework.synthetic.planted.state import (
    NEVER,
    NOBODY,
    Agent,
)
from framework.synthetic.planted.world import (
    W,
    actions_of,
    common_of,
    constants_of,
    random_of,
    venues_of,
)

_UNINFORMED: Final = int(Agent.UNINFORMED)
_MOST_PROFIT: Final = 2.0  # ticks beyond which informed traders are not any faster
_OPENING_LEVELS: Final = 20
_OPENING_ORDERS: Final = 4


@kernel
def repair_rate(w: I64Array, v: int, side: int) -> float:
    """Rate at which quoters correct a side."""
    venue = venues_of(w)[v]
    off = side * (best_ticks(w, v, side) - target_ticks(w, v, side))
    if off < 0:
        improve: float = -off * venue.improve_rate
        return improve
    if off == 0 or is_held(w, v, side):
        return 0.0
    pull: float = off * venue.stale_rate
    return pull


@kernel
def fade(w: I64Array, v: int) -> None:
    """Let a venue's excitement fade up to now."""
    venue = venues_of(w)[v]
    now_ns = common_of(w)[0].now_ns
    kept = math.exp(-constants_of(w)[0].decay * (now_ns - venue.decayed_ns) * 1e-9)
    venue.excited_limit *= kept
    venue.excited_cancel *= kept
    venue.excited_market *= kept
    venue.decayed_ns = now_ns


@kernel
def own_rate(w: I64Array, v: int) -> float:
    """Rate of uninformed limit orders, cancellations and market orders together."""
    venue = venues_of(w)[v]
    base = common_of(w)[0].activity * (venue.limit_rate + venue.market_rate)
    excited = venue.excited_limit + venue.excited_cancel + venue.excited_market
    total: float = base + venue.cancel_rate * venue.n_live + excited
    return total


@kernel
def schedule(w: I64Array, v: int) -> None:
    """Draw a venue's next candidate from its state now."""
    cold()
    venue = venues_of(w)[v]
    fade(w, v)
    venue.informed_now = 0.0
    if venue.plant_episode == NOBODY:
        venue.informed_now = venue.informed_rate * min(abs(informed_profit(w, v)), _MOST_PROFIT)
    bound = own_rate(w, v) + venue.informed_now
    bound += repair_rate(w, v, 1) + repair_rate(w, v, -1)
    venue.bound = bound
    wait_ns = exponential(random_of(w)) / bound * 1e9
    venue.candidate_ns = common_of(w)[0].now_ns + 1 + int(wait_ns)


@kernel
def excite(w: I64Array, v: int, by_market: bool) -> None:
    """Let an uninformed limit or market order make further orders likelier."""
    venue = venues_of(w)[v]
    c = constants_of(w)[0]
    venue.excited_limit += c.a02 if by_market else c.a00
    venue.excited_cancel += c.a12 if by_market else c.a10
    venue.excited_market += c.a22 if by_market else c.a20


@kernel
def happen(w: I64Array, v: int) -> None:
    """Let a venue's candidate come true, or not: its bound may have been too high by now."""
    cold()
    venue = venues_of(w)[v]
    common = common_of(w)[0]
    c = constants_of(w)[0]
    fade(w, v)
    left = uniform(random_of(w)) * venue.bound
    for k in range(2):
        side = 1 - 2 * k
        rate = repair_rate(w, v, side)
        if left < rate:
            repair(w, v, side)
            return
        left -= rate
    rate = common.activity * venue.limit_rate + venue.excited_limit
    if left < rate:
        add_uninformed(w, v)
        excite(w, v, False)
        return
    left -= rate
    rate = venue.cancel_rate * venue.n_live + venue.excited_cancel
    if left < rate:
        cancel_some(w, v)
        venue.excited_limit += c.a01
        venue.excited_cancel += c.a11
        venue.excited_market += c.a21
        return
    left -= rate
    rate = common.activity * venue.market_rate + venue.excited_market
    if left < rate:
        take_uninformed(w, v)
        excite(w, v, True)
        return
    left -= rate
    if left < venue.informed_now:
        take_informed(w, v)


@kernel
def settle(w: I64Array, v: int) -> None:
    """Follow up on whatever has changed at a venue."""
    watch_spoof(w, v)
    follow_crosses(w, v)
    schedule(w, v)


@kernel
def step(w: I64Array) -> None:
    """Move the price on and let every venue look."""
    step_price(w)
    for v in range(w[W.N_VENUES]):
        venue = venues_of(w)[v]
        moved = look(w, v)
        profit = informed_profit(w, v)
        if moved or (venue.plant_episode == NOBODY and (profit != 0.0 or venue.informed_now > 0)):
            schedule(w, v)


@kernel
def open_books(w: I64Array) -> None:
    """Fill empty books around the start price; each venue's stream begins with a snapshot."""
    cold()
    for v in range(w[W.N_VENUES]):
        venue = venues_of(w)[v]
        venue.is_lost = 1
        venue.message_agent = _UNINFORMED
        venue.message_episode = NOBODY
        for level in range(_OPENING_LEVELS):
            for k in range(2):
                side = 1 - 2 * k
                px_ticks = venue.anchor_ticks + k - side * level
                for _ in range(_OPENING_ORDERS):
                    join(w, v, side, px_ticks, draw_lots(w, 3.0, 1.0), 0)
        venue.is_lost = 0
        write_snapshot(w, v)
        settle(w, v)


@kernel
def run(w: I64Array, margin: int) -> bool:
    """Run until the market ends (True), or one more event might not fit into the chunk."""
    common = common_of(w)[0]
    while True:
        full = max(common.used, common.used_truth) + margin > w[W.N_ROWS]
        crosses = common.used_crosses + 256 > w[W.N_CROSSES]
        if full or crosses or common.used_path + 1 > w[W.N_PATH]:
            return False
        v = 0
        for u in range(1, w[W.N_VENUES]):
            if venues_of(w)[u].candidate_ns < venues_of(w)[v].candidate_ns:
                v = u
        event_ns = venues_of(w)[v].candidate_ns
        plan_ns = NEVER
        if common.plan_at < w[W.N_ACTIONS]:
            plan_ns = actions_of(w)[common.plan_at].ts_ns
        next_ns = min(event_ns, common.next_step_ns, plan_ns)
        if next_ns >= common.end_ns:
            common.now_ns = common.end_ns
            close_crosses(w)
            return True
        common.now_ns = next_ns
        if plan_ns == next_ns:
            entry = actions_of(w)[common.plan_at]
            common.plan_at += 1
            act(w, entry.action, entry.episode)
            for u in range(w[W.N_VENUES]):
                settle(w, u)
        elif common.next_step_ns == next_ns:
            step(w)
        else:
            happen(w, v)
            settle(w, v)
