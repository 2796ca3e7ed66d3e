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
            level, place = found
            if kind == EventKind.ORDER_DELETE and lots < place.lots:
                place.order_id = 0
            rest = max(lots - place.lots, 0)
            place.lots -= lots - rest
            self.levels[level] = [place for place in self.levels[level] if place.lots]
            if rest:
                self._take_unknown(*level, rest)
            return place.stamp
        return self._take_unknown(half, z, lots)

    def clear(self, half: int) -> None:
        for level in self.levels:
            if level[0] == half:
                self.levels[level] = []

    def ahead(self, half: int, z: int, stamp: int) -> int:
        return sum(place.lots for place in self.at(half, z) if place.stamp < stamp)

    def _find(self, book: int, order_id: int) -> tuple[tuple[int, int], Place] | None:
        for level, queue in self.levels.items():
            for place in queue:
                if level[0] // 2 == book and order_id and place.order_id == order_id:
                    return level, place
        return None

    def _join(self, half: int, z: int, order_id: int, lots: int) -> int:
        self.stamp += 1
        self.at(half, z).append(Place(order_id, lots, self.stamp - 1))
        return self.stamp - 1

    def _show(self, half: int, z: int, lots: int) -> int:
        excess = self.lots(half, z) - lots
        if excess < 0:
            return self._join(half, z, 0, -excess)
        while excess > 0:
            first = self.at(half, z)[0]
            taken = min(excess, first.lots)
            first.lots -= taken
            excess -= taken
            if first.lots == 0:
                self.levels[half, z].pop(0)
        return NOBODY

    def _take_unknown(self, half: int, z: int, lots: int) -> int:
        queue = self.at(half, z)
        stamp = NOBODY
        unknown = [place for place in queue if place.order_id == 0]
        for place in [*unknown, *(place for place in queue if place.order_id)]:
            if lots > 0:
                stamp = place.stamp if stamp == NOBODY else stamp
                taken = min(lots, place.lots)
                place.lots -= taken
                lots -= taken
        self.levels[half, z] = [place for place in queue if place.lots]
        return stamp
