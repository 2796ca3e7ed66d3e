"""Open what is to be analysed: a run's folder, or a desk's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from experiments.record.journal_file import read_journal
from experiments.run import OUT
from experiments.sources import open_sources
from experiments.spec.load import Plan, load_plan
from framework.catalog import Catalog
from framework.core.clock import format_ns
from framework.core.errors import CrossbookError, DataError
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from research.tca import (
    HORIZONS_NS,
    CostAnalysis,
    Market,
    analyse,
    from_desk,
    from_journal,
    gold_market,
    market_quality,
    table_market,
)

_JOURNAL = "journal.arrow"
_SPEC = "spec.yaml"
_VARIANT = "variant_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """A cost analysis and where it comes from.

    Parameters
    ----------
    title
        Name of the run, or of the desk's table.
    found
        The analysis.
    quality
        The market traded in, as `market_quality` measures it.
    explain
        How an order's life is told, as a command up to the order's id; ``""`` where it cannot be.
    """

    title: str
    found: CostAnalysis
    quality: pl.DataFrame
    explain: str = ""


def find_run(name: str) -> Path:
    """Find a run's folder by its path, or by its id under ``out``.

    Raises
    ------
    DataError
        Where there is no such run, or it has several variants and names none of them.
    """
    named = Path(name)
    folders = [named] if named.is_dir() else sorted(OUT.glob(f"*/{name}"))
    if not folders:
        raise DataError(
            f"a run is a folder with a {_JOURNAL}, or the id of one under {OUT}; {name} is neither",
            remedy="crossbook run names the folder of its report: give that one",
        )
    folder = folders[0]
    if (folder / _JOURNAL).exists():
        return folder
    variants = sorted(path.name for path in folder.glob(f"{_VARIANT}*"))
    below = sorted(folder.glob(f"*/{_JOURNAL}"), key=lambda path: path.stat().st_mtime)
    if variants:
        remedy = f"name one of its variants: {folder / variants[0]}"
    elif below:
        remedy = f"name one of its {len(below)} runs, the latest is {below[-1].parent}"
    else:
        remedy = "name the folder of a run"
    raise DataError(
        f"{folder} must hold a {_JOURNAL}, it holds {', '.join(variants) or 'none'}", remedy=remedy
    )


def plan_of(folder: Path) -> Plan:
    """Read a run's plan back; of a variant, the plan of that run alone."""
    plan = load_plan(folder / _SPEC)
    if not folder.name.startswith(_VARIANT):
        return plan
    number = int(folder.name.removeprefix(_VARIANT))
    return Plan(spec=plan.spec, text=plan.text, runs=(plan.runs[number],))


def analyse_run(
    folder: Path,
    lake: Lake,
    catalog: Catalog,
    *,
    regimes: pl.DataFrame | None = None,
    horizons_ns: Mapping[str, int] = HORIZONS_NS,
) -> Analysed:
    """Analyse a run from its journal and the tables that its spec names.

    Raises
    ------
    CrossbookError
        Where journal, spec or tables are missing, or the tables are not what the run has read.
    """
    journal, instruments, journal_hash = read_journal(folder / _JOURNAL)
    plan = plan_of(folder)
    spec = plan.runs[0].spec
    strategy = type(plan.runs[0].strategy).__name__
    trading = from_journal(journal, instruments, journal_hash=journal_hash, strategy=strategy)
    market = gold_market(open_sources(spec, lake, catalog), instruments)
    found = analyse(trading, market, horizons_ns=horizons_ns, regimes=regimes)
    return Analysed(
        title=spec.name,
        found=found,
        quality=market_quality(market, instruments),
        explain=f"crossbook tca {folder} --explain ",
    )


def analyse_desk(
    lake: Lake,
    catalog: Catalog,
    executions: str,
    quotes: str,
    *,
    orders: str | None = None,
    trades: str | None = None,
    regimes: pl.DataFrame | None = None,
    horizons_ns: Mapping[str, int] = HORIZONS_NS,
) -> Analysed:
    """Analyse a desk's own executions and orders against quotes.

    Parameters
    ----------
    executions, orders, quotes, trades
        Silver tables, with or without ``silver/``.

    Raises
    ------
    CrossbookError
        Where a table is missing or malformed, or the catalog lacks an instrument.
    """
    made = _read(lake, executions)
    asked = None if orders is None else _read(lake, orders)
    instruments = _instruments(made, asked, catalog)
    trading = from_desk(made, asked, instruments, key=f"desk:{executions}")
    market: Market = table_market(lake, instruments, quotes, trades)
    found = analyse(trading, market, horizons_ns=horizons_ns, regimes=regimes)
    _check_priced(found, made, quotes)
    return Analysed(
        title=executions.removeprefix("silver/"),
        found=found,
        quality=market_quality(market, instruments),
    )


def _check_priced(found: CostAnalysis, executions: pl.DataFrame, quotes: str) -> None:
    """Refuse quotes that say nothing of any fill: another period, or another unit of time."""
    counts, clock = found.counts(), executions["exchange_timestamp_ns"]
    if counts["fills"] and counts["fills_without_mid"] == counts["fills"]:
        first, last = (format_ns(int(str(end))) for end in (clock.min(), clock.max()))
        raise DataError(
            f"fills are priced by the quotes of their time, {quotes} has none for any of "
            f"{counts['fills']:,} fills from {first} to {last} ({counts['quotes']:,} quotes read)",
            remedy="both clocks count nanoseconds since 1970, UTC; name quotes of that period",
        )


def read_regimes(lake: Lake, name: str) -> pl.DataFrame:
    """Read a regime table: a CSV or Parquet file, or a table of the lake.

    Raises
    ------
    CrossbookError
        Where it cannot be read.
    """
    path = Path(name)
    if path.suffix not in (".csv", ".parquet"):
        return _read(lake, name)
    try:
        return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CrossbookError(
            f"the regimes must be readable, {path} is not: {error}",
            remedy="name a CSV file, a Parquet file or a table of the lake",
        ) from error


def _read(lake: Lake, name: str) -> pl.DataFrame:
    layer, _, table = name.rpartition("/")
    return lake.scan(TableName(layer or "silver", table)).collect()


def _instruments(
    executions: pl.DataFrame, orders: pl.DataFrame | None, catalog: Catalog
) -> list[Instrument]:
    streams = [executions] if orders is None else [executions, orders]
    for frame in streams:
        if not {"exchange", "symbol"} <= set(frame.columns):
            raise DataError(
                "a desk's orders and executions name exchange and symbol, found the columns "
                f"{', '.join(frame.columns)}",
                remedy="see docs/tca.md for both schemas",
            )
    pairs = sorted(
        {pair for frame in streams for pair in frame.select("exchange", "symbol").rows()}
    )
    found = [catalog.instrument(*pair) for pair in pairs]
    unknown = [":".join(pair) for pair, item in zip(pairs, found, strict=True) if item is None]
    if unknown:
        raise DataError(
            f"what a tick and a lot of {', '.join(unknown)} are is not in the catalog",
            remedy="add the instrument to the catalog",
        )
    return [item for item in found if item is not None]
