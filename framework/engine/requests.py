"""A trial's own actions: requests leave, reach their venue, and word comes back."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array, Record
from framework.core.orders import JournalEvent, OrderType, Reason, TimeInForce, TraceEvent
from framework.risk.checks import owe_token, refuse_new, refuse_replace
from framework.risk.exposure import sent_new, sent_replace
from framework.risk.records import at_risk_of
from framework.risk.watch import hear_risk, schedule
from framework.venue.arrival import arrive_cancel, arrive_expiry, arrive_new, arrive_replace
from framework.venue.journal import journal_at, journal_row, trace_row
from framework.venue.latency import entry_ns
from framework.venue.mail import answer_ourselves, put_off, send, take
from framework.venue.order_states import OrderStep, move
from framework.venue.records import LocalState, Request, WakeKind
from framework.venue.store import S, order_told_ns, store_of
from framework.venue.world import (
    FOREVER,
    W,
    accounts_of,
    mail_of,
    open_of,
    orders_of,
    outbox_of,
    trials_of,
)

_NEW, _CANCEL, _REPLACE = int(Request.NEW), int(Request.CANCEL), int(Request.REPLACE)
_EXPIRE = int(Request.EXPIRE)
_SUBMIT, _REFUSE = int(OrderStep.SUBMIT), int(OrderStep.REFUSE)
_STOP, _HIDDEN = int(OrderType.STOP), int(OrderType.HIDDEN)
_MIDPOINT, _ICEBERG = int(OrderType.MIDPOINT), int(OrderType.ICEBERG)
_GTD = int(TimeInForce.GTD)
_FREE, _PENDING, _OPEN = int(LocalState.FREE), int(LocalState.PENDING), int(LocalState.OPEN)
_SUBMITTED, _REJECTED = int(JournalEvent.SUBMITTED), int(JournalEvent.REJECTED)
_CANCEL_SENT, _REPLACE_SENT = int(JournalEvent.CANCEL_SENT), int(JournalEvent.REPLACE_SENT)
_ACCEPTED, _FILLED = int(JournalEvent.ACCEPTED), int(JournalEvent.FILLED)
_EXPIRED, _CANCELLED = int(JournalEvent.EXPIRED), int(JournalEvent.CANCELLED)
_REPLACED, _CANCEL_REJECTED = int(JournalEvent.REPLACED), int(JournalEvent.CANCEL_REJECTED)
_REPLACE_REJECTED = int(JournalEvent.REPLACE_REJECTED)
_DECREMENTED = int(JournalEvent.DECREMENTED)
_NONE, _BAD_QUANTITY = int(Reason.NONE), int(Reason.BAD_QUANTITY)
_BAD_DISPLAY, _BAD_EXPIRY = int(Reason.BAD_DISPLAY), int(Reason.BAD_EXPIRY)
_HEARD = int(TraceEvent.HEARD)
_WAKE_FILL, _WAKE_ORDER = int(WakeKind.FILL), int(WakeKind.ORDER)


@kernel
def _refusal(out: Record) -> int:
    """Why a new order cannot even be sent; 0 where it can."""
    if out.lots <= 0:
        return _BAD_QUANTITY
    if out.order_type == _ICEBERG and not 0 < out.peak <= out.lots:
        return _BAD_DISPLAY
    if (out.tif == _GTD) != (out.expires_ns > 0):
        return _BAD_EXPIRY
    return _NONE


@kernel
def _describe(order: Record, out: Record) -> None:
    """Note on an order what only some types of order have."""
    cold()
    kind = out.order_type
    order.hidden = kind in (_HIDDEN, _MIDPOINT)
    order.stop_z = out.side * out.stop_px
    order.expires_ns = out.expires_ns
    order.peak = out.peak if kind == _ICEBERG else 0
    order.shown = 0
    order.level = 0
    if kind == _STOP:
        order.z = order.local_z = order.stop_z
    elif kind == _MIDPOINT:
        order.stop_z = order.z if out.px else FOREVER
    out.stop_px = 0
    out.expires_ns = 0
    out.peak = 0
    out.reason = 0


@kernel
def _submit(world: I64Array, k: int, out: Record) -> None:
    """Send a new order; one that makes no sense is refused on our side at once."""
    cold()
    now_ns = world[W.NOW_NS]
    o = out.id & (world[W.SLOTS] - 1)
    order = orders_of(world, k)[o]
    trial = trials_of(world)[k]
    order.id = out.id
    order.book = out.book
    order.side = out.side
    order.order_type = out.order_type
    order.tif = out.tif
    move(world, k, o, _SUBMIT)
    order.z = out.side * out.px
    order.lots = out.lots
    order.leaves = out.lots
    order.local_state = _PENDING
    order.local_z = order.z
    order.local_leaves = out.lots
    order.in_flight = 1
    order.cancel_sent = 0
    order.front = 0.0
    order.traded = 0.0
    order.words = 0
    order.heard = 0
    reason, why = _refusal(out), out.reason
    if world[W.RISK] and reason == _NONE and why == _NONE:
        reason = refuse_new(world, k, o, out.px)
    _describe(order, out)
    trial.orders += 1
    journal_row(world, k, o, now_ns, _SUBMITTED, why, False)
    if reason != _NONE:
        move(world, k, o, _REFUSE)
        journal_row(world, k, o, now_ns, _REJECTED, reason, False)
        send(world, k, 1, now_ns, _REJECTED, out.id, order.z, 0, 0)
        return
    if world[W.RISK]:
        sent_new(world, k, o)
    arrival_ns = now_ns + entry_ns(world, k, out.book, _NEW)
    send(world, k, 0, arrival_ns, _NEW, out.id, order.z, out.lots, out.lots)


@kernel
def _may_amend(world: I64Array, k: int, o: int, out: Record) -> bool:
    """Pass a cancel or a replace through the risk room; a replace may be refused there."""
    cold()
    if out.request == _CANCEL:
        owe_token(world, k)
        return True
    order = orders_of(world, k)[o]
    reason = refuse_replace(world, k, o, out.px, out.lots)
    if reason == _NONE:
        sent_replace(world, k, o, out.lots)
        return True
    order.in_flight += 1
    i = journal_row(world, k, o, world[W.NOW_NS], _REPLACE_REJECTED, reason, False)
    journal_at(world, i).px_ticks = out.px
    journal_at(world, i).qty_lots = out.lots
    answer_ourselves(world, k, _REPLACE_REJECTED, out.id)
    return False


@kernel
def _amend(world: I64Array, k: int, out: Record) -> None:
    """Send a cancel or a replace of an order that we believe to be alive."""
    cold()
    now_ns = world[W.NOW_NS]
    o = out.id & (world[W.SLOTS] - 1)
    order = orders_of(world, k)[o]
    reason = out.reason
    out.reason = 0
    if order.id != out.id or order.local_state == _FREE:
        return
    if world[W.RISK] and not _may_amend(world, k, o, out):
        return
    order.in_flight += 1
    arrival_ns = now_ns + entry_ns(world, k, order.book, out.request)
    if out.request == _CANCEL:
        order.cancel_sent = 1
        journal_row(world, k, o, now_ns, _CANCEL_SENT, reason, False)
        send(world, k, 0, arrival_ns, _CANCEL, out.id, order.z, 0, 0)
        return
    i = journal_row(world, k, o, now_ns, _REPLACE_SENT, _NONE, False)
    journal_at(world, i).px_ticks = out.px
    journal_at(world, i).qty_lots = out.lots
    send(world, k, 0, arrival_ns, _REPLACE, out.id, order.side * out.px, out.lots, 0)


@kernel
def post(world: I64Array, k: int) -> None:
    """Send everything the strategy has asked for during its wake-up."""
    cold()
    outbox = outbox_of(world)
    for i in range(world[W.N_OUTBOX]):
        if outbox[i].request == _NEW:
            _submit(world, k, outbox[i])
        else:
            _amend(world, k, outbox[i])
    world[W.N_OUTBOX] = 0
    if world[W.RISK]:
        schedule(world, k)


@kernel
def arrive(world: I64Array, k: int) -> None:
    """Let a trial's next request reach its venue."""
    cold()
    message = mail_of(world, k, 0)[take(world, k, 0)]
    o = message.id & (world[W.SLOTS] - 1)
    ts_ns, z, lots = message.ts_ns, message.z, message.lots
    if message.kind == _EXPIRE:
        arrive_expiry(world, k, o, ts_ns)
        return
    orders_of(world, k)[o].in_flight -= 1
    if message.kind == _NEW:
        arrive_new(world, k, o, ts_ns)
    elif message.kind == _CANCEL:
        arrive_cancel(world, k, o, ts_ns)
    else:
        arrive_replace(world, k, o, ts_ns, z, lots)


@kernel
def keep_in_store(world: I64Array, k: int) -> bool:
    """Let the order manager write a trial's next response to the store; false where it tells."""
    store = store_of(world)
    message = mail_of(world, k, 1)[trials_of(world)[k].response_head]
    if message.stored or store[S.DIRECT_ORDERS]:
        return False
    book = orders_of(world, k)[message.id & (world[W.SLOTS] - 1)].book
    put_off(world, k, order_told_ns(world, k, book, message.ts_ns))
    return True


@kernel
def hear(world: I64Array, k: int) -> int:
    """Let a trial's next response reach it; return the kind of wake-up it is."""
    cold()
    message = mail_of(world, k, 1)[take(world, k, 1)]
    o = message.id & (world[W.SLOTS] - 1)
    order = orders_of(world, k)[o]
    event = message.kind
    order.in_flight -= 1
    # Messages may overtake each other: what an earlier word says of the order is old news.
    is_news = message.word > order.heard
    if is_news:
        order.heard = message.word
    if message.id == world[W.TRACE_ID]:
        row = trace_row(world, k, o, message.ts_ns, _HEARD, message.z, message.lots)
        journal_at(world, row).reason = event
    world[W.WAKE_A] = message.id
    world[W.WAKE_B] = event
    world[W.WAKE_C] = message.lots
    if event == _ACCEPTED and order.local_state == _PENDING:
        order.local_state = _OPEN
    elif event == _FILLED:
        if is_news:
            order.local_leaves = message.leaves
        accounts_of(world, k)[order.book].known_position += order.side * message.lots
        world[W.WAKE_B] = order.side * message.z
    elif event == _DECREMENTED and is_news:
        order.local_leaves = message.leaves
    elif event == _CANCEL_REJECTED:
        order.cancel_sent = 0
    elif event == _REPLACED and is_news:
        order.local_z = message.z
        order.local_leaves = message.leaves
    over = event in (_REJECTED, _EXPIRED, _CANCELLED)
    if over or (event == _FILLED and message.leaves == 0):
        order.local_state = _FREE
        _close(world, k, message.id)
    if world[W.RISK]:
        _pass_on(world, k, o, message, is_news)
    return _WAKE_FILL if event == _FILLED else _WAKE_ORDER


@kernel
def _pass_on(world: I64Array, k: int, o: int, message: Record, is_news: bool) -> None:
    """Let the risk room hear what the venue says, and send what it asks for."""
    cold()
    order = orders_of(world, k)[o]
    if message.word > 0 and at_risk_of(world, k)[o].id == message.id:
        over = order.local_state == _FREE
        hear_risk(
            world,
            k,
            o,
            message.kind,
            message.z,
            message.lots,
            message.leaves,
            is_news,
            over,
        )
        post(world, k)


@kernel
def _close(world: I64Array, k: int, order_id: int) -> None:
    """Take an order off the list of those a trial believes to be open."""
    cold()
    open_ids = open_of(world, k)
    trial = trials_of(world)[k]
    i = 0
    while open_ids[i] != order_id:
        i += 1
    for j in range(i, trial.n_open - 1):
        open_ids[j] = open_ids[j + 1]
    trial.n_open -= 1
