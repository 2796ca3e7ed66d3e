"""Asking Optuna for parameters, batch by batch, so that a batch can be asked for again.

A batch depends on nothing but the trials of the batches before it and a seed drawn from the
study's seed and the batch's number. The sampler is made anew for each, over a copy of the study in
memory: what a killed process had asked for is asked for again, and comes out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial

from framework.catalog import did_you_mean
from framework.core.errors import SpecError

MakeSampler = Callable[[int], BaseSampler]
"""Makes a sampler from a seed."""

SAMPLERS: Final[Mapping[str, MakeSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "nsga2": lambda seed: NSGAIISampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}
"""Built-in samplers; any other of Optuna's that keeps nothing to itself will do in Python."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Trials that are asked for together and run together.

    Attributes
    ----------
    shadow
        A study in memory with the trials of all earlier batches, and this one's as running.
    asked
        This batch's, in the order of their numbers.
    """

    shadow: optuna.Study
    asked: tuple[Trial, ...]


def sampler_named(name: str) -> MakeSampler:
    """Find a built-in sampler.

    Raises
    ------
    SpecError
        Where there is none of this name.
    """
    if name not in SAMPLERS:
        raise SpecError(
            f"a sampler must be one of {', '.join(SAMPLERS)}, got {name!r}",
            remedy=did_you_mean(name, list(SAMPLERS)) or "take tpe",
        )
    return SAMPLERS[name]


def ask_batch(
    earlier: Sequence[FrozenTrial],
    space: Mapping[str, BaseDistribution],
    directions: Sequence[StudyDirection],
    sampler: BaseSampler,
    *,
    size: int,
    first: Mapping[str, object] | None = None,
) -> Batch:
    """Ask for a batch.

    Parameters
    ----------
    earlier
        Finished trials of all batches before this one, in the order of their numbers.
    space, directions
        Of the study.
    sampler
        Made for this batch; see `batch_seed`.
    size
        Trials to ask for.
    first
        Values of the first trial; drawn like all others where None.
    """
    with quiet():
        shadow = optuna.create_study(directions=list(directions), sampler=sampler)
        shadow.add_trials(earlier)
        if first is not None:
            shadow.enqueue_trial(dict(first))
        asked = tuple(shadow.ask(dict(space)) for _ in range(size))
    return Batch(shadow, asked)


def batch_seed(seed: int, batch: int) -> int:
    """Draw a batch's seed from the study's; NumPy's seed sequence keeps them apart."""
    return int(np.random.SeedSequence([seed, batch]).generate_state(1)[0])


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from telling of each study and trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
