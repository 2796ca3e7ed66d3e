"""What a run spec may say about a sweep."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from framework.catalog import Duration

_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


class SamplerKind(StrEnum):
    """How parameters are proposed."""

    TPE = "tpe"
    NSGA2 = "nsga2"
    RANDOM = "random"


class PrunerKind(StrEnum):
    """Which running trials are ended: those below the finished ones' median, or percentile."""

    MEDIAN = "median"
    PERCENTILE = "percentile"


class Direction(StrEnum):
    """Which way an objective is to go; ``auto`` minimises costs and risks."""

    AUTO = "auto"
    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Method(StrEnum):
    """How time is split into what is learnt from and what is tested on."""

    WALK_FORWARD = "walk_forward"
    ANCHORED = "anchored"
    K_FOLD = "k_fold"
    COMBINATORIAL = "combinatorial"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class SamplerSpec:
    """Sampler and its seed."""

    kind: SamplerKind = SamplerKind.TPE
    seed: int = Field(default=1, ge=0, lt=2**63)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ObjectiveSpec:
    """A measure to look for: pnl, drawdown, inventory, sharpe, sortino, calmar, fills, …"""

    metric: str
    direction: Direction = Direction.AUTO


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class RangeSpec:
    """Ends of a search; what is left out stays as the strategy declares it.

    Parameters
    ----------
    low, high, step
        Numbers, or durations for parameters whose names end in ``_ns``.
    log
        True to search on a logarithmic scale.
    """

    low: float | str | None = None
    high: float | str | None = None
    step: float | str | None = None
    log: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class PrunerSpec:
    """When running trials are ended; looks fall on whole multiples of `every`.

    Parameters
    ----------
    kind, percentile
        What a trial is compared with; the share in percent that survives.
    every_ns
        Time between looks, of the market.
    startup_trials
        Trials that are finished before any is ended.
    """

    kind: PrunerKind = PrunerKind.MEDIAN
    every_ns: Duration = Field(validation_alias="every", gt=0)
    percentile: float = Field(default=50.0, gt=0, lt=100)
    startup_trials: int = Field(default=10, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ValidateSpec:
    """How the sweep is repeated on parts of the time and tested on the rest.

    Parameters
    ----------
    method
        ``walk_forward`` (rolling), ``anchored``, ``k_fold`` or ``combinatorial``.
    folds
        Parts of time that are tested on.
    test_folds
        Of ``combinatorial``: how many at once.
    trials
        Of each split's own sweep; the sweep's where left out.
    purge_ns, embargo_ns
        Time left out around a test on either side, and after it on top.
    """

    method: Method = Method.WALK_FORWARD
    folds: int = Field(default=4, ge=2, le=50)
    test_folds: int = Field(default=2, ge=1)
    trials: int | None = Field(default=None, ge=1)
    purge_ns: Duration = Field(default=0, validation_alias="purge")
    embargo_ns: Duration = Field(default=0, validation_alias="embargo")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class SweepSpec:
    """A search for the strategy's best parameters.

    Parameters
    ----------
    trials, batch
        Trials in all, and asked for together.
    sampler
        How parameters are proposed.
    objectives
        Measures, each a name or with its direction; several give a Pareto front.
    parameters
        Ranges, or lists of values; all parameters with a range of their own where left out.
    pruner
        Ends poor trials early; none where left out.
    storage
        Any storage of Optuna's; ``out/NAME/study.db`` where left out.
    bar_ns
        Bars that ratios and drawdown are measured in; chosen by the period where left out.
    currency
        Which books count; needed where there are several.
    workers
        Processes for an interpreted strategy.
    validate
        Repeats the sweep on parts of the time; not at all where left out.
    """

    trials: int = Field(default=100, ge=1)
    batch: int = Field(default=10, ge=1)
    sampler: SamplerSpec = field(default_factory=SamplerSpec)
    objectives: tuple[ObjectiveSpec | str, ...] = ("pnl",)
    parameters: dict[str, RangeSpec | tuple[object, ...]] | None = None
    pruner: PrunerSpec | None = None
    storage: str | None = None
    bar_ns: Duration | None = Field(default=None, validation_alias="bar", gt=0)
    currency: str | None = None
    workers: int = Field(default=1, ge=1)
    validate: ValidateSpec | None = None

    @model_validator(mode="after")
    def _pruning_has_one_objective(self) -> SweepSpec:
        if self.pruner is not None and len(self.objectives) > 1:
            raise ValueError("a pruner needs a single objective")
        return self
