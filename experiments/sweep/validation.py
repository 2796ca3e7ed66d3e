"""Repeat a sweep on parts of the time, and test what it finds on the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import polars as pl

from experiments.spec import Spec
from experiments.spec.sweep import Method, ValidateSpec
from experiments.sweep.from_spec import SweptMarket, study_of, sweep_of
from experiments.sweep.metrics import joined, measure
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.replays import Replays
from experiments.sweep.trials import SweptTrial
from framework.engine.run import Span as Covered
from research.performance import Bars, Interval, intervals, max_drawdown, profit_bars, sharpe_ratio
from research.validation import (
    Span,
    Split,
    combinatorial_purged,
    paths,
    purged_k_fold,
    walk_forward,
)

OnSplit = Callable[[int, int], None]
"""Called with splits done and splits in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One split: what was chosen on one part of the time, and what it earned on the other.

    Attributes
    ----------
    split
        The parts.
    best
        The trial chosen.
    n_trials
        Of how many.
    objective
        Value out of sample of what was looked for; in sample it is ``best.values[0]``.
    bars
        Profit of each test fold.
    """

    split: Split
    best: SweptTrial
    n_trials: int
    objective: float
    bars: Mapping[int, Bars]


@dataclass(frozen=True)
class Validation:
    """What splits in time say of a sweep.

    Attributes
    ----------
    method
        How time was split.
    objective
        Name of what was looked for.
    tested
        One a split.
    """

    method: str
    objective: str
    tested: Sequence[Tested]

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row a split: parameters chosen, the objective in and out of sample, profit."""
        rows = [
            {
                "split": number,
                "tested on": ", ".join(map(str, one.split.test)),
                **one.best.parameters,
                f"{self.objective} in sample": one.best.values[0],
                f"{self.objective} out of sample": one.objective,
                "pnl out of sample": sum(float(bars.profit.sum()) for bars in one.bars.values()),
                "sharpe out of sample": _annual(joined(list(one.bars.values()))),
            }
            for number, one in enumerate(self.tested)
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    @cached_property
    def histories(self) -> list[Bars]:
        """Profit out of sample over the whole time, once for each way to join the tests."""
        return [
            joined([self.tested[split].bars[fold] for fold, split in enumerate(path)])
            for path in paths([one.split for one in self.tested])
        ]

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """How sure the first history's measures are."""
        return intervals(self.histories[0])

    def summary(self) -> dict[str, object]:
        """Give the figures out of sample; of several histories the least, middle and greatest."""
        ratios = pl.Series([_annual(bars) for bars in self.histories])
        first = self.histories[0]
        told: dict[str, object] = {
            "method": self.method,
            "splits": len(self.tested),
            "trials": sum(one.n_trials for one in self.tested),
        }
        if len(self.histories) == 1:
            told["pnl out of sample"] = float(first.profit.sum())
            told["drawdown out of sample"] = max_drawdown(first.equity)
            told["sharpe out of sample"] = _annual(first)
            if "sharpe" in self.intervals:
                span = self.intervals["sharpe"]
                told["sharpe, 95 % interval"] = f"{span.low:.4g} to {span.high:.4g}"
            return told
        told["histories"] = len(self.histories)
        told["sharpe out of sample, least"] = ratios.min()
        told["sharpe out of sample, median"] = ratios.median()
        told["sharpe out of sample, greatest"] = ratios.max()
        told["histories that lose"] = sum(bars.profit.sum() < 0 for bars in self.histories)
        return told

    def as_html(self) -> str:
        """Show splits and figures."""
        figures = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(_cell(value))}</td></tr>"
            for name, value in self.summary().items()
        )
        head = "".join(f"<th>{escape(name)}</th>" for name in self.table.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>"
            for row in self.table.rows()
        )
        return f"<table>{figures}</table><table><tr>{head}</tr>{rows}</table>"


def validate(
    spec: Spec,
    market: SweptMarket,
    *,
    storage: str,
    outcome: SweepOutcome,
    on_split: OnSplit | None = None,
    fresh: bool = False,
) -> Validation:
    """Sweep each split's own time with a study of its own, and test its best on the rest.

    Simulation assumption: every span of time begins flat, without orders, and what is held at its
    end is marked to mid.

    Parameters
    ----------
    spec, market
        As of the sweep.
    storage
        Where the studies of the splits are kept, beside the sweep's.
    outcome
        Of the sweep itself, for the bars to measure in.
    on_split
        Called as splits are done.
    fresh
        True to begin anew.

    Raises
    ------
    SpecError
        Where the period is too short for the splits.
    """
    wanted = sweep_of(spec).validate or ValidateSpec()
    first_ns, last_ns = Covered(market.streams).awake()
    splits = splits_of(Span(first_ns, last_ns + 1), wanted)
    tested = []
    for number, split in enumerate(splits):
        if on_split:
            on_split(number, len(splits))
        study = study_of(
            spec,
            market,
            storage=storage,
            name=f"{spec.name}/{wanted.method.value}/{number:02d}",
            trials=wanted.trials,
            spans=split.train,
            bar_ns=outcome.bar_ns,
            fresh=fresh,
        )
        learnt = study.run()
        replays = Replays(streams=market.streams, config=market.config, spans=split.test)
        (ran,) = replays.run([study.strategy_of(learnt.best.parameters)])
        if isinstance(ran, Exception):
            raise ran
        currency = sweep_of(spec).currency
        measured = measure(ran, outcome.bar_ns, currency)
        tested.append(
            Tested(
                split=split,
                best=learnt.best,
                n_trials=len(learnt.trials),
                objective=outcome.objectives[0].of(measured.metrics),
                bars={
                    fold: profit_bars(result, currency, bar=outcome.bar_ns)
                    for fold, result in zip(split.folds, ran, strict=True)
                },
            )
        )
    if on_split:
        on_split(len(splits), len(splits))
    return Validation(wanted.method.value, outcome.objectives[0].metric, tested)


def splits_of(span: Span, wanted: ValidateSpec) -> list[Split]:
    """Split a span of time as a spec asks for.

    Raises
    ------
    SpecError
        Where nothing would be left to learn from.
    """
    if wanted.method in (Method.WALK_FORWARD, Method.ANCHORED):
        return walk_forward(
            span,
            folds=wanted.folds,
            anchored=wanted.method == Method.ANCHORED,
            purge=wanted.purge_ns,
        )
    if wanted.method == Method.K_FOLD:
        return purged_k_fold(
            span, folds=wanted.folds, purge=wanted.purge_ns, embargo=wanted.embargo_ns
        )
    return combinatorial_purged(
        span,
        folds=wanted.folds,
        test_folds=wanted.test_folds,
        purge=wanted.purge_ns,
        embargo=wanted.embargo_ns,
    )


def _annual(bars: Bars) -> float:
    return sharpe_ratio(bars.profit, bars.bars_per_year)


def _cell(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
