"""The regression gate: golden runs whose journals and figures may not change unnoticed."""

from experiments.golden.baseline import Baseline, read_baseline, write_baseline
from experiments.golden.difference import Difference, first_difference
from experiments.golden.gate import Finding, accept, check
from experiments.golden.manifest import GoldenSet, read_golden_set
from experiments.golden.standing import standing

__all__ = [
    "Baseline",
    "Difference",
    "Finding",
    "GoldenSet",
    "accept",
    "check",
    "first_difference",
    "read_baseline",
    "read_golden_set",
    "standing",
    "write_baseline",
]
