"""The event loop: whatever comes next, in one total order, until a strategy must be woken.

Order at one instant: a market event at its venue, a request reaching a venue, the state store
telling of a change, a market event reaching us, a response reaching us, a timer, a settlement, a
sample of the state. The loop keeps
all it needs in the world, so it can return at any wake-up and be entered again as if it had never
left.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import array_at, call_entry, call_python, cold, kernel
from framework.core.events import I64Array
from framework.engine.ending import end_trial, sample_trial
from framework.engine.fan import MARKET_WAKES, fan_out, wake
from framework.engine.market import flow, hear_store
from framework.engine.requests import arrive, hear, keep_in_store, post
from framework.risk.watch import look
from framework.venue.costs import settle
from framework.venue.due import Due, set_due, whose_turn
from framework.venue.feed import catch_up, next_received_ns
from framework.venue.records import Status, WakeKind
from framework.venue.world import (
    ACTIONS_PER_INSTANT,
    FOREVER,
    NEVER,
    W,
    trials_of,
)

_LATEST: Final = FOREVER - 1
_DONE, _WAKE = int(Status.DONE), int(Status.WAKE)
_NO_PROGRESS = int(Status.NO_PROGRESS)
_FLUSH, _FAILED = int(Status.FLUSH), int(Status.FAILED)
_CHECKPOINT, _PAUSE = int(Status.CHECKPOINT), int(Status.PAUSE)
_DUE_REQUEST, _DUE_RESPONSE = int(Due.REQUEST), int(Due.RESPONSE)
_DUE_TIMER, _DUE_RISK = int(Due.TIMER), int(Due.RISK)
_TIMER = int(WakeKind.TIMER)


@kernel
def _set_timer(world: I64Array, k: int) -> None:
    """Note when a trial's timer or alarm is due."""
    trial = trials_of(world)[k]
    set_due(world, _DUE_TIMER, k, min(trial.next_timer_ns, trial.alarm_ns))


@kernel
def _fire_timer(world: I64Array) -> int:
    """Fire a due timer or alarm and set the next; the trial to be woken."""
    cold()
    now_ns = world[W.NEXT_TIMER_NS]
    k = whose_turn(world, _DUE_TIMER)
    trial = trials_of(world)[k]
    if trial.next_timer_ns == now_ns:
        trial.next_timer_ns = now_ns + trial.timer_ns
    else:
        trial.alarm_ns = FOREVER
    world[W.NOW_NS] = now_ns
    _set_timer(world, k)
    return k


@kernel
def _sample(world: I64Array) -> None:
    """Write down the account of every trial that goes on, and set the next instant."""
    cold()
    trials = trials_of(world)
    for k in range(trials.size):
        if trials[k].ended_ns == 0:
            sample_trial(world, k, world[W.NEXT_SAMPLE_NS])
    world[W.NEXT_SAMPLE_NS] += world[W.SAMPLE_INTERVAL_NS]


@kernel
def _count_action(world: I64Array, now_ns: int) -> None:
    """Stop a strategy that answers every answer at once where there is no latency."""
    if world[W.ACTED_NS] != now_ns:
        world[W.ACTED_NS] = now_ns
        world[W.ACTIONS] = 0
    world[W.ACTIONS] += 1
    if world[W.ACTIONS] > ACTIONS_PER_INSTANT:
        world[W.STATUS] = _NO_PROGRESS


@kernel
def _arrive(world: I64Array) -> None:
    """Let the earliest request reach its venue."""
    cold()
    world[W.NOW_NS] = world[W.NEXT_REQUEST_NS]
    arrive(world, whose_turn(world, _DUE_REQUEST))


@kernel
def _hear(world: I64Array) -> bool:
    """Let the earliest response reach its trial; true where that is to be woken."""
    cold()
    now_ns = world[W.NEXT_RESPONSE_NS]
    k = whose_turn(world, _DUE_RESPONSE)
    world[W.NOW_NS] = now_ns
    if world[W.STORE] and keep_in_store(world, k):
        return False
    kind = hear(world, k)
    _count_action(world, now_ns)
    if trials_of(world)[k].wakes & (1 << kind) == 0:
        return False
    if next_received_ns(world) <= now_ns:
        catch_up(world, now_ns)
    wake(world, k, kind)
    return True


@kernel
def _look_at_risk(world: I64Array) -> None:
    """Let the risk room look at a trial, and send what it asks for."""
    cold()
    world[W.NOW_NS] = world[W.NEXT_RISK_NS]
    k = whose_turn(world, _DUE_RISK)
    look(world, k)
    post(world, k)


@kernel
def _needs_drain(world: I64Array) -> bool:
    if world[W.N_SAMPLES] + world[W.N_TRIALS] * world[W.N_BOOKS] > world[W.SAMPLE_SLOTS]:
        return True  # one round of samples, and a trial that ends is sampled once more
    # One step can write at most a few rows for each open order of each trial, a wake-up's requests
    # two rows for each place in the outbox, and a walk through a book one row a message.
    return world[W.N_JOURNAL] + 12 * world[W.N_TRIALS] * world[W.SLOTS] > world[W.JOURNAL_SLOTS]


@kernel
def advance(world: I64Array) -> int:
    """Run until the chunk is used up or Python must help; returns a `Status`.

    Strategies are woken from here, compiled or not.
    """
    return _run(array_at(world[W.SELF], world.size, np.int64))


@kernel
def _run(world: I64Array) -> int:
    """Run as `advance` does, in a world that is Python's to keep."""
    while True:
        status = _advance(world)
        if status != _WAKE:
            return status
        trial = trials_of(world)[world[W.WAKE_TRIAL]]
        if trial.wake_entry:
            call_entry(trial.wake_entry, world[W.SELF], trial.notes)
        else:
            call_python(trial.notes)
            if world[W.STATUS] == _FAILED:
                world[W.STATUS] = _DONE
                return _FAILED


@kernel
def _resume(world: I64Array) -> None:
    """Take over what was asked for while the loop was left."""
    k = world[W.WAKE_TRIAL]
    trials = trials_of(world)
    if world[W.PAUSED]:
        world[W.PAUSED] = 0
        for other in range(trials.size):
            if trials[other].ending:
                end_trial(world, other)
        return
    if trials[k].ending:
        world[W.N_OUTBOX] = 0
        end_trial(world, k)
        return
    if world[W.N_OUTBOX]:
        post(world, k)
    _set_timer(world, k)


@kernel
def _advance(world: I64Array) -> int:
    """Run until some strategy must be woken.

    Where none is woken by the market, what has reached us is looked at only when somebody looks.
    """
    _resume(world)
    watching = world[W.ANY_WAKES] & MARKET_WAKES != 0
    # Word of an order may then be heard before the market of that instant is looked at.
    unhurried = not watching and world[W.STORE] == 0 and world[W.RISK] == 0
    while world[W.STATUS] == _DONE:
        if _needs_drain(world):
            return _FLUSH
        if world[W.FAN_OPEN] and fan_out(world):
            return _WAKE
        i = world[W.EVENT]
        if i == world[W.CHECK_ROW]:
            return _CHECKPOINT
        event_ns = FOREVER
        if i < world[W.N_EVENTS]:
            event_ns = array_at(world[W.TS_EXCH], i + 1, np.int64)[i]
        request_ns, response_ns = world[W.NEXT_REQUEST_NS], world[W.NEXT_RESPONSE_NS]
        timer_ns, sample_ns = world[W.NEXT_TIMER_NS], world[W.NEXT_SAMPLE_NS]
        settlement_ns = world[W.NEXT_SETTLEMENT_NS]
        pause_ns, risk_ns = world[W.NEXT_PAUSE_NS], world[W.NEXT_RISK_NS]
        later_ns = min(response_ns, risk_ns, timer_ns, settlement_ns, sample_ns, pause_ns)
        rest_ns = min(request_ns, later_ns)
        received_ns = next_received_ns(world)
        # At one instant requests reach their venues before the market reaches us.
        watched_ns = min(request_ns - 1, later_ns) if watching else NEVER
        told_ns = world[W.NEXT_TOLD_NS]
        reach_ns = min(watched_ns, told_ns - 1)
        if event_ns <= min(rest_ns, told_ns, _LATEST) or received_ns <= reach_ns:
            flow(world, min(rest_ns, told_ns), reach_ns)
        elif told_ns <= min(watched_ns, world[W.HORIZON_NS] - 1, world[W.LAST_NS]):
            hear_store(world)
        elif rest_ns >= world[W.HORIZON_NS] or rest_ns > world[W.LAST_NS]:
            if received_ns == FOREVER:
                return _DONE
            catch_up(world, FOREVER)
        elif request_ns == rest_ns:
            _arrive(world)
        elif received_ns <= later_ns and not (unhurried and response_ns == rest_ns):
            catch_up(world, later_ns)
        elif response_ns == rest_ns:
            if _hear(world):
                return _WAKE
        elif risk_ns == rest_ns:
            _look_at_risk(world)
        elif timer_ns == rest_ns:
            return wake(world, _fire_timer(world), _TIMER)
        elif settlement_ns == rest_ns:
            settle(world)
        elif sample_ns == rest_ns:
            _sample(world)
        else:
            world[W.NOW_NS] = pause_ns
            world[W.PAUSED] = 1
            return _PAUSE
    status = world[W.STATUS]
    world[W.STATUS] = _DONE
    return status
