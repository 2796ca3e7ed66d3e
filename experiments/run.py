"""Carry a plan out: open the data, run every variant, write the report, log to MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from experiments.learned_costs import costs_version
from experiments.record.code_state import CodeState, package_versions
from experiments.record.files import RunRecord, write_files
from experiments.record.provenance import Origin, origin_of, provenance_of
from experiments.report import DataVersion, ReportContent, Variant, write_report
from experiments.report.of_result import costs_of
from experiments.sources import (
    data_versions,
    open_signals,
    open_sources,
    signal_versions,
    with_assumptions,
)
from experiments.spec import Spec
from experiments.spec.load import Plan, PlannedRun
from experiments.spec.strategy_class import source_of
from experiments.tracking import Tracker
from framework.catalog import load_catalog
from framework.core.clock import format_ns
from framework.core.errors import SpecError
from framework.engine.backtest import run_trials
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.lake.store import Lake
from framework.replay.stream import GoldStream
from framework.signals import Signal
from research.crossed import episodes, episodes_per_day, stream_quotes
from research.tca import CostAnalysis

OUT: Final = Path("out")
_ID_LENGTH: Final = 16

OnProgress = Callable[[str, int, int], None]
"""Called with what is running, events done and events in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Where a run reads and writes.

    Parameters
    ----------
    lake, catalog
        Root of the tables; the catalog file, None for the default one.
    out
        Folder of the run's files; None makes ``out/<name>/<run id>``.
    track
        True to log to MLflow.
    """

    lake: Path
    catalog: Path | None = None
    out: Path | None = None
    track: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a plan.

    Parameters
    ----------
    run_id
        MLflow's id, or one made from the journals where the run was not tracked.
    folder, report
        Where everything was written.
    variants
        What was set and what came of it, in the plan's order; one where nothing was varied.
    data
        What was read.
    episodes
        Crossed episodes per day where the spec asks for them.
    tracking_uri, experiment
        Where the run was logged; ``""`` where it was not.
    """

    run_id: str
    folder: Path
    report: Path
    variants: tuple[Variant, ...]
    data: tuple[DataVersion, ...]
    episodes: pl.DataFrame | None = None
    tracking_uri: str = ""
    experiment: str = ""

    @property
    def result(self) -> Result:
        """The first variant's result, which the report shows in detail."""
        return self.variants[0].result


def carry_out(plan: Plan, options: RunOptions, on_progress: OnProgress | None = None) -> Outcome:
    """Run a plan from data to report.

    Raises
    ------
    CrossbookError
        Where data, spec, strategy or the places written to do not allow it.
    """
    experiment = plan.spec.tracking.experiment or plan.spec.name
    tracker = Tracker(experiment, OUT) if options.track else None
    lake = Lake(options.lake)
    catalog = load_catalog(options.catalog)
    streams = open_sources(plan.spec, lake, catalog)
    signals = open_signals(plan.spec, lake, catalog)
    episodes = _episodes(plan.spec, streams)
    results = _results(plan.runs, streams, signals, on_progress)
    variants = tuple(
        Variant(values=run.varied, result=result)
        for run, result in zip(plan.runs, results, strict=True)
    )
    opened = tracker.run(plan.spec.name) if tracker else nullcontext(_local_id(results))
    with opened as run_id:
        outcome = Outcome(
            run_id=run_id,
            folder=options.out or OUT / plan.spec.name / run_id,
            report=(options.out or OUT / plan.spec.name / run_id) / "report.html",
            variants=variants,
            data=(
                *data_versions(streams),
                *signal_versions(signals, lake),
                *costs_version(plan.spec, lake),
            ),
            episodes=episodes,
            tracking_uri=tracker.public_uri if tracker else "",
            experiment=experiment if tracker else "",
        )
        _keep(
            plan,
            outcome,
            tracker,
            origin_of(plan.runs[0].strategy, catalog.path, options.lake),
            costs_of(outcome.result, with_assumptions(streams, plan.runs[0].spec)),
        )
    return outcome


def explain(
    plan: Plan, options: RunOptions, order_id: int, on_progress: OnProgress | None = None
) -> pl.DataFrame:
    """Run a plan's first run and tell one order's life; see `Result.explain`.

    Raises
    ------
    CrossbookError
        As `carry_out` does, and where the run sent no such order.
    """
    lake = Lake(options.lake)
    catalog = load_catalog(options.catalog)
    streams = open_sources(plan.spec, lake, catalog)
    (result,) = _results(
        plan.runs[:1], streams, open_signals(plan.spec, lake, catalog), on_progress
    )
    return result.explain(order_id)


def _results(
    runs: Sequence[PlannedRun],
    streams: Sequence[GoldStream],
    signals: Sequence[Signal],
    on_progress: OnProgress | None,
) -> list[Result]:
    """Run every variant; neighbours that differ in the strategy only share one replay."""
    results: list[Result] = []
    for group in _same_market(runs):
        first = group[0].spec
        name = ", ".join(filter(None, (_named(run) for run in group))) or first.name
        results += run_trials(
            [run.strategy for run in group],
            with_assumptions(streams, first),
            backtest_config(first, signals),
            _bound(on_progress, name),
        )
    return results


def _same_market(runs: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    groups: list[list[PlannedRun]] = []
    for run in runs:
        if groups and _market_settings(groups[-1][0]) == _market_settings(run):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _market_settings(run: PlannedRun) -> dict[str, str]:
    return {
        k: v for k, v in run.settings.items() if k.split(".")[0] not in ("parameters", "strategy")
    }


def _named(run: PlannedRun) -> str:
    return ", ".join(f"{path.rpartition('.')[2]} {value}" for path, value in run.varied.items())


def _bound(on_progress: OnProgress | None, name: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(name, done, total)


def backtest_config(spec: Spec, signals: Sequence[Signal] = ()) -> BacktestConfig:
    """Return the engine's settings that a spec asks for."""
    return BacktestConfig(
        seed=spec.seed,
        sample_interval_ns=spec.sample_interval_ns or 0,
        queue_model=spec.queue.model.value,
        queue_power=spec.queue.power,
        exchange_model=spec.exchange.value,
        self_trade=spec.self_trade.value,
        compiled=spec.compiled,
        risk=spec.risk.limits() if spec.risk else None,
        journal=spec.journal.value,
        signals=tuple(signals),
        view=spec.view.value if spec.view else "",
        store=spec.store.link(),
        store_bucket_ns=spec.store.bucket_ns,
    )


def _episodes(spec: Spec, streams: Sequence[GoldStream]) -> pl.DataFrame | None:
    if spec.episodes is None:
        return None
    if len(streams) != 2:
        names = ", ".join(stream.instrument.name for stream in streams)
        raise SpecError(
            f"crossed episodes are counted between two streams, the spec reads {names}",
            remedy="name two venues of one symbol under data, or drop episodes",
        )
    return episodes_per_day(episodes(stream_quotes(streams)), hours=spec.episodes.hours)


def _local_id(results: Sequence[Result]) -> str:
    hashes = "".join(result.journal_hash for result in results)
    return hashlib.sha256(hashes.encode()).hexdigest()[:_ID_LENGTH]


def _keep(
    plan: Plan,
    outcome: Outcome,
    tracker: Tracker | None,
    origin: Origin,
    costs: CostAnalysis | None,
) -> None:
    """Write the files and the report, and log them where the run is tracked."""
    code, versions = origin.code, package_versions()
    varied = len(outcome.variants) > 1
    content = ReportContent(
        title=plan.spec.name,
        result=outcome.result,
        data=outcome.data,
        provenance=_provenance(plan, outcome, code, versions),
        variants=outcome.variants if varied else (),
        episodes=outcome.episodes,
        costs=costs,
        max_fills=plan.spec.report.max_fills,
        spec_text=plan.text,
    )
    write_report(content, outcome.report)
    for number, (run, variant) in enumerate(zip(plan.runs, outcome.variants, strict=True)):
        record = RunRecord(
            name=variant.name if varied else plan.spec.name,
            result=variant.result,
            settings=run.settings,
            spec_text=plan.text,
            strategy_source=source_of(type(run.strategy)),
            data=outcome.data,
            code=code,
            versions=versions,
            provenance=provenance_of(
                variant.result,
                name=variant.name if varied else plan.spec.name,
                spec=run.text,
                seeds={"run": run.spec.seed},
                data=outcome.data,
                origin=origin,
            ),
        )
        folder = outcome.folder / f"variant_{number:03d}" if varied else outcome.folder
        files = write_files(record, folder)
        if tracker and varied:
            with tracker.run(record.name, outcome.run_id) as child:
                tracker.log(child, record, files)
        if tracker and number == 0:
            own = [outcome.report] if varied else [*files, outcome.report]
            tracker.log(outcome.run_id, record, own)


def _provenance(
    plan: Plan, outcome: Outcome, code: CodeState, versions: dict[str, str]
) -> dict[str, str]:
    samples = outcome.result.samples["ts_ns"]
    ends = (
        [format_ns(samples[row])[:19].replace("T", " ") for row in (0, -1)] if len(samples) else []
    )
    spec = plan.runs[0].spec
    return {
        "period": " to ".join(ends) + " UTC" if ends else "no events",
        "strategy": spec.strategy,
        "seed": str(spec.seed),
        "queue model": spec.queue.model.value,
        "exchange model": spec.exchange.value,
        "journal SHA-256": outcome.result.journal_hash,
        "run": outcome.run_id,
        "tracking": outcome.tracking_uri or "off",
        "code": str(code),
        **versions,
    }
