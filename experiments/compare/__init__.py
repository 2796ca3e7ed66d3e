"""Comparison of runs: settings, measures, curves and fills side by side."""

from experiments.compare.comparison import ComparedRun, Comparison, compare
from experiments.compare.fills import fills_that_differ
from experiments.compare.page import write_comparison
from experiments.compare.runs import open_runs

__all__ = [
    "ComparedRun",
    "Comparison",
    "compare",
    "fills_that_differ",
    "open_runs",
    "write_comparison",
]
