"""A study as a spec asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from experiments.learned_costs import costs_version
from experiments.report import DataVersion
from experiments.run import RunOptions, backtest_config
from experiments.sources import (
    data_versions,
    open_signals,
    open_sources,
    signal_versions,
    with_assumptions,
)
from experiments.spec import Spec
from experiments.spec.load import Plan
from experiments.spec.sweep import Direction, ObjectiveSpec, PrunerSpec, RangeSpec, SweepSpec
from experiments.sweep.objectives import Objective
from experiments.sweep.pruning import Pruning, pruning_named
from experiments.sweep.space import Range, Wanted
from experiments.sweep.study import Study
from framework.catalog import load_catalog
from framework.core.clock import duration_ns
from framework.core.errors import SpecError
from framework.engine import BacktestConfig
from framework.lake.store import Lake
from framework.replay import GoldStream
from framework.strategy.base import Strategy
from research.validation import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptMarket:
    """What every trial of a spec's sweep shares.

    Attributes
    ----------
    strategy
        As the spec gives it: where the search begins.
    streams, config
        With the spec's assumptions.
    data
        Table versions read.
    catalog
        File of the catalog.
    """

    strategy: Strategy
    streams: Sequence[GoldStream]
    config: BacktestConfig
    data: tuple[DataVersion, ...]
    catalog: Path


def swept_market(plan: Plan, options: RunOptions) -> SweptMarket:
    """Open what a plan reads.

    Raises
    ------
    SpecError
        Where the spec varies something.
    """
    if len(plan.runs) > 1:
        raise SpecError(
            f"a sweep searches parameters of one run, {plan.spec.name} varies "
            f"{', '.join(plan.spec.vary)}",
            remedy="drop vary, or write one spec per value",
        )
    (run,) = plan.runs
    lake, catalog = Lake(options.lake), load_catalog(options.catalog)
    streams = open_sources(run.spec, lake, catalog)
    signals = open_signals(run.spec, lake, catalog)
    return SweptMarket(
        strategy=run.strategy,
        streams=with_assumptions(streams, run.spec),
        config=backtest_config(run.spec, signals),
        data=(
            *data_versions(streams),
            *signal_versions(signals, lake),
            *costs_version(run.spec, lake),
        ),
        catalog=catalog.path,
    )


def sweep_of(spec: Spec) -> SweepSpec:
    """Give the spec's sweep; the default one where it has none."""
    return spec.sweep or SweepSpec()


def study_of(
    spec: Spec,
    market: SweptMarket,
    *,
    storage: str | None,
    name: str = "",
    trials: int | None = None,
    spans: Sequence[Span] = (),
    bar_ns: int | None = None,
    fresh: bool = False,
) -> Study:
    """Make the study a spec asks for.

    Parameters
    ----------
    spec, market
        What is searched, and on what.
    storage
        Where the study is kept, unless the spec names another place.
    name
        In the storage; the spec's where empty.
    trials, spans, bar_ns
        Instead of the spec's.
    fresh
        True to begin anew.

    Raises
    ------
    SpecError
        Where a range or objective does not fit.
    CrossbookError
        Where the storage holds a study begun with other settings.
    """
    wanted = sweep_of(spec)
    return Study(
        market.strategy,
        market.streams,
        trials=trials or wanted.trials,
        objectives=[_objective(entry) for entry in wanted.objectives],
        ranges=_ranges(wanted.parameters),
        sampler=wanted.sampler.kind.value,
        seed=wanted.sampler.seed,
        batch=wanted.batch,
        storage=wanted.storage or storage,
        name=name or spec.name,
        pruning=None if len(spans) > 1 else _pruning(wanted.pruner),
        config=market.config,
        spans=spans,
        bar=wanted.bar_ns if bar_ns is None else bar_ns,
        currency=wanted.currency,
        workers=wanted.workers,
        fresh=fresh,
    )


def _objective(entry: ObjectiveSpec | str) -> Objective:
    if isinstance(entry, str):
        return Objective(entry)
    return Objective(entry.metric, "" if entry.direction == Direction.AUTO else entry.direction)


def _ranges(
    parameters: Mapping[str, RangeSpec | tuple[object, ...]] | None,
) -> dict[str, Wanted] | None:
    if parameters is None:
        return None
    ranges: dict[str, Wanted] = {}
    for name, wanted in parameters.items():
        if isinstance(wanted, tuple):
            ranges[name] = [_known(value, name) for value in wanted]
        else:
            ranges[name] = Range(
                low=_end(wanted.low, name),
                high=_end(wanted.high, name),
                step=_end(wanted.step, name),
                log=wanted.log,
            )
    return ranges


def _end(value: float | str | None, name: str) -> float | None:
    return None if value is None else float(_known(value, name))


def _known(value: object, name: str) -> int | float | bool:
    if isinstance(value, str) and name.endswith("_ns"):
        return duration_ns(value)
    if isinstance(value, Decimal):
        return float(value)
    if not isinstance(value, int | float):
        raise SpecError(
            f"sweep.parameters.{name} must be numbers, got {value!r}",
            remedy="durations are for parameters whose names end in _ns",
        )
    return value


def _pruning(wanted: PrunerSpec | None) -> Pruning | None:
    if wanted is None:
        return None
    return pruning_named(
        wanted.kind.value,
        wanted.every_ns,
        startup_trials=wanted.startup_trials,
        percentile=wanted.percentile,
    )
