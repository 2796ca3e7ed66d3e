"""Is it more than luck: splits in time, deflated Sharpe ratios, probability of overfitting."""

from research.validation.overfitting import (
    BLOCKS,
    Overfitting,
    backtest_overfitting,
    block_sums,
    overfitting_of_sums,
)
from research.validation.sharpe import (
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
)
from research.validation.splits import (
    Span,
    Split,
    combinatorial_purged,
    paths,
    purged_k_fold,
    walk_forward,
)

__all__ = [
    "BLOCKS",
    "Overfitting",
    "Span",
    "Split",
    "backtest_overfitting",
    "block_sums",
    "combinatorial_purged",
    "deflated_sharpe",
    "expected_best_sharpe",
    "overfitting_of_sums",
    "paths",
    "probabilistic_sharpe",
    "purged_k_fold",
    "walk_forward",
]
