"""Messages between us and the venues: sorted by arrival, first sent first among equals."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.venue.due import set_due
from framework.venue.records import Status
from framework.venue.world import FOREVER, W, mail_of, orders_of, trials_of

_MAIL_FULL = int(Status.MAIL_FULL)


@kernel
def _ends(world: I64Array, k: int, response: int) -> tuple[int, int]:
    trial = trials_of(world)[k]
    if response:
        return trial.response_head, trial.response_tail
    return trial.request_head, trial.request_tail


@kernel
def _set_ends(world: I64Array, k: int, response: int, head: int, tail: int) -> None:
    trial = trials_of(world)[k]
    if response:
        trial.response_head = head
        trial.response_tail = tail
    else:
        trial.request_head = head
        trial.request_tail = tail


@kernel
def send(
    world: I64Array,
    k: int,
    response: int,
    ts_ns: int,
    kind: int,
    order_id: int,
    z: int,
    lots: int,
    leaves: int,
) -> None:
    """Put a message on its way, to arrive at ``ts_ns``.

    Sets the world's status where the trial's mail is full: the run must stop, a lost message
    would make every later number wrong.
    """
    cold()
    mail = mail_of(world, k, response)
    head, tail = _ends(world, k, response)
    if tail == mail.size:
        for i in range(head, tail):
            mail[i - head] = mail[i]
        tail -= head
        head = 0
        if tail == mail.size:
            world[W.STATUS] = _MAIL_FULL
            return
    i = tail
    while i > head and mail[i - 1].ts_ns > ts_ns:
        mail[i] = mail[i - 1]
        i -= 1
    message = mail[i]
    message.ts_ns = ts_ns
    message.kind = kind
    message.id = order_id
    message.z = z
    message.lots = lots
    message.leaves = leaves
    message.stored = 0
    if response:
        order = orders_of(world, k)[order_id & (world[W.SLOTS] - 1)]
        order.words += 1
        message.word = order.words
    _set_ends(world, k, response, head, tail + 1)
    if i == head:
        set_due(world, response, k, ts_ns)


@kernel
def answer_ourselves(world: I64Array, k: int, kind: int, order_id: int) -> None:
    """Answer a request that never left; the answer is not one of the venue's numbered words."""
    cold()
    order = orders_of(world, k)[order_id & (world[W.SLOTS] - 1)]
    word = order.words
    send(world, k, 1, world[W.NOW_NS], kind, order_id, order.local_z, 0, order.local_leaves)
    order.words = word
    mail = mail_of(world, k, 1)
    head, tail = _ends(world, k, 1)
    for i in range(head, tail):
        if mail[i].id == order_id and mail[i].word == word + 1:
            mail[i].word = 0


@kernel
def _expect(world: I64Array, k: int, response: int) -> None:
    """Note when a trial's next message arrives."""
    head, tail = _ends(world, k, response)
    ts_ns = mail_of(world, k, response)[head].ts_ns if head < tail else FOREVER
    set_due(world, response, k, ts_ns)


@kernel
def take(world: I64Array, k: int, response: int) -> int:
    """Take a trial's next message; returns its index in the trial's mail."""
    cold()
    head, tail = _ends(world, k, response)
    if head + 1 == tail:
        _set_ends(world, k, response, 0, 0)
    else:
        _set_ends(world, k, response, head + 1, tail)
    _expect(world, k, response)
    return head


@kernel
def put_off(world: I64Array, k: int, ts_ns: int) -> None:
    """Let a trial's next response arrive later: a document in the store tells of it."""
    cold()
    mail = mail_of(world, k, 1)
    head, tail = _ends(world, k, 1)
    first = mail[head]
    kind, order_id, z, lots = first.kind, first.id, first.z, first.lots
    leaves, word = first.leaves, first.word
    i = head
    while i + 1 < tail and mail[i + 1].ts_ns <= ts_ns:
        mail[i] = mail[i + 1]
        i += 1
    later = mail[i]
    later.ts_ns = ts_ns
    later.kind = kind
    later.id = order_id
    later.z = z
    later.lots = lots
    later.leaves = leaves
    later.word = word
    later.stored = 1
    _expect(world, k, 1)


@kernel
def withdraw(world: I64Array, k: int, kind: int, order_id: int) -> None:
    """Take a request out of the mail again, where it is still on its way."""
    cold()
    mail = mail_of(world, k, 0)
    head, tail = _ends(world, k, 0)
    i = head
    while i < tail and (mail[i].kind != kind or mail[i].id != order_id):
        i += 1
    if i == tail:
        return
    for j in range(i, tail - 1):
        mail[j] = mail[j + 1]
    _set_ends(world, k, 0, head, tail - 1)
    _expect(world, k, 0)
