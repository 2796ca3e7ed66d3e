"""Time contestants in turn, so that both see the same moods of the machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Contestant = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one contestant, one figure a round, and its last answer."""

    seconds: list[float]
    answer: dict[str, Any] = field(repr=False)

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.seconds)


def in_turn(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Times]:
    """Let every contestant run once a round, in the order given.

    >>> times = in_turn({"a": lambda: {"seconds": 2.0}, "b": lambda: {"seconds": 1.0}}, 3)
    >>> times["a"].median, times["b"].seconds
    (2.0, [1.0, 1.0, 1.0])
    """
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            answers[name].append(contestant())
    return {
        name: Times([float(answer["seconds"]) for answer in found], found[-1])
        for name, found in answers.items()
    }
