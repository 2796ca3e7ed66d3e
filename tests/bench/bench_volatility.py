"""Volatility models on planted markets and on FX, and how long they take to train.

python -m tests.bench.bench_volatility [--only planted] [--write-docs]
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import polars as pl
from click.testing import CliRunner
from rich.console import Console

from experiments.cli import main as crossbook
from framework.core.clock import NS_PER_S
from research.volatility import Evaluation, evaluate, pooled_diebold_mariano
from research.volatility.conformal import REGIMES
from research.volatility.models import KINDS as MODELS
from research.volatility.models import Boosting, Transformer, VolatilityModel, installed_kinds
from tests.bench.volatility_markets import news_market, planted_table, random_table

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "volatility.md"
END: Final = "<!-- end -->"
_FX: Final = (("10s", 3), ("1m", 3), ("1h", 1))
_SURE_ROWS: Final = 1_000  # of a coverage; of fewer, what chance may do is printed beside it
_CONSOLE: Final = Console(stderr=True)


def planted(seeds: int, hours: float, horizon_s: int) -> str:
    """Say what each model is worth with and without news that matter."""
    lines = [
        "| news drive volatility | model | QLIKE | CRPS | gain on HAR | p | seeds won "
        "| 90 % covers | by regime, low to high |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    begun_s, n = time.process_time(), 0
    for drives in (True, False):
        found = []
        for seed in range(1, seeds + 1):
            market = news_market(seed, hours, drives_volatility=drives)
            table = planted_table(market, horizon_s * NS_PER_S)
            models = {kind: MODELS[kind] for kind in installed_kinds()}
            with _CONSOLE.status(f"seed {seed} of {seeds}, news drive volatility: {drives}"):
                found.append(evaluate(table, models, horizon_s * NS_PER_S, folds=2))
        n = sum(evaluation.losses()["har"].size for evaluation in found)
        lines += [_planted_row(found, kind, drives) for kind in models]
    return "\n".join(
        [
            *lines,
            "",
            f"{seeds} seeds of {hours:g} h, bars of {horizon_s} s, {n:,} forecasts each; p is "
            "Diebold and Mariano's, pooled. All of it took "
            f"{(time.process_time() - begun_s) / 60:.0f} min of processor time.",
        ]
    )


def training(model: VolatilityModel, rows: int, columns: int) -> str:
    """Say how long a model takes on random rows."""
    table = random_table(rows + 1, columns)

    def show(done: int, total: int) -> None:
        if done < total:
            _CONSOLE.print(f"{model.kind}: {done} of {total}", end="\r")

    wall_s, cpu_s = time.perf_counter(), time.process_time()
    model.fit(table, on_progress=show)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    steps = len(model.curves["train"])
    settings = getattr(model, "settings", {})
    most = settings.get("epochs", settings.get("rounds"))
    return (
        f"{model.kind}, {rows:,} rows × {columns}: {wall_s:.1f} s, {cpu_s:.1f} s of processor "
        f"time, {steps} steps of {most}"
    )


def fx(lake: Path) -> str:
    """Run ``crossbook model evaluate`` on both venues of the FX captures."""
    lines = [
        "| venue | bar | model | n | QLIKE | MSE | CRPS | p | in the 90 % set "
        "| 90 % interval covers | by regime, low to high |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for venue in ("fxcm", "oanda"):
        for horizon, folds in _FX:
            call = ["model", "evaluate", f"fx_{venue}", "--horizon", horizon]
            call += ["--folds", str(folds), "--lake", str(lake), "--json"]
            with _CONSOLE.status(f"crossbook {' '.join(call)}"):
                told = CliRunner().invoke(crossbook, call, catch_exceptions=False)
            if told.exit_code:
                raise click.ClickException(told.output)
            document = json.loads(told.stdout)
            regimes = pl.DataFrame(document["coverage"])
            for row in document["summary"]:
                of_model = regimes.filter(pl.col("model") == row["model"])
                lines.append(_fx_row(venue, horizon, row, of_model))
    return "\n".join(lines)


def write_section(name: str, text: str) -> None:
    """Put a section into the page, between its markers."""
    page = PAGE.read_text("utf-8")
    begin = f"<!-- made by bench_volatility --only {name}: begin -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise click.ClickException(f"{PAGE} has no section between {begin} and {END}")
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{END}{after}", "utf-8")


def _planted_row(found: list[Evaluation], kind: str, drives: bool) -> str:
    own = [evaluation.losses()[kind] for evaluation in found]
    har = [evaluation.losses()["har"] for evaluation in found]
    test = pooled_diebold_mariano(own, har)
    won = sum(a.mean() < b.mean() for a, b in zip(own, har, strict=True))
    rows = pl.concat([evaluation.rows for evaluation in found]).filter(pl.col("model") == kind)
    means = rows.select(pl.col("qlike", "crps", "is_within").mean()).row(0)
    is_reference = kind == "har"
    cells = (
        "yes" if drives else "no",
        kind,
        f"{means[0]:.4f}",
        f"{means[1]:.3f}",
        "" if is_reference else f"{test.gain:+.4f}",
        "" if is_reference else f"{test.p_value:.2g}",
        "" if is_reference else f"{won} of {len(found)}",
        f"{100 * means[2]:.1f} %",
        _by_regime(Evaluation(rows).coverage_by_regime()),
    )
    return "| " + " | ".join(cells) + " |"


def _fx_row(venue: str, horizon: str, row: dict[str, object], regimes: pl.DataFrame) -> str:
    n, p_value = int(str(row["n"])), row["dm_p"]
    cells = (
        venue,
        horizon,
        str(row["model"]),
        f"{n:,}",
        f"{row['qlike']:.4f}",
        f"{row['mse']:.4g}",
        f"{row['crps']:.4f}",
        "" if p_value is None else f"{p_value:.2g}",
        "yes" if row["in_set"] else "no",
        _share(n, *(float(str(row[f"coverage{end}"])) for end in ("", "_low", "_high"))),
        _by_regime(regimes),
    )
    return "| " + " | ".join(cells) + " |"


def _by_regime(coverage: pl.DataFrame) -> str:
    names = ("n", "coverage", "coverage_low", "coverage_high")
    told = {row["regime"]: _share(*(row[name] for name in names)) for row in coverage.to_dicts()}
    return " / ".join(told.get(regime, "none") for regime in REGIMES)


def _share(n: int, share: float, low: float, high: float) -> str:
    doubt = f" ({100 * low:.0f}–{100 * high:.0f})" if n < _SURE_ROWS else ""
    return f"{100 * share:.1f}{doubt}"


@click.command()
@click.option("--only", multiple=True, help="planted, short, xgboost, tft or fx [all but fx].")
@click.option("--seeds", default=8, show_default=True, help="Planted markets of each sort.")
@click.option("--hours", default=8.0, show_default=True, help="Length of a planted market.")
@click.option("--rows", default=1_000_000, show_default=True, help="For XGBoost to learn from.")
@click.option("--sequences", default=100_000, show_default=True, help="For the transformer.")
@click.option("--lake", default="lake", show_default=True, type=click.Path(path_type=Path))
@click.option("--write-docs", is_flag=True, help="Write the tables into docs/volatility.md.")
def main(
    only: tuple[str, ...],
    seeds: int,
    hours: float,
    rows: int,
    sequences: int,
    lake: Path,
    write_docs: bool,
) -> None:
    """Measure volatility models; fx needs a lake with the FX captures ingested."""
    works: dict[str, Callable[[], str]] = {
        "xgboost": lambda: training(Boosting(), rows, 40),
        "tft": lambda: training(Transformer(), sequences, 20),
        "planted": lambda: planted(seeds, hours, 10),
        "short": lambda: planted(max(seeds // 4, 1), hours / 4, 1),
        "fx": lambda: fx(lake),
    }
    if unknown := [name for name in only if name not in works]:
        raise click.UsageError(f"there is no {', '.join(unknown)}: {', '.join(works)}")
    for name in only or [name for name in works if name != "fx"]:
        text = works[name]()
        click.echo(text)
        if write_docs:
            write_section(name, text)


if __name__ == "__main__":
    main()
