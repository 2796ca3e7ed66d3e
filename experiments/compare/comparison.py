"""Runs side by side: what was set, what came of it, and where they part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Final

import polars as pl

from experiments.compare.fills import fills_that_differ
from experiments.report.figures.account import with_notional
from framework.core.errors import SpecError
from framework.engine.result import Result
from research.performance import Interval, intervals, performance, profit_bars

MEASURES: Final = (
    *("pnl", "gross_pnl", "fees", "carry"),
    *("max_drawdown", "sharpe", "sortino", "calmar"),
    *("turnover", "orders", "fills", "maker_fills", "fill_ratio", "rejected"),
)
"""What runs are compared by, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One run.

    Parameters
    ----------
    name
        What it is called beside the others.
    result
        What came of it.
    settings
        What it was run with, ``{path: value as written}``.
    """

    name: str
    result: Result
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Runs side by side; the first is what the others are compared with.

    Attributes
    ----------
    runs
        At least two.
    """

    runs: tuple[ComparedRun, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the runs are called."""
        return tuple(run.name for run in self.runs)

    @cached_property
    def settings(self) -> pl.DataFrame:
        """One row a setting: ``setting``, a column a run (null where it has none), ``differs``."""
        paths = dict.fromkeys(path for run in self.runs for path in run.settings)
        rows = [[path, *(run.settings.get(path) for run in self.runs)] for path in paths]
        schema = ["setting", *self.names]
        table = pl.DataFrame(rows, schema=dict.fromkeys(schema, pl.String), orient="row")
        first, *others = self.names
        unlike = pl.any_horizontal(pl.col(first).ne_missing(pl.col(name)) for name in others)
        return table.with_columns(unlike.alias("differs"))

    @cached_property
    def measures(self) -> pl.DataFrame:
        """One row a measure and run: ``measure``, ``run``, ``value``, ``low``, ``high``.

        ``low`` and ``high`` hold it with 95 % as far as resampling can tell; null where it cannot.
        Money of runs in several currencies is null.
        """
        rows = [
            (name, run.name, *values)
            for run in self.runs
            for name, values in _measured(run.result).items()
        ]
        schema = {
            **dict.fromkeys(("measure", "run"), pl.String),
            **dict.fromkeys(("value", "low", "high"), pl.Float64),
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def fills(self, name: str = "") -> pl.DataFrame:
        """List the fills that only the first run has, or only another; the second where unnamed.

        Raises
        ------
        SpecError
            Where no other run is called that.
        """
        others = {run.name: run for run in self.runs[1:]}
        chosen = others.get(name or self.names[1])
        if chosen is None:
            raise SpecError(
                f"the first run is compared with one of the others, {name!r} is none of them",
                remedy=f"name one of: {', '.join(others)}",
            )
        return fills_that_differ(self.runs[0].result, chosen.result)

    def __repr__(self) -> str:
        net = self.measures.filter(pl.col("measure") == "pnl").select("run", "value").rows()
        told = ", ".join(f"{name}: {pnl:,.6g}" if pnl is not None else name for name, pnl in net)
        return f"Comparison of net profit ({told})"

    def _repr_html_(self) -> str:
        """Show in a notebook what differs: settings and measures."""
        from experiments.compare.page import inline

        return inline(self)


def compare(*runs: Result | ComparedRun, names: Sequence[str] = ()) -> Comparison:
    """Put runs side by side.

    Parameters
    ----------
    runs
        Results, or runs that `open_runs` has read; the first is what others are compared with.
    names
        What they are called; their parameters where left out.

    Raises
    ------
    SpecError
        Where there are fewer than two, or names that do not fit.
    """
    if len(runs) < 2:
        raise SpecError(
            f"a comparison needs two runs or more, got {len(runs)}", remedy="name another"
        )
    if names and len(names) != len(runs):
        raise SpecError(
            f"{len(runs)} runs need as many names, got {len(names)}", remedy="name each once"
        )
    plain = [_as_run(run, number) for number, run in enumerate(runs)]
    called = list(names) or [run.name for run in plain]
    called = [f"{n} ({k + 1})" if called.count(n) > 1 else n for k, n in enumerate(called)]
    return Comparison(
        tuple(
            ComparedRun(name=name, result=run.result, settings=run.settings)
            for name, run in zip(called, plain, strict=True)
        )
    )


def _as_run(run: Result | ComparedRun, number: int) -> ComparedRun:
    if isinstance(run, ComparedRun):
        return run
    settings = {f"parameters.{name}": str(value) for name, value in run.parameters.items()}
    return ComparedRun(
        name=f"{run.strategy} {number + 1}",
        result=run,
        settings={"strategy": run.strategy, **settings},
    )


def _measured(result: Result) -> dict[str, tuple[float | None, float | None, float | None]]:
    summary = result.summary()
    values: dict[str, float | None] = {}
    sure: Mapping[str, Interval] = {}
    if summary["currency"] is not None:
        bars = profit_bars(result)
        measured = performance(result)
        sure = intervals(bars) if find_spec("arch") else {}
        values = {n: getattr(measured, n) for n in ("max_drawdown", "sharpe", "sortino", "calmar")}
        values["turnover"] = float(with_notional(result)["notional"].sum())
    for name in MEASURES:
        told = summary.get(name)
        if name not in values:
            values[name] = float(told) if isinstance(told, int | float) else None
    return {name: (_known(values[name]), *_ends(sure.get(name))) for name in MEASURES}


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    if interval is None:
        return None, None
    return _known(interval.low), _known(interval.high)


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
