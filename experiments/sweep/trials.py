"""What is stored with each trial besides its parameters, and what is read back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from optuna.trial import FrozenTrial, TrialState

from experiments.sweep.metrics import Measured
from framework.core.errors import CrossbookError
from framework.core.events import F64Array
from framework.engine.result import Result
from research.validation import deflated_sharpe, expected_best_sharpe


@dataclass(frozen=True, slots=True)
class SweptTrial:
    """One finished trial.

    Attributes
    ----------
    number
        From 0.
    state
        ``"complete"``, ``"pruned"`` or ``"fail"``.
    parameters
        Those searched.
    values
        One an objective; empty where the trial failed or was pruned.
    metrics
        See `measure`; empty where the trial failed.
    journal_hashes
        One a span of time.
    ended_ns
        When it was pruned; None where it was not.
    note
        Why it failed.
    """

    number: int
    state: str
    parameters: Mapping[str, int | float | bool]
    values: tuple[float, ...]
    metrics: Mapping[str, float]
    journal_hashes: tuple[str, ...]
    ended_ns: int | None
    note: str


def attributes(measured: Measured, results: Sequence[Result]) -> dict[str, object]:
    """Lay out what is stored with a trial, as JSON knows it."""
    return {
        "metrics": measured.metrics,
        "sharpe_per_bar": _or_none(measured.sharpe_per_bar),
        "skewness": _or_none(measured.skewness),
        "kurtosis": _or_none(measured.kurtosis),
        "n_bars": measured.n_bars,
        "blocks": measured.blocks.tolist(),
        "journal_hashes": [result.journal_hash for result in results],
        "ended_ns": results[0].ended_ns,
    }


def read_trial(trial: FrozenTrial) -> SweptTrial:
    """Read a stored trial back."""
    stored = trial.user_attrs
    complete = trial.state == TrialState.COMPLETE
    return SweptTrial(
        number=trial.number,
        state=trial.state.name.lower(),
        parameters=dict(trial.params),
        values=tuple(trial.values) if complete else (),
        metrics=dict(stored.get("metrics", {})),
        journal_hashes=tuple(stored.get("journal_hashes", ())),
        ended_ns=stored.get("ended_ns"),
        note=str(stored.get("note", "")),
    )


def trials_table(trials: Sequence[FrozenTrial]) -> pl.DataFrame:
    """Put trials into a table: number, state, parameters, measures, journal."""
    rows = []
    for trial in map(read_trial, trials):
        row: dict[str, object] = {"number": trial.number, "state": trial.state}
        row |= trial.parameters
        row |= {f"metric_{name}" if name in row else name: v for name, v in trial.metrics.items()}
        rows.append(row | {"journal_hash": "+".join(h[:12] for h in trial.journal_hashes)})
    return pl.DataFrame(rows, infer_schema_length=None)


def block_matrix(trials: Sequence[FrozenTrial]) -> F64Array | None:
    """Gather the block sums of complete trials, shape (n_blocks, 3, n_trials); None without."""
    blocks = [
        np.array(trial.user_attrs["blocks"], np.float64)
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.user_attrs.get("blocks")
    ]
    return np.stack(blocks, axis=2) if len(blocks) > 1 else None


@dataclass(frozen=True, slots=True)
class Deflated:
    """A trial's Sharpe ratio, judged by how many trials it was the best of.

    Attributes
    ----------
    probability
        Deflated Sharpe ratio: how likely it is that there is skill at all.
    sharpe_per_bar, expected_best
        The ratio, and the best to be expected of as many trials without skill.
    n_trials, n_bars
        What went into it: every trial of the study counts, pruned and failed ones too.
    """

    probability: float
    sharpe_per_bar: float
    expected_best: float
    n_trials: int
    n_bars: int


def deflate(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> Deflated | None:
    """Judge one trial against all of its study; None where it has no Sharpe ratio."""
    own = trial.user_attrs
    if own.get("sharpe_per_bar") is None:
        return None
    ratios = [
        other.user_attrs["sharpe_per_bar"] or 0.0
        for other in trials
        if other.state == TrialState.COMPLETE
    ]
    variance = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    n_bars = int(own["n_bars"])
    try:
        probability = deflated_sharpe(
            own["sharpe_per_bar"],
            n_bars,
            n_trials=len(trials),
            variance=variance,
            skewness=own["skewness"],
            kurtosis=own["kurtosis"],
        )
    except CrossbookError:  # too few bars to say
        return None
    expected = expected_best_sharpe(len(trials), variance)
    return Deflated(probability, own["sharpe_per_bar"], expected, len(trials), n_bars)


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
