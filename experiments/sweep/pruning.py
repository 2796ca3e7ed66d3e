"""Ending trials early that look worse than finished ones did at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, PercentilePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from framework.core.clock import duration_ns
from framework.core.errors import SpecError
from framework.engine.pruning import Prune
from framework.engine.result import Result

_STARTUP: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """When to look at running trials, and who decides.

    Parameters
    ----------
    every
        Time between looks, such as ``"10m"``; looks fall on its whole multiples since the epoch.
    pruner
        One of Optuna's that compares with finished trials: the median of ten or more where None.
        Trials of one batch do not see each other, or the order in which cores happen to run them
        would decide.

    Raises
    ------
    SpecError
        Where the interval is no time.
    """

    every: str | int
    pruner: BasePruner = field(
        default_factory=lambda: MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=1)
    )

    def __post_init__(self) -> None:
        if duration_ns(self.every) <= 0:
            raise SpecError(
                f"the time between looks must be positive, got {self.every!r}",
                remedy='give a duration such as "10m"',
            )


def pruning_named(
    kind: str, every: str | int, *, startup_trials: int = _STARTUP, percentile: float = 50.0
) -> Pruning:
    """Make a pruner by name: ``"median"`` or ``"percentile"``.

    Parameters
    ----------
    startup_trials
        Finished trials before the first is pruned.
    percentile
        Share of finished trials, in percent, that survive.

    Raises
    ------
    SpecError
        Where there is none of this name.
    """
    if kind not in ("median", "percentile"):
        raise SpecError(
            f"a pruner must be median or percentile, got {kind!r}", remedy="take median"
        )
    share = 50.0 if kind == "median" else percentile
    pruner = PercentilePruner(share, n_startup_trials=startup_trials, n_warmup_steps=1)
    return Pruning(every=every, pruner=pruner)


class Looks:
    """The looks at one batch of trials.

    Parameters
    ----------
    pruning
        When, and who decides.
    finished
        Trials of earlier batches.
    direction
        Of the objective.
    parameters, space
        Of this batch's trials.
    value
        The objective's value of a result so far.
    """

    def __init__(
        self,
        pruning: Pruning,
        finished: Sequence[FrozenTrial],
        direction: StudyDirection,
        parameters: Sequence[Mapping[str, object]],
        space: Mapping[str, BaseDistribution],
        value: Callable[[Result], float],
    ) -> None:
        self._pruning = pruning
        self._history = optuna.create_study(direction=direction)
        self._history.add_trials(finished)
        self._parameters = parameters
        self._space = space
        self._value = value
        self.values: list[dict[int, float]] = [{} for _ in parameters]
        """Per trial, the objective's value at each look."""

    def prune(self, rows: Sequence[int]) -> Prune:
        """Give what the engine asks for a replay of the trials in these rows of the batch."""
        for row in rows:
            self.values[row].clear()

        def decide(trial: int, so_far: Result) -> bool:
            return self._decide(rows[trial], so_far)

        return Prune(self._pruning.every, decide)

    def _decide(self, row: int, so_far: Result) -> bool:
        seen = self.values[row]
        seen[len(seen) + 1] = self._value(so_far)
        trial = create_trial(
            state=TrialState.RUNNING,
            params=dict(self._parameters[row]),
            distributions=dict(self._space),
            intermediate_values=dict(seen),
        )
        return self._pruning.pruner.prune(self._history, trial)
