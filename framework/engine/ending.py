"""A trial may end before its market does: it gives up, or somebody finds it not worth going on.

From then on it is as if it had never been: its orders are gone without a trace, nothing on its way
arrives, nothing wakes it. Its account is sampled once more and then stands still. The others do not
notice.
"""

from __future__ import annotations

from framework._jit import array_at, cold, kernel
from framework.book.ladder import best_price
from framework.core.events import I64Array
from framework.venue.consumed import forget_half
from framework.venue.due import Due, set_due
from framework.venue.matching import leave
from framework.venue.records import SAMPLE_DTYPE, LocalState, VenueState
from framework.venue.world import (
    FOREVER,
    W,
    accounts_of,
    ladders_at_venue,
    orders_of,
    trials_of,
)

_FREE, _OVER = int(LocalState.FREE), int(VenueState.OVER)
_REQUEST, _RESPONSE = int(Due.REQUEST), int(Due.RESPONSE)
_TIMER, _RISK = int(Due.TIMER), int(Due.RISK)


@kernel
def sample_trial(world: I64Array, k: int, ts_ns: int) -> None:
    """Write down a trial's account in every book; the samples must have room."""
    samples = array_at(world[W.SAMPLES], world[W.SAMPLE_SLOTS], SAMPLE_DTYPE)
    ladders = ladders_at_venue(world)
    accounts = accounts_of(world, k)
    first = world[W.N_SAMPLES]
    for b in range(accounts.size):
        sample = samples[first + b]
        sample.trial = k
        sample.ts_ns = ts_ns
        sample.book = b
        sample.bid_ticks = best_price(ladders, b, 1)
        sample.ask_ticks = best_price(ladders, b, -1)
        sample.position_lots = accounts[b].position
        sample.cash_units = accounts[b].cash
        sample.fee_micro = accounts[b].fee_micro
        sample.carry_micro = accounts[b].carry_micro
    world[W.N_SAMPLES] = first + accounts.size


@kernel
def end_trial(world: I64Array, k: int) -> None:
    """End a trial now; the samples must have room for one more of it."""
    cold()
    trial = trials_of(world)[k]
    orders = orders_of(world, k)
    for o in range(orders.size):
        leave(world, k, o)
        orders[o].venue_state = _OVER
        orders[o].local_state = _FREE
        orders[o].in_flight = 0
    for h in range(2 * world[W.N_BOOKS]):
        forget_half(world, k, h)
    trial.n_open = 0
    trial.request_head = trial.request_tail = 0
    trial.response_head = trial.response_tail = 0
    trial.wakes = 0
    trial.next_timer_ns = trial.alarm_ns = FOREVER
    for line in (_REQUEST, _RESPONSE, _TIMER, _RISK):
        set_due(world, line, k, FOREVER)
    trial.ending = 0
    trial.ended_ns = world[W.NOW_NS]
    sample_trial(world, k, world[W.NOW_NS])
