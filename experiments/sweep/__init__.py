"""Sweeps: search a strategy's parameters with Optuna over the engine's trials."""

from importlib.util import find_spec

from framework.core.errors import CrossbookError

if find_spec("optuna") is None:
    raise CrossbookError(
        "a sweep needs Optuna, which is not installed", remedy="pip install 'crossbook[ml]'"
    )

from experiments.sweep.objectives import Objective
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.pruning import Pruning
from experiments.sweep.space import Range, search_space
from experiments.sweep.study import Study
from experiments.sweep.trials import Deflated, SweptTrial

__all__ = [
    "Deflated",
    "Objective",
    "Pruning",
    "Range",
    "Study",
    "SweepOutcome",
    "SweptTrial",
    "search_space",
]
