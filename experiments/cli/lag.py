"""``crossbook lag``: what a lag of the state store costs a strategy."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.output import Output, lake_options, output_option, spec_options
from experiments.cli.progress import replay_progress
from experiments.run import OUT
from experiments.spec.load import load_plan
from experiments.studies.lag import LAGS_NS, Lagged, run_lags
from experiments.studies.lag_page import write_lag_page
from framework.catalog import load_catalog
from framework.core.clock import duration_ns
from framework.core.errors import SpecError
from framework.lake.store import Lake

_SHOWN = {
    "view": "view",
    "lag_ms": "lag ms",
    "tried": "tried",
    "captured": "captured",
    "fills": "fills",
    "pnl": "profit",
    "to_direct": "to direct",
    "by_captures": "captures",
    "by_legging": "legging",
    "by_rest": "rest",
    "gap_p50_bps": "gap 50 % bps",
    "gap_p95_bps": "95 %",
    "age_p50_ms": "age 50 % ms",
    "is_direct": "as direct",
}


def _lags(_: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        parts = (part.strip() for part in text.split(","))
        return tuple(0 if part == "0" else duration_ns(part) for part in parts)
    except SpecError as error:
        raise click.BadParameter(
            f"{error.message}: write lags as --{parameter.name} 0,1ms,5ms,20ms"
        ) from error


@click.command()
@spec_options("store.notify=1ms")
@click.option("--write", metavar="LAGS", callback=_lags, help="Write lags to try, e.g. 0,1ms,5ms.")
@click.option("--notify", metavar="LAGS", callback=_lags, help="Notify lags to try instead.")
@click.option("--read", metavar="LAGS", callback=_lags, help="Read lags to try instead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Page to write [default: out/NAME/lag.html].",
)
@lake_options
@output_option
def lag(
    spec: Path,
    write: tuple[int, ...],
    notify: tuple[int, ...],
    read: tuple[int, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Run SPEC directly and through the state store at several lags, and say what each costs.

    One of the three lags is tried, write lags of 0, 1, 5 and 20 ms where none is named; the other
    two are the spec's.
    """
    named = {k: v for k, v in (("write", write), ("notify", notify), ("read", read)) if v}
    if len(named) > 1:
        raise click.UsageError(f"one lag is tried at a time, got {' and '.join(named)}")
    direction, lags_ns = next(iter(named.items()), ("write", LAGS_NS))
    plan = load_plan(spec, overrides)
    with replay_progress(output) as show:
        found = run_lags(
            plan,
            Lake(lake),
            load_catalog(catalog),
            direction=direction,
            lags_ns=lags_ns,
            on_progress=show,
        )
    page = write_lag_page(found, out or OUT / plan.spec.name / "lag.html")
    _show(output, found)
    output.note(f"page: {page}")
    output.finish({"direction": direction, "runs": found.table.to_dicts(), "page": str(page)})


def _show(output: Output, found: Lagged) -> None:
    table = found.table.select(list(_SHOWN))
    output.table(f"{found.title}: {found.direction} lag", list(_SHOWN.values()), table.rows())
