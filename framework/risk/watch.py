"""What the risk room looks at by itself: losses, silent venues, and orders that should be gone."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.core.orders import JournalEvent, Reason
from framework.risk.checks import is_stale, last_heard_ns
from framework.risk.closing import ask_cancel, ask_cancels, ask_to_close, tell_breach
from framework.risk.exposure import book_fill, equity, heard
from framework.risk.protection import is_paused, note_fill
from framework.risk.records import (
    at_risk_of,
    book_limits_of,
    limits_of,
    trial_use_of,
    uses_of,
)
from framework.venue.due import Due, set_due
from framework.venue.records import LocalState
from framework.venue.world import FOREVER, W, accounts_of, orders_of

_FILLED = int(JournalEvent.FILLED)
_ACCEPTED, _CANCEL_REJECTED = int(JournalEvent.ACCEPTED), int(JournalEvent.CANCEL_REJECTED)
_STOPPED, _STALE = int(Reason.RISK_STOPPED), int(Reason.RISK_STALE)
_PROTECTION, _LOSS = int(Reason.RISK_PROTECTION), int(Reason.RISK_LOSS)
_DRAWDOWN, _NONE = int(Reason.RISK_DRAWDOWN), int(Reason.NONE)
_RISK, _OPEN = int(Due.RISK), int(LocalState.OPEN)
_INF = float("inf")


@kernel
def _limits_losses(world: I64Array) -> bool:
    limits = limits_of(world)
    return limits.max_loss != _INF or limits.max_drawdown != _INF


@kernel
def _holds_anything(world: I64Array, k: int) -> bool:
    accounts = accounts_of(world, k)
    held = 0
    for b in range(accounts.size):
        held += accounts[b].known_position != 0
    return held > 0


@kernel
def _look_at_loss(world: I64Array, k: int) -> None:
    """Stop a trial that has lost what it may."""
    cold()
    use = trial_use_of(world, k)
    if use.stopped or not _limits_losses(world):
        return
    limits = limits_of(world)
    now = equity(world, k)
    peak = max(use.peak, now)
    use.peak = peak
    reason = _NONE
    if -now >= limits.max_loss:
        reason = _LOSS
    elif peak - now >= limits.max_drawdown:
        reason = _DRAWDOWN
    if reason == _NONE:
        return
    use.stopped = reason
    tell_breach(world, k, 0, reason, 0)
    ask_cancels(world, k, -1, _STOPPED, True)


@kernel
def _look_at_venues(world: I64Array, k: int) -> None:
    """Cancel all quotes at venues that have fallen silent."""
    cold()
    limits = book_limits_of(world)
    for b in range(limits.size):
        if uses_of(world, k)[b].n_orders and is_stale(world, b):
            asked = ask_cancels(world, k, b, _STALE, False)
            if asked:
                tell_breach(world, k, b, _STALE, asked)


@kernel
def look(world: I64Array, k: int) -> None:
    """Look at a trial when that is due; what must follow stands in the outbox."""
    cold()
    if limits_of(world).stale_ns != FOREVER:
        _look_at_venues(world, k)
    _look_at_loss(world, k)
    if trial_use_of(world, k).stopped and limits_of(world).flattens:
        ask_to_close(world, k, _STOPPED)


@kernel
def _closed_for(world: I64Array, k: int, b: int) -> int:
    """Why no order of a trial may stand in a book now; 0 where it may."""
    if trial_use_of(world, k).stopped:
        return _STOPPED
    if is_stale(world, b):
        return _STALE
    return _PROTECTION if is_paused(world, k, b) else _NONE


@kernel
def hear_risk(
    world: I64Array,
    k: int,
    o: int,
    event: int,
    z: int,
    lots: int,
    leaves: int,
    is_news: bool,
    over: bool,
) -> None:
    """Take in a message of the venue; what must follow stands in the outbox."""
    cold()
    b = orders_of(world, k)[o].book
    risk = at_risk_of(world, k)[o]
    heard(world, k, o, event, lots, leaves, is_news, over)
    if event == _FILLED:
        book_fill(world, k, o, z, lots)
        if risk.is_quote and note_fill(world, k, b, lots) and not is_paused(world, k, b):
            use = uses_of(world, k)[b]
            use.paused_ns = world[W.NOW_NS] + book_limits_of(world)[b].pause_ns
            tell_breach(world, k, b, _PROTECTION, use.filled)
            ask_cancels(world, k, b, _PROTECTION, True)
        _look_at_loss(world, k)
    elif (event in (_ACCEPTED, _CANCEL_REJECTED)) and risk.is_quote:
        # A cancel may overtake the order it is to cancel: it is asked for again once that stands.
        reason = _closed_for(world, k, b)
        if reason != _NONE and orders_of(world, k)[o].local_state == _OPEN:
            ask_cancel(world, k, o, reason)


@kernel
def schedule(world: I64Array, k: int) -> None:
    """Note when a trial is to be looked at next."""
    cold()
    limits = limits_of(world)
    now_ns = world[W.NOW_NS]
    due_ns = FOREVER
    if limits.stale_ns != FOREVER and trial_use_of(world, k).n_orders:
        for b in range(world[W.N_BOOKS]):
            if uses_of(world, k)[b].n_orders and not is_stale(world, b):
                due_ns = min(due_ns, last_heard_ns(world, b) + limits.stale_ns + 1)
    is_stopped = trial_use_of(world, k).stopped != 0
    watches = limits.flattens != 0 if is_stopped else _limits_losses(world)
    if watches and _holds_anything(world, k):
        due_ns = min(due_ns, (now_ns // limits.check_ns + 1) * limits.check_ns)
    set_due(world, _RISK, k, due_ns)
