"""``crossbook drift``: whether a model or the costs still behave as they did."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

import framework
from experiments.cli.output import EXIT_DONE, EXIT_FINDING, Output, lake_options, output_option
from experiments.drift import (
    Drifted,
    drifted,
    find_trading,
    record_drift,
    watch_costs,
    watch_forecasts,
    watch_model,
    write_drift_page,
    write_tables,
)
from experiments.drift.page import shown_table
from experiments.models import ModelRegistry
from experiments.record.code_state import code_state
from experiments.run import OUT
from framework.catalog import load_catalog
from framework.core.clock import instant_ns
from framework.core.errors import SpecError
from framework.lake.store import Lake
from research.drift import Limits
from research.tca import COSTS
from research.tca.cost_table import cost_table

_LIMITS: Final = Limits()


@click.command()
@click.argument("model", required=False)
@click.option("--model-version", type=int, default=None, help="[the one in use, or the latest].")
@click.option("--table", default=None, help="Gold table with new bars [the one trained on].")
@click.option("--table-version", type=int, default=None, help="Its Delta version [latest].")
@click.option("--news", default=None, help="Silver table of headlines [the one trained on].")
@click.option(
    "--since", default=None, metavar="INSTANT", help="Bars and orders after [end of training]."
)
@click.option("--until", default=None, metavar="INSTANT", help="Bars and orders until [the last].")
@click.option(
    "--run", default=None, help="A run's folder or id, or the key of trading merged into the costs."
)
@click.option("--costs", default=COSTS, show_default=True, help="Silver table of costs.")
@click.option("--costs-version", type=int, default=None, help="Its Delta version [latest].")
@click.option(
    "--source", type=click.Choice(["desk", "backtest"]), help="Expect costs from this alone [both]."
)
@click.option(
    "--p",
    type=float,
    default=_LIMITS.p,
    show_default=True,
    help="Chance of any false alarm among all tests (Holm).",
)
@click.option(
    "--max-qlike",
    type=float,
    default=_LIMITS.qlike,
    show_default=True,
    help="QLIKE over that in validation.",
)
@click.option(
    "--max-bias",
    type=float,
    default=_LIMITS.bias,
    show_default=True,
    help="Outcome over forecast, as a multiple of that in validation, either way.",
)
@click.option(
    "--max-coverage",
    type=float,
    default=_LIMITS.coverage,
    show_default=True,
    help="Share by which the 90 % interval may cover more or less.",
)
@click.option(
    "--max-psi",
    type=float,
    default=_LIMITS.psi,
    show_default=True,
    help="Population stability index of a feature.",
)
@click.option(
    "--max-cost",
    type=float,
    default=_LIMITS.cost_bps,
    show_default=True,
    help="Realised less expected cost in bps, either way.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=OUT,
    show_default=True,
    help="Folder of MLflow's store; page and tables go to drift/NAME below it.",
)
@click.option("--no-track", is_flag=True, help="Do not log to MLflow.")
@lake_options
@output_option
def drift(
    *,
    model: str | None,
    model_version: int | None,
    table: str | None,
    table_version: int | None,
    news: str | None,
    since: str | None,
    until: str | None,
    run: str | None,
    costs: str,
    costs_version: int | None,
    source: str | None,
    p: float,
    max_qlike: float,
    max_bias: float,
    max_coverage: float,
    max_psi: float,
    max_cost: float,
    out: Path,
    no_track: bool,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Test whether a registered MODEL, or the costs of --run, have drifted.

    MODEL's forecasts of bars after its training against what came: QLIKE, bias, coverage of the
    interval, and each feature's distribution against the training sample. Of --run: the forecasts
    it has read, and what orders cost against what the table of costs would have told before.

    Ends with 1 where a test is beyond its limit and significant with all tests taken together,
    else with 0.
    """
    if model is None and run is None:
        raise SpecError(
            "drift is told of a registered MODEL, of --run, or of both; neither was named",
            remedy="crossbook drift volatility.VENUE.SYMBOL.10s, or crossbook drift --run RUN",
        )
    limits = Limits(
        p=p,
        qlike=max_qlike,
        bias=max_bias,
        coverage=max_coverage,
        psi=max_psi,
        cost_bps=max_cost,
    )
    store, known = Lake(lake), load_catalog(catalog)
    since_ns, until_ns = (None if at is None else instant_ns(at) for at in (since, until))
    registry = ModelRegistry(out)
    trading = None if run is None else find_trading(store, run, costs)
    folder = trading if isinstance(trading, Path) else None
    with output.progress_console.status("measuring"):
        read = [] if folder is None else watch_forecasts(registry, store, known, folder)
        models = list(read)
        if model is not None:
            watched = watch_model(
                registry,
                store,
                known,
                model,
                model_version,
                table=table,
                table_version=table_version,
                news=news,
                since_ns=since_ns,
                until_ns=until_ns,
            )
            models.insert(0, watched)
        traded = None
        if trading is not None and (not read or store.exists(cost_table(costs))):
            traded = watch_costs(
                store,
                known,
                trading,
                limits,
                costs=costs,
                costs_version=costs_version,
                source=source,
                since_ns=since_ns,
                until_ns=until_ns,
            )
        found = drifted(limits, models, traded, folder)
    if trading is not None and traded is None:
        output.note(f"costs were not tested: there is no {cost_table(costs)}")
    home = out / "drift" / re.sub(r"[^\w.]+", "_", found.title)
    page = write_drift_page(found, home / "report.html")
    files = [page, *write_tables(found, home)]
    tracked = (
        None
        if no_track
        else record_drift(found, files, out, code_state(Path(framework.__file__).parent))
    )
    _show(output, found, page, tracked)


def _show(output: Output, found: Drifted, page: Path, tracked: tuple[str, str] | None) -> None:
    shown = shown_table(found)
    output.table(found.title, shown.columns, shown.rows())
    if found.costs is not None and found.costs.found.unmatched:
        output.note(
            f"{found.costs.found.unmatched:,} orders have none alike in {found.costs.table} and "
            "were not tested"
        )
    counts = found.findings.group_by("test", maintain_order=True).len().rows()
    told = [f"{test} ({n})" if n > 1 else test for test, n in counts]
    output.text(f"drift: {', '.join(told)}" if told else "no drift beyond the limits")
    output.text(f"report: {page}")
    if tracked is not None:
        own, added = tracked
        output.text(f"MLflow: run {own}" + (f", and added to run {added}" if added else ""))
    output.finish(
        {
            "title": found.title,
            "is_drift": bool(told),
            "findings": found.findings.to_dicts(),
            "tests": found.table.to_dicts(),
            "report": page,
            "run": None if tracked is None else tracked[0],
            "added_to": (tracked[1] or None) if tracked else None,
        },
        EXIT_FINDING if told else EXIT_DONE,
    )
