"""Run many specs one after the other and compare what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from experiments.run import Outcome, RunOptions, carry_out
from experiments.spec import Spec
from experiments.spec.load import Plan, load_plan
from framework.core.errors import SpecError
from framework.lake.store import Lake, TableName

FOLDER: Final = Path(__file__).parents[1]
_DEMO: Final = "demo"

COMPARISON_SCHEMA: Final = pl.Schema(
    {
        "spec": pl.String,
        "strategy": pl.String,
        "varied": pl.String,
        "net_profit": pl.Float64,
        "currency": pl.String,
        "fees": pl.Float64,
        "orders": pl.Int64,
        "fills": pl.Int64,
        "fill_ratio": pl.Float64,
        "drawdown": pl.Float64,
        "journal": pl.String,
    }
)
"""One row a run; ``drawdown`` is the largest fall of the net profit from its peak. Profit, fees and
drawdown are null where a run holds several currencies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of some specs.

    Parameters
    ----------
    table
        `COMPARISON_SCHEMA`.
    outcomes
        Of the specs that were run, in their order.
    missing
        Of the others, by name: tables that the lake lacks.
    """

    table: pl.DataFrame
    outcomes: tuple[Outcome, ...]
    missing: dict[str, tuple[str, ...]]


def shipped_specs() -> list[Path]:
    """List the specs that come with the project."""
    return sorted(FOLDER.glob("*.yaml"))


def run_specs(
    paths: Sequence[Path],
    options: RunOptions,
    *,
    only: str = "",
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """Run specs and put their figures into one table.

    Markets that can be generated are, where the lake lacks them: those a spec plants, and the
    demo's. A spec whose other tables are missing is left out and named.

    Parameters
    ----------
    options
        As for one run; `out` is not used.
    only
        Part of the names of the specs wanted.

    Raises
    ------
    CrossbookError
        Where a spec or its data is not sound, or no spec is left.
    """
    plans = [plan for plan in map(load_plan, paths) if only in plan.spec.name]
    if not plans:
        raise SpecError(
            f"there must be a spec to run, none is named like {only!r}",
            remedy="the names are: " + ", ".join(path.stem for path in paths),
        )
    lake = Lake(options.lake)
    outcomes: list[Outcome] = []
    rows: list[tuple[object, ...]] = []
    missing: dict[str, tuple[str, ...]] = {}
    for plan in plans:
        _generate(plan.spec, lake)
        lacking = _lacking(plan.spec, lake)
        if lacking:
            missing[plan.spec.name] = lacking
            continue
        outcome = carry_out(plan, replace(options, out=None), on_progress)
        outcomes.append(outcome)
        rows += _rows(plan, outcome)
    table = pl.DataFrame(rows, schema=COMPARISON_SCHEMA, orient="row")
    return Comparison(table=table, outcomes=tuple(outcomes), missing=missing)


def _generate(spec: Spec, lake: Lake) -> None:
    """Write the demo's market where a spec reads it and the lake has none."""
    wanted = {entry.table.removeprefix("gold/") for entry in spec.data}
    if _DEMO in wanted and not lake.exists(TableName("gold", _DEMO)):
        from framework.synthetic import write_demo_market

        write_demo_market(lake.root)


def _lacking(spec: Spec, lake: Lake) -> tuple[str, ...]:
    planted = {name + suffix for name in spec.planted for suffix in ("", "_depth", "_quotes")}
    wanted = dict.fromkeys(entry.table.removeprefix("gold/") for entry in spec.data)
    return tuple(
        name for name in wanted if name not in planted and not lake.exists(TableName("gold", name))
    )


def _rows(plan: Plan, outcome: Outcome) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for variant in outcome.variants:
        result, summary = variant.result, variant.result.summary()
        varied = ", ".join(
            f"{path.rpartition('.')[2]} {value}" for path, value in variant.values.items()
        )
        is_one = summary["currency"] is not None
        net = result.equity.group_by("ts_ns", maintain_order=True).agg(pl.col("net_pnl").sum())
        drawdown = (net["net_pnl"].cum_max() - net["net_pnl"]).max() if net.height else 0.0
        found.append(
            (
                plan.spec.name,
                result.strategy,
                varied,
                summary["pnl"],
                summary["currency"],
                summary["fees"],
                summary["orders"],
                summary["fills"],
                summary["fill_ratio"],
                drawdown if is_one else None,
                result.journal_hash[:12],
            )
        )
    return found
