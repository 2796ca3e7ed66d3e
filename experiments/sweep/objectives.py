"""What a sweep looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from optuna.study import StudyDirection

from framework.catalog import did_you_mean
from framework.core.errors import SpecError

MAXIMIZE: Final = "maximize"
MINIMIZE: Final = "minimize"
_LESS_IS_BETTER: Final = frozenset(
    {"drawdown", "inventory", "gross_exposure", "fees", "carry", "rejected", "excluded_fills"}
)


@dataclass(frozen=True, slots=True)
class Objective:
    """One measure and which way it is to go.

    Parameters
    ----------
    metric
        Name of a measure of `measure`: pnl, drawdown, inventory, sharpe, sortino, calmar, fills, …
    direction
        ``"maximize"`` or ``"minimize"``; empty minimises what is a cost or a risk (drawdown,
        inventory, gross_exposure, fees, carry, rejected, excluded_fills), maximises the rest.

    Examples
    --------
    >>> Objective("pnl").direction, Objective("drawdown").direction
    ('maximize', 'minimize')
    """

    metric: str
    direction: str = ""

    def __post_init__(self) -> None:
        if not self.direction:
            better = MINIMIZE if self.metric in _LESS_IS_BETTER else MAXIMIZE
            object.__setattr__(self, "direction", better)
        if self.direction not in (MAXIMIZE, MINIMIZE):
            raise SpecError(
                f"an objective's direction must be {MAXIMIZE} or {MINIMIZE}, "
                f"got {self.direction!r}",
                remedy=did_you_mean(self.direction, [MAXIMIZE, MINIMIZE]) or "correct it",
            )

    @property
    def toward(self) -> StudyDirection:
        """The direction as Optuna has it."""
        return StudyDirection[self.direction.upper()]

    def of(self, metrics: Mapping[str, float]) -> float:
        """Pick the objective's value.

        Raises
        ------
        SpecError
            Where there is no such measure.
        """
        if self.metric not in metrics:
            raise SpecError(
                f"an objective must be a measure of the run, got {self.metric!r}",
                remedy=did_you_mean(self.metric, list(metrics))
                or f"it has: {', '.join(sorted(metrics))}",
            )
        return metrics[self.metric]

    def better(self, value: float, other: float) -> bool:
        """True where the first value beats the second."""
        return value > other if self.direction == MAXIMIZE else value < other


def as_objectives(wanted: str | Objective | Sequence[str | Objective]) -> tuple[Objective, ...]:
    """Read one objective or several; a name alone goes its usual way.

    Raises
    ------
    SpecError
        Where there is none, or one is named twice.
    """
    listed = [wanted] if isinstance(wanted, str | Objective) else list(wanted)
    found = tuple(o if isinstance(o, Objective) else Objective(o) for o in listed)
    names = [objective.metric for objective in found]
    if not found or len(set(names)) < len(names):
        raise SpecError(
            f"a sweep needs objectives, each named once, got {names}", remedy="name pnl, say"
        )
    return found
