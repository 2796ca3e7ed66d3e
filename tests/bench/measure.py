"""Time contestants in turn, so that both see the same moods of the machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Contestant = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one contestant, wall and processor, one figure a round, and its last answer."""

    seconds: list[float]
    cpu_seconds: list[float]
    answer: dict[str, Any] = field(repr=False)

    @property
    def median(self) -> float:
        """Median of the wall seconds."""
        return statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float:
        """Median of the processor seconds."""
        return statistics.median(self.cpu_seconds)


def rounds_of(ours: Times, theirs: Times) -> dict[str, Any]:
    """Every round's seconds, and the processor's, for ``bench.json``."""
    return {
        "cpu_seconds": ours.cpu_median,
        "peer_cpu_seconds": theirs.cpu_median,
        "all_seconds": ours.seconds,
        "all_peer_seconds": theirs.seconds,
    }


def in_turn(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Times]:
    """Let every contestant run once a round, in the order given.

    >>> slow, fast = {"seconds": 2.0, "cpu_seconds": 1.5}, {"seconds": 1.0, "cpu_seconds": 1.0}
    >>> times = in_turn({"a": lambda: slow, "b": lambda: fast}, 3)
    >>> times["a"].median, times["a"].cpu_median, times["b"].seconds
    (2.0, 1.5, [1.0, 1.0, 1.0])
    """
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            answers[name].append(contestant())
    return {
        name: Times(
            [float(answer["seconds"]) for answer in found],
            [float(answer["cpu_seconds"]) for answer in found],
            found[-1],
        )
        for name, found in answers.items()
    }
