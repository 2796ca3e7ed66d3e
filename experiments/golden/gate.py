"""Run golden specs and compare what comes out with the committed baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.golden.baseline import (
    Baseline,
    Figure,
    figures_of,
    read_baseline,
    write_baseline,
)
from experiments.golden.difference import Difference, first_difference
from experiments.golden.manifest import GoldenSet
from experiments.run import OnProgress, backtest_config
from experiments.sources import open_sources, with_assumptions
from experiments.spec.load import load_plan
from framework.catalog import load_catalog
from framework.core.errors import SpecError
from framework.engine.backtest import run_backtest
from framework.engine.result import Result
from framework.lake.store import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one golden spec.

    Parameters
    ----------
    spec
        Its file.
    result
        The run now.
    baseline
        What it was compared with; None where there is none yet.
    difference
        Where the journals part; None where they are the same.
    figures
        Figures that differ: ``{name: (baseline, now)}``, None where one side lacks it.
    data
        Streams whose table version is another: ``{stream: (baseline, now)}``.
    """

    spec: Path
    result: Result
    baseline: Baseline | None
    difference: Difference | None
    figures: Mapping[str, tuple[Figure, Figure]]
    data: Mapping[str, tuple[str, str]]

    @property
    def passed(self) -> bool:
        """True where journal, hash and figures are the baseline's."""
        return (
            self.baseline is not None
            and self.baseline.journal_hash == self.result.journal_hash
            and self.difference is None
            and not self.figures
        )


def check(golden: GoldenSet, on_progress: OnProgress | None = None) -> Iterator[Finding]:
    """Run every golden spec and yield what became of it.

    Raises
    ------
    CrossbookError
        Where a spec, its data or its baseline is broken.
    """
    with golden.open_lake() as lake:
        for spec in golden.specs:
            result, data = _run(golden, spec, lake, on_progress)
            yield _compare(spec, result, data, read_baseline(golden.baseline(spec)))


def accept(
    golden: GoldenSet, reason: str, on_progress: OnProgress | None = None
) -> Iterator[Finding]:
    """Run every golden spec and write new baselines for those that differ; yield them all.

    Raises
    ------
    SpecError
        Where no reason is given.
    """
    if not reason.strip():
        raise SpecError(
            "a new baseline needs a reason, got none",
            remedy='write for example --reason "fees are rounded half up now"',
        )
    with golden.open_lake() as lake:
        for spec in golden.specs:
            result, data = _run(golden, spec, lake, on_progress)
            found = _compare(spec, result, data, read_baseline(golden.baseline(spec)))
            if not found.passed:
                write_baseline(golden.baseline(spec), result, data, reason.strip())
            yield found


def _run(
    golden: GoldenSet, spec: Path, lake: Lake, on_progress: OnProgress | None
) -> tuple[Result, dict[str, str]]:
    plan = load_plan(spec)
    if len(plan.runs) > 1:
        raise SpecError(
            f"{spec}: a golden spec is one run, it asks for {len(plan.runs)}",
            remedy="leave vary out, or write one spec per value",
        )
    (run,) = plan.runs
    streams = with_assumptions(open_sources(run.spec, lake, load_catalog(golden.catalog)), run.spec)
    progress = None
    if on_progress is not None:
        show = on_progress  # what is narrowed does not stay so in a lambda
        progress = lambda done, total: show(spec.stem, done, total)  # noqa: E731
    result = run_backtest(run.strategy, streams, backtest_config(run.spec), progress)
    data = {s.instrument.name: f"{s.table} version {s.version}" for s in streams}
    return result, dict(sorted(data.items()))


def _compare(
    spec: Path, result: Result, data: Mapping[str, str], baseline: Baseline | None
) -> Finding:
    if baseline is None:
        return Finding(
            spec=spec, result=result, baseline=None, difference=None, figures={}, data={}
        )
    now = figures_of(result)
    names = dict.fromkeys([*baseline.figures, *now])
    return Finding(
        spec=spec,
        result=result,
        baseline=baseline,
        difference=first_difference(baseline.journal, result.journal, result.instruments),
        figures={
            name: (baseline.figures.get(name), now.get(name))
            for name in names
            if baseline.figures.get(name) != now.get(name)
        },
        data={
            name: (baseline.data.get(name, "none"), data.get(name, "none"))
            for name in dict.fromkeys([*baseline.data, *data])
            if baseline.data.get(name) != data.get(name)
        },
    )
