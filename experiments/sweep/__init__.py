"""Sweeps: search a strategy's parameters with Optuna over the engine's trials."""

from experiments.sweep.available import OPTUNA_VERSION
from experiments.sweep.objectives import Objective
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.pruning import Pruning
from experiments.sweep.space import Range, search_space
from experiments.sweep.study import Study
from experiments.sweep.trials import Deflated, SweptTrial

__all__ = [
    "OPTUNA_VERSION",
    "Deflated",
    "Objective",
    "Pruning",
    "Range",
    "Study",
    "SweepOutcome",
    "SweptTrial",
    "search_space",
]
