"""Probability of backtest overfitting: how often the best in one half is poor in the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.errors import CrossbookError
from framework.core.events import F64Array, I64Array

BLOCKS: Final = 16
"""Blocks of time the authors use: 12,870 ways to take half of them."""


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What combinatorially symmetric cross-validation found.

    Attributes
    ----------
    probability
        Share of the splits in which the best trial of one half was below the median of the other.
    logits
        Logit of the chosen trial's relative rank in the other half, shape (n_splits,); 0 is the
        median, below it is overfitting.
    chosen
        The trial that was best in the first half, shape (n_splits,).
    in_sample, out_of_sample
        Its Sharpe ratio per bar in either half, shape (n_splits,).
    loss_probability
        Share of the splits in which it lost money in the other half.
    """

    probability: float
    logits: F64Array
    chosen: I64Array
    in_sample: F64Array
    out_of_sample: F64Array
    loss_probability: float


def backtest_overfitting(profit: F64Array, *, blocks: int = BLOCKS) -> Overfitting:
    """Split time into blocks, choose the best trial on every half of them, look at the other half.

    Parameters
    ----------
    profit
        Profit of each bar and trial, shape (n_bars, n_trials).
    blocks
        Even number of blocks; bars that do not divide go to the last ones.

    Raises
    ------
    CrossbookError
        Where there are fewer than two trials, or fewer than two bars a block.

    References
    ----------
    Bailey, D. H., Borwein, J., López de Prado, M. and Zhu, Q. J. (2017), "The Probability of
    Backtest Overfitting", Journal of Computational Finance 20(4).
    """
    return overfitting_of_sums(block_sums(profit, blocks))


def block_sums(profit: F64Array, blocks: int = BLOCKS) -> F64Array:
    """Reduce each block to what a Sharpe ratio needs: number of bars, Σ profit, Σ profit².

    Parameters
    ----------
    profit
        Shape (n_bars, n_trials).

    Returns
    -------
    shape (n_blocks, 3, n_trials)

    Raises
    ------
    CrossbookError
        Where there are fewer than two bars a block, or blocks are not even.
    """
    if blocks < 2 or blocks % 2 or profit.shape[0] < 2 * blocks:
        raise CrossbookError(
            "overfitting is measured on an even number of blocks of two bars or more, got "
            f"{blocks} blocks of {profit.shape[0]} bars",
            remedy="give a shorter bar, a longer run or fewer blocks",
        )
    parts = np.array_split(profit, blocks)
    return np.array(
        [[np.full(part.shape[1], len(part)), part.sum(0), (part**2).sum(0)] for part in parts],
        np.float64,
    )


def overfitting_of_sums(sums: F64Array) -> Overfitting:
    """Do what `backtest_overfitting` does, from the sums of blocks.

    Parameters
    ----------
    sums
        As `block_sums` gives them, shape (n_blocks, 3, n_trials).

    Raises
    ------
    CrossbookError
        Where there are fewer than two trials.
    """
    n_blocks, _, n_trials = sums.shape
    if n_trials < 2:
        raise CrossbookError(
            f"overfitting is a property of a choice between trials, got {n_trials}",
            remedy="compare two trials or more",
        )
    halves = list(itertools.combinations(range(n_blocks), n_blocks // 2))
    member = np.zeros((len(halves), n_blocks))
    np.put_along_axis(member, np.array(halves), 1.0, axis=1)
    inside = _sharpe(np.tensordot(member, sums, axes=1))
    outside = _sharpe(np.tensordot(1.0 - member, sums, axes=1))
    chosen = inside.argmax(axis=1)
    rows = np.arange(len(halves))
    found = outside[rows, chosen]
    # Ties share a rank, so that trials which do the same are neither better nor worse.
    below = (outside < found[:, None]).sum(1) + (outside == found[:, None]).sum(1) / 2 + 0.5
    share = below / (n_trials + 1)
    logits = np.log(share / (1.0 - share))
    return Overfitting(
        probability=float((logits <= 0.0).mean()),
        logits=logits,
        chosen=chosen.astype(np.int64),
        in_sample=inside[rows, chosen],
        out_of_sample=found,
        loss_probability=float((found < 0.0).mean()),
    )


def _sharpe(sums: F64Array) -> F64Array:
    """Sharpe ratio per bar, shape (n_splits, n_trials); 0 where profits never vary."""
    count, total, squares = sums[:, 0], sums[:, 1], sums[:, 2]
    mean = total / count
    variance = np.maximum(squares - total * mean, 0.0) / (count - 1.0)
    varies = variance > 1e-18 * np.maximum(squares, 1e-300)
    return np.where(varies, mean / np.sqrt(np.where(varies, variance, 1.0)), 0.0)
