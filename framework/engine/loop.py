"""The event loop: whatever comes next, in one total order, until a strategy must be woken.

Order at one instant: a market event at its venue, a request reaching a venue, a market event
reaching us, a response reaching us, a timer, a settlement, a sample of the state. The loop keeps
all it needs in the world, so it can return at any wake-up and be entered again as if it had never
left.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import array_at, call_entry, cold, kernel
from framework.book.ladder import best_price
from framework.core.events import NO_PRICE, EventFlag, I64Array
from framework.engine.market import BEST_CHANGED, TOP_CHANGED, TRADED, happen, reach
from framework.engine.requests import arrive, hear, post
from framework.venue.costs import settle
from framework.venue.mail import next_arrival
from framework.venue.pegs import follow_mid
from framework.venue.records import SAMPLE_DTYPE, Status, View, WakeKind
from framework.venue.world import (
    ACTIONS_PER_INSTANT,
    FOREVER,
    W,
    accounts_of,
    ladders_at_venue,
    streams_of,
    trials_of,
    view_of,
)

_DONE, _WAKE = int(Status.DONE), int(Status.WAKE)
_NO_PROGRESS = int(Status.NO_PROGRESS)
_FLUSH, _GROW = int(Status.FLUSH), int(Status.GROW)
_TIMER, _TRADE, _BEST = int(WakeKind.TIMER), int(WakeKind.TRADE), int(WakeKind.BEST)
_CROSS, _FILL = int(WakeKind.CROSS), int(WakeKind.FILL)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_MARKET_WAKES: Final = 1 << _TRADE | 1 << _BEST | 1 << _CROSS
_LAST = int(EventFlag.LAST)
_PPB: Final = 1_000_000_000


@kernel
def schedule(world: I64Array) -> None:
    """Find again the earliest instants at which any trial has something to do."""
    cold()
    request_ns = response_ns = timer_ns = FOREVER
    trials = trials_of(world)
    for k in range(trials.size):
        request_ns = min(request_ns, next_arrival(world, k, 0))
        response_ns = min(response_ns, next_arrival(world, k, 1))
        timer_ns = min(timer_ns, trials[k].next_timer_ns, trials[k].alarm_ns)
    world[W.NEXT_REQUEST_NS] = request_ns
    world[W.NEXT_RESPONSE_NS] = response_ns
    world[W.NEXT_TIMER_NS] = timer_ns


@kernel
def _due_request(world: I64Array, response: int, ts_ns: int) -> int:
    """First trial whose next message arrives at ``ts_ns``."""
    k = 0
    while next_arrival(world, k, response) != ts_ns:
        k += 1
    return k


@kernel
def _wake(world: I64Array, k: int, kind: int) -> int:
    world[W.WAKE_TRIAL] = k
    world[W.WAKE_KIND] = kind
    return _WAKE


@kernel
def _fire_timer(world: I64Array) -> int:
    """Fire the first due timer or alarm and set the next."""
    cold()
    trials = trials_of(world)
    now_ns = world[W.NEXT_TIMER_NS]
    k = 0
    while trials[k].next_timer_ns != now_ns and trials[k].alarm_ns != now_ns:
        k += 1
    if trials[k].next_timer_ns == now_ns:
        trials[k].next_timer_ns = now_ns + trials[k].timer_ns
    else:
        trials[k].alarm_ns = FOREVER
    world[W.NOW_NS] = now_ns
    schedule(world)
    return k


@kernel
def _sample(world: I64Array) -> bool:
    """Write down every trial's account in every book; false where the samples are full."""
    cold()
    ts_ns = world[W.NEXT_SAMPLE_NS]
    n_books = world[W.N_BOOKS]
    i = world[W.N_SAMPLES]
    if i + world[W.N_TRIALS] * n_books > world[W.SAMPLE_SLOTS]:
        return False
    samples = array_at(world[W.SAMPLES], world[W.SAMPLE_SLOTS], SAMPLE_DTYPE)
    ladders = ladders_at_venue(world)
    for k in range(world[W.N_TRIALS]):
        accounts = accounts_of(world, k)
        for b in range(n_books):
            sample = samples[i]
            sample.trial = k
            sample.ts_ns = ts_ns
            sample.book = b
            sample.bid_ticks = best_price(ladders, b, 1)
            sample.ask_ticks = best_price(ladders, b, -1)
            sample.position_lots = accounts[b].position
            sample.cash_units = accounts[b].cash
            sample.fee_micro = accounts[b].fee_micro
            sample.carry_micro = accounts[b].carry_micro
            i += 1
    world[W.N_SAMPLES] = i
    return True


@kernel
def _crossed(world: I64Array, buy: int, sell: int, edge_ppb: int) -> bool:
    """True where the known bid of ``sell`` beats the known ask of ``buy`` by more than an edge."""
    streams = streams_of(world)
    if buy == sell or streams[buy].asset != streams[sell].asset:
        return False
    bid = view_of(world, _V_BID)[sell]
    ask = view_of(world, _V_ASK)[buy]
    if bid == NO_PRICE or ask == NO_PRICE:
        return False
    bid *= streams[sell].grid
    ask *= streams[buy].grid
    # As floats: the product may pass int64, and 53 bits decide an edge of parts per billion.
    return bid > ask and float(bid - ask) * _PPB > float(ask) * float(edge_ppb)


@kernel
def _fan_out(world: I64Array) -> bool:
    """Find the next wake-up that the received event in hand is owed; false where none is left.

    Each trial may be woken in turn for a trade, a new best price, and, book by book, a cross in
    either direction.
    """
    b = world[W.FAN_BOOK]
    n_books = world[W.N_BOOKS]
    trials = trials_of(world)
    while world[W.FAN_TRIAL] < trials.size:
        k = world[W.FAN_TRIAL]
        wakes = trials[k].wakes
        while world[W.FAN_STEP] < 2 + 2 * n_books:
            step = world[W.FAN_STEP]
            world[W.FAN_STEP] = step + 1
            world[W.WAKE_A] = b
            if step == 0:
                if world[W.FAN_TRADED] and wakes & (1 << _TRADE):
                    _wake(world, k, _TRADE)
                    return True
            elif step == 1:
                if world[W.FAN_BEST] and wakes & (1 << _BEST):
                    _wake(world, k, _BEST)
                    return True
            elif world[W.FAN_TOP] and wakes & (1 << _CROSS):
                other = (step - 2) >> 1
                buy, sell = (b, other) if step & 1 else (other, b)
                if _crossed(world, buy, sell, trials[k].edge_ppb):
                    world[W.WAKE_A] = buy
                    world[W.WAKE_B] = sell
                    _wake(world, k, _CROSS)
                    return True
            else:
                break
        world[W.FAN_TRIAL] = k + 1
        world[W.FAN_STEP] = 0
    world[W.FAN_OPEN] = 0
    return False


@kernel
def _open_fan(world: I64Array, b: int, changed: int) -> None:
    world[W.FAN_OPEN] = 1
    world[W.FAN_BOOK] = b
    world[W.FAN_TRADED] = changed & TRADED
    world[W.FAN_BEST] = changed & BEST_CHANGED
    world[W.FAN_TOP] = changed & TOP_CHANGED
    world[W.FAN_TRIAL] = 0
    world[W.FAN_STEP] = 0


@kernel
def _next_received_ns(world: I64Array) -> int:
    j = world[W.RECEIVED]
    if j >= world[W.N_RECEIVABLE]:
        return FOREVER
    n = world[W.N_EVENTS]
    row = array_at(world[W.RECV_ORDER], n, np.int32)[j]
    return array_at(world[W.TS_RECV], n, np.int64)[row]


@kernel
def _receive(world: I64Array) -> bool:
    """Let the next event reach us; true where a strategy may have to be woken."""
    j = world[W.RECEIVED]
    n = world[W.N_EVENTS]
    row = array_at(world[W.RECV_ORDER], n, np.int32)[j]
    changed = reach(world, row)
    if changed < 0:
        world[W.STATUS] = _GROW
        return False
    world[W.RECEIVED] = j + 1
    if changed == 0 or not world[W.ANY_WAKES] & _MARKET_WAKES:
        return False
    now_ns = array_at(world[W.TS_RECV], n, np.int64)[row]
    if now_ns < world[W.START_NS]:
        return False
    world[W.NOW_NS] = now_ns
    _open_fan(world, array_at(world[W.BOOK], n, np.int32)[row], changed)
    return True


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
def _act(world: I64Array, stage: int) -> int:
    """Do what a trial has due at a stage; the trial to be woken, or -1."""
    cold()
    if stage == 1:
        now_ns = world[W.NEXT_REQUEST_NS]
        k = _due_request(world, 0, now_ns)
        world[W.NOW_NS] = now_ns
        arrive(world, k)
        schedule(world)
        return -1
    now_ns = world[W.NEXT_RESPONSE_NS]
    k = _due_request(world, 1, now_ns)
    world[W.NOW_NS] = now_ns
    kind = hear(world, k)
    schedule(world)
    _count_action(world, now_ns)
    if trials_of(world)[k].wakes & (1 << kind):
        _wake(world, k, kind)
        return k
    return -1


@kernel
def _move_pegs(world: I64Array, row: int) -> None:
    """Let midpoint orders follow the book where a message has ended."""
    cold()
    n = world[W.N_EVENTS]
    if array_at(world[W.FLAGS], n, np.int8)[row] & _LAST:
        ts_ns = array_at(world[W.TS_EXCH], n, np.int64)[row]
        follow_mid(world, int(np.int64(array_at(world[W.BOOK], n, np.int32)[row])), ts_ns)


@kernel
def _happen_until(world: I64Array, limit_ns: int) -> None:
    """Let events happen at their venues up to and including an instant."""
    n = world[W.N_EVENTS]
    ts_exch_ns = array_at(world[W.TS_EXCH], n, np.int64)
    i = world[W.EVENT]
    # A fill sends a response and may fill the journal: come back so that both are looked at.
    response_ns = world[W.NEXT_RESPONSE_NS]
    n_journal = world[W.N_JOURNAL]
    pegged = world[W.N_PEGS] > 0  # none begins to rest but by a request
    while i < n and ts_exch_ns[i] <= limit_ns:
        if not happen(world, i):
            world[W.STATUS] = _GROW
            break
        if pegged:
            _move_pegs(world, i)
        i += 1
        if world[W.NEXT_RESPONSE_NS] != response_ns or world[W.N_JOURNAL] != n_journal:
            break
    world[W.EVENTS_DONE] += i - world[W.EVENT]
    world[W.EVENT] = i


@kernel
def _needs_drain(world: I64Array) -> bool:
    # One step can write at most a few rows for each open order of each trial, a wake-up's requests
    # two rows for each place in the outbox, and a walk through a book one row a message.
    return world[W.N_JOURNAL] + 12 * world[W.N_TRIALS] * world[W.SLOTS] > world[W.JOURNAL_SLOTS]


@kernel
def advance(world: I64Array) -> int:
    """Run until a Python strategy must be woken, the chunk is used up or Python must help.

    Compiled strategies are woken here, without coming back. Returns a `Status`.
    """
    while True:
        status = _advance(world)
        if status != _WAKE:
            return status
        trial = trials_of(world)[world[W.WAKE_TRIAL]]
        if trial.wake_entry == 0:
            return status
        call_entry(trial.wake_entry, world[W.SELF], trial.notes)


@kernel
def _advance(world: I64Array) -> int:
    """Run until some strategy must be woken.

    Requests written to the outbox since the last wake-up are sent first.
    """
    if world[W.N_OUTBOX]:
        post(world, world[W.WAKE_TRIAL])
    schedule(world)
    while world[W.STATUS] == _DONE:
        if _needs_drain(world):
            return _FLUSH
        if world[W.FAN_OPEN] and _fan_out(world):
            return _WAKE
        n = world[W.N_EVENTS]
        i = world[W.EVENT]
        event_ns = FOREVER
        if i < n:
            event_ns = array_at(world[W.TS_EXCH], n, np.int64)[i]
        received_ns = _next_received_ns(world)
        request_ns, response_ns = world[W.NEXT_REQUEST_NS], world[W.NEXT_RESPONSE_NS]
        timer_ns, sample_ns = world[W.NEXT_TIMER_NS], world[W.NEXT_SAMPLE_NS]
        settlement_ns = world[W.NEXT_SETTLEMENT_NS]
        rest_ns = min(request_ns, received_ns, response_ns, timer_ns, settlement_ns, sample_ns)
        if event_ns <= rest_ns and event_ns != FOREVER:
            _happen_until(world, rest_ns)
        elif rest_ns >= world[W.HORIZON_NS] or rest_ns > world[W.LAST_NS]:
            return _DONE
        elif request_ns == rest_ns:
            _act(world, 1)
        elif received_ns == rest_ns:
            _receive(world)
        elif response_ns == rest_ns:
            if _act(world, 3) >= 0:
                return _WAKE
        elif timer_ns == rest_ns:
            return _wake(world, _fire_timer(world), _TIMER)
        elif settlement_ns == rest_ns:
            settle(world)
        else:
            if not _sample(world):
                return _FLUSH
            world[W.NEXT_SAMPLE_NS] += world[W.SAMPLE_INTERVAL_NS]
    status = world[W.STATUS]
    world[W.STATUS] = _DONE
    return status
