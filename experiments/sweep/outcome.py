"""What a sweep found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import optuna
import polars as pl
from optuna.trial import FrozenTrial, TrialState

from experiments.sweep.objectives import Objective
from experiments.sweep.trials import (
    Deflated,
    SweptTrial,
    block_matrix,
    deflate,
    read_trial,
    trials_table,
)
from framework.core.errors import CrossbookError
from research.validation import Overfitting, overfitting_of_sums


@dataclass(frozen=True)
class SweepOutcome:
    """A study's trials and the best of them.

    Attributes
    ----------
    study
        Optuna's own, for its plots and its dashboard.
    trials
        As Optuna stores them, in the order of their numbers.
    objectives
        What was looked for.
    bar_ns
        Length of the bars that ratios and drawdown were measured in.
    """

    study: optuna.Study
    trials: Sequence[FrozenTrial]
    objectives: tuple[Objective, ...]
    bar_ns: int

    @cached_property
    def front(self) -> list[SweptTrial]:
        """Complete trials that no other beats in every objective, the first objective's best first.

        With one objective this is the best trial; of equals the earliest.
        """
        complete = [t for t in self.trials if t.state == TrialState.COMPLETE]
        kept = [t for t in complete if not any(self._beats(other, t) for other in complete)]
        if len(self.objectives) == 1:
            kept = kept[:1]
        down = self.objectives[0].direction == "minimize"
        kept.sort(key=lambda t: (t.values[0] if down else -t.values[0], t.number))
        return [read_trial(trial) for trial in kept]

    @property
    def best_trial(self) -> FrozenTrial | None:
        """The best by the first objective, as Optuna stores it; None where none is complete."""
        return self.trials[self.front[0].number] if self.front else None

    @property
    def best(self) -> SweptTrial:
        """The best by the first objective.

        Raises
        ------
        CrossbookError
            Where no trial is complete.
        """
        if not self.front:
            raise CrossbookError(
                f"a best trial is one that was run to its end, of {len(self.trials)} none was",
                remedy="see .table for what became of them",
            )
        return self.front[0]

    @property
    def deflated(self) -> Deflated | None:
        """The best trial's deflated Sharpe ratio; None where it has none."""
        return None if self.best_trial is None else deflate(self.best_trial, self.trials)

    def deflated_of(self, number: int) -> Deflated | None:
        """Deflate one trial's Sharpe ratio; None where it has none."""
        return deflate(self.trials[number], self.trials)

    @cached_property
    def overfitting(self) -> Overfitting | None:
        """Probability of overfitting over all complete trials; None where runs are too short."""
        sums = block_matrix(self.trials)
        return None if sums is None else overfitting_of_sums(sums)

    @cached_property
    def table(self) -> pl.DataFrame:
        """All trials: number, state, parameters, measures, journal."""
        return trials_table(self.trials)

    def summary(self) -> dict[str, object]:
        """Give the headline figures."""
        states = [trial.state for trial in self.trials]
        told: dict[str, object] = {
            "trials": len(self.trials),
            "pruned": states.count(TrialState.PRUNED),
            "failed": states.count(TrialState.FAIL),
        }
        if not self.front:
            return told
        told |= {"best trial": self.best.number, **self.best.parameters}
        told |= {o.metric: v for o, v in zip(self.objectives, self.best.values, strict=True)}
        if self.deflated is not None:
            told["sharpe, annual"] = self.best.metrics["sharpe"]
            told["deflated sharpe"] = self.deflated.probability
        if self.overfitting is not None:
            told["overfitting"] = self.overfitting.probability
        return told

    def _beats(self, one: FrozenTrial, other: FrozenTrial) -> bool:
        pairs = list(zip(self.objectives, one.values, other.values, strict=True))
        worse = any(objective.better(b, a) for objective, a, b in pairs)
        return not worse and any(objective.better(a, b) for objective, a, b in pairs)

    def __repr__(self) -> str:
        told = self.summary()
        width = max(map(len, told))
        return "\n".join(f"  {name:<{width}}  {_cell(value)}" for name, value in told.items())

    def _repr_html_(self) -> str:
        """Show the headline figures in a notebook."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(_cell(value))}</td></tr>"
            for name, value in self.summary().items()
        )
        return f"<table>{rows}</table>"


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
