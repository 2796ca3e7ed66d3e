"""Queues by order id against plain lists, over random orders of two books that outgrow the room."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from framework.book.queue_l3 import (
    OrderQueues,
    clear_queue,
    find_level,
    follow,
    has_room,
    levels_of,
    lots_ahead,
    next_stamp,
    nodes_of,
    stamp_behind,
)
from framework.core.events import EventKind
from tests.oracle.order_queues import Place, PlainQueues

KINDS = [int(kind) for kind in EventKind if kind.name.startswith("ORDER_")]


def queue_at(queues: OrderQueues, half: int, z: int) -> list[Place]:
    """A level's places, walked from the front; the way back must be the same."""
    level = find_level(queues.handle, half, z)
    if level < 0:
        return []
    nodes = nodes_of(queues.handle)
    levels = levels_of(queues.handle)
    forth, back = [], []
    n = levels[level]["first"]
    while n >= 0:
        forth.append(Place(*(int(nodes[n][name]) for name in ("id", "lots", "stamp"))))
        n = nodes[n]["after"]
    n = levels[level]["last"]
    while n >= 0:
        back.append(Place(*(int(nodes[n][name]) for name in ("id", "lots", "stamp"))))
        n = nodes[n]["before"]
    assert back == forth[::-1]
    assert levels[level]["lots"] == sum(place.lots for place in forth)
    return forth


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([3, 40, 2_000]))
def test_queues_equal_plain_lists(seed: int, n_ids: int) -> None:
    rng = random.Random(seed)
    queues, twin = OrderQueues(nodes=4, levels=4), PlainQueues()
    for _ in range(300):
        half, z = rng.randrange(4), rng.randint(-3, 3)
        if rng.random() < 0.01:
            clear_queue(queues.handle, half)
            twin.clear(half)
            continue
        kind = rng.choice([*KINDS, KINDS[0], KINDS[0], int(EventKind.DEPTH)])
        lots = rng.randint(0 if kind == EventKind.DEPTH else 1, 9)
        order_id = rng.choice([0, rng.randint(1, n_ids)])
        if not has_room(queues.handle):
            queues.grow()
        stamp = follow(queues.handle, half, kind, z, lots, order_id)
        assert stamp == twin.follow(half, kind, z, lots, order_id)
        assert next_stamp(queues.handle) == twin.stamp
        assert queue_at(queues, half, z) == twin.at(half, z)
        mark = rng.randint(0, twin.stamp + 1)
        assert lots_ahead(queues.handle, half, z, mark) == twin.ahead(half, z, mark)
    for half, z in twin.levels:
        assert queue_at(queues, half, z) == twin.at(half, z)


def test_a_place_by_quantity_is_behind_whole_orders() -> None:
    queues = OrderQueues()
    for order_id, lots in ((7, 10), (8, 20), (9, 5)):
        follow(queues.handle, 0, int(EventKind.ORDER_ADD), 100, lots, order_id)
    behind = [stamp_behind(queues.handle, 0, 100, lots) for lots in (0, 1, 10, 11, 30, 99)]
    assert behind == [0, 1, 1, 2, 2, 3]
    ahead = [lots_ahead(queues.handle, 0, 100, stamp) for stamp in behind]
    assert ahead == [0, 10, 10, 30, 30, 35]
    assert stamp_behind(queues.handle, 0, 101, 5) == next_stamp(queues.handle)


def test_anonymous_quantity_is_first_and_unknown_ids_take_from_it() -> None:
    queues = OrderQueues()
    follow(queues.handle, 1, int(EventKind.DEPTH), -50, 100, 0)
    follow(queues.handle, 1, int(EventKind.ORDER_ADD), -50, 30, 5)
    assert queue_at(queues, 1, -50) == [Place(0, 100, 0), Place(5, 30, 1)]
    assert follow(queues.handle, 1, int(EventKind.ORDER_EXECUTE), -50, 60, 999) == 0
    assert queue_at(queues, 1, -50) == [Place(0, 40, 0), Place(5, 30, 1)]
    follow(queues.handle, 1, int(EventKind.DEPTH), -50, 50, 0)  # what is missing was first
    assert queue_at(queues, 1, -50) == [Place(0, 20, 0), Place(5, 30, 1)]
    # No anonymous lots are left: what we took for order 5 was replaced by somebody unseen.
    assert follow(queues.handle, 1, int(EventKind.ORDER_DELETE), -50, 40, 999) == 0
    assert queue_at(queues, 1, -50) == [Place(5, 10, 1)]
    assert follow(queues.handle, 1, int(EventKind.ORDER_DELETE), -50, 5, 5) == 1
    assert queue_at(queues, 1, -50) == [Place(0, 5, 1)]
