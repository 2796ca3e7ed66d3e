"""Orders of a run, or of a desk, beside what the table of costs made expect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from experiments.run import OUT
from experiments.tca import analyse_run, find_run
from framework.catalog import Catalog
from framework.core.errors import DataError
from framework.lake.store import Lake
from research.drift import CostDrift, Limits, cost_drift
from research.tca import COSTS, cost_rows, read_costs
from research.tca.cost_table import cost_table

_LEAST_KEY = 8  # characters of a key that stand for the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCosts:
    """What orders cost against what was expected.

    Parameters
    ----------
    title
        The run, or the key of a desk's trading.
    folder
        Of the run; None of a desk's trading.
    key
        Of the trading in the table of costs.
    table, version
        The table of costs.
    found
        Orders and tests.
    """

    title: str
    folder: Path | None
    key: str
    table: str
    version: int
    found: CostDrift


def watch_costs(
    lake: Lake,
    catalog: Catalog,
    name: str,
    limits: Limits,
    *,
    costs: str = COSTS,
    costs_version: int | None = None,
    source: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> WatchedCosts:
    """Hold the orders of a run, or of trading merged before, against the table of costs.

    Parameters
    ----------
    name
        A run's folder or id, or the key under which trading was merged, its first eight
        characters at least.
    source
        Expectations from ``"desk"`` or ``"backtest"`` alone.
    since_ns, until_ns
        Orders decided within; those of the same trading decided before are expectations then.

    Raises
    ------
    CrossbookError
        Where there is no such run or key, no table of costs, or nothing to expect costs from.
    """
    lazy, version = read_costs(lake, costs, costs_version)
    rows = lazy.collect()
    own = pl.DataFrame(schema=rows.schema)
    if len(name) >= _LEAST_KEY:
        own = rows.filter(pl.col("run_key").str.starts_with(name))
    folder = None
    if own.is_empty():
        try:
            folder = find_run(name)
        except DataError as error:
            raise DataError(
                f"{error.message}; nor is it the key of trading in {cost_table(costs)}",
                remedy=f"name a folder below {OUT}, or the key that crossbook tca --merge printed",
            ) from error
        own = cost_rows(analyse_run(folder, lake, catalog).found)
    elif own["run_key"].n_unique() > 1:
        raise DataError(
            f"a key must name one trading, {name} begins {own['run_key'].n_unique()} of them",
            remedy="give more of the key",
        )
    if since_ns is not None:
        own = own.filter(pl.col("decided_ns") > since_ns)
        rows = rows.filter(pl.col("decided_ns") <= since_ns)
    if until_ns is not None:
        own = own.filter(pl.col("decided_ns") <= until_ns)
    others = rows if source is None else rows.filter(pl.col("source") == source)
    key = str(own["run_key"][0]) if own.height else ""
    return WatchedCosts(
        title=folder.name if folder else key if key.startswith("desk:") else key[:12],
        folder=folder,
        key=key,
        table=str(cost_table(costs)),
        version=version,
        found=cost_drift(others, own, limits),
    )
