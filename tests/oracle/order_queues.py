"""Queues by order id in plain Python: one list a level, searched from the front."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.core.events import EventKind

NOBODY = -1


@dataclass
class Place:
    """One place in a queue; ``order_id`` 0 is a quantity whose owner is not known."""

    order_id: int
    lots: int
    stamp: int


@dataclass
class PlainQueues:
    """Every level's places, first come first."""

    levels: dict[tuple[int, int], list[Place]] = field(default_factory=dict)
    stamp: int = 0

    def at(self, half: int, z: int) -> list[Place]:
        return self.levels.setdefault((half, z), [])

    def lots(self, half: int, z: int) -> int:
        return sum(place.lots for place in self.at(half, z))

    def follow(self, half: int, kind: int, z: int, lots: int, order_id: int) -> int:
        if kind == EventKind.DEPTH:
            return self._show(half, z, lots)
        found = self._find(half // 2, order_id)
        if kind == EventKind.ORDER_ADD:
            if found:
                found[1].order_id = 0
            return self._join(half, z, order_id, lots)
        if found:
            queue, place = found
            place.lots -= place.lots if kind == EventKind.ORDER_DELETE else min(lots, place.lots)
            if place.lots == 0:
                queue.remove(place)
            return place.stamp
        return self._take_anonymous(half, z, lots)

    def clear(self, half: int) -> None:
        for level in self.levels:
            if level[0] == half:
                self.levels[level] = []

    def ahead(self, half: int, z: int, stamp: int) -> int:
        return sum(place.lots for place in self.at(half, z) if place.stamp < stamp)

    def _find(self, book: int, order_id: int) -> tuple[list[Place], Place] | None:
        for (half, _), queue in self.levels.items():
            for place in queue:
                if half // 2 == book and order_id and place.order_id == order_id:
                    return queue, place
        return None

    def _join(self, half: int, z: int, order_id: int, lots: int) -> int:
        self.stamp += 1
        self.at(half, z).append(Place(order_id, lots, self.stamp - 1))
        return self.stamp - 1

    def _show(self, half: int, z: int, lots: int) -> int:
        excess = self.lots(half, z) - lots
        if excess < 0:
            return self._join(half, z, 0, -excess)
        queue = self.at(half, z)
        while excess > 0:
            taken = min(excess, queue[-1].lots)
            queue[-1].lots -= taken
            excess -= taken
            if queue[-1].lots == 0:
                queue.pop()
        return NOBODY

    def _take_anonymous(self, half: int, z: int, lots: int) -> int:
        stamp = NOBODY
        for place in list(self.at(half, z)):
            if place.order_id == 0 and lots > 0:
                stamp = place.stamp if stamp == NOBODY else stamp
                taken = min(lots, place.lots)
                place.lots -= taken
                lots -= taken
        self.levels[half, z] = [place for place in self.at(half, z) if place.lots]
        return stamp
