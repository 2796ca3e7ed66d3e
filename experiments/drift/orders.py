"""Orders of a run, or of a desk, beside what the table of costs made expect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

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
    key
        Of the trading in the table of costs.
    table, version
        The table of costs.
    found
        Orders and tests.
    """

    title: str
    key: str
    table: str
    version: int
    found: CostDrift


def watch_costs(
    lake: Lake,
    catalog: Catalog,
    trading: Path | str,
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
    trading
        A run's folder, or the key under which trading was merged; see `find_trading`.
    source
        Expectations from ``"desk"`` or ``"backtest"`` alone.
    since_ns, until_ns
        Orders decided within; those of the same trading decided before are expectations then.

    Raises
    ------
    CrossbookError
        Where there is no table of costs, or nothing to expect costs from.
    """
    lazy, version = read_costs(lake, costs, costs_version)
    rows = lazy.collect()
    if isinstance(trading, Path):
        own = cost_rows(analyse_run(trading, lake, catalog).found)
    else:
        own = rows.filter(pl.col("run_key") == trading)
    if since_ns is not None:
        own = own.filter(pl.col("decided_ns") > since_ns)
        rows = rows.filter(pl.col("decided_ns") <= since_ns)
    if until_ns is not None:
        own = own.filter(pl.col("decided_ns") <= until_ns)
    others = rows if source is None else rows.filter(pl.col("source") == source)
    key = str(own["run_key"][0]) if own.height else ""
    return WatchedCosts(
        title=trading.name
        if isinstance(trading, Path)
        else key
        if key.startswith("desk:")
        else key[:12],
        key=key,
        table=str(cost_table(costs)),
        version=version,
        found=cost_drift(others, own, limits),
    )


def find_trading(lake: Lake, name: str, costs: str = COSTS) -> Path | str:
    """Find a run's folder by its path or id, or else a key in the table of costs.

    Parameters
    ----------
    name
        Of a key, the first eight characters at least.

    Raises
    ------
    DataError
        Where there is neither, or several keys begin so.
    """
    keys: list[str] = []
    if len(name) >= _LEAST_KEY and lake.exists(cost_table(costs)):
        rows, _ = read_costs(lake, costs)
        begun = rows.filter(pl.col("run_key").str.starts_with(name))
        keys = begun.select(pl.col("run_key").unique().sort()).collect()["run_key"].to_list()
    if name in keys or len(keys) == 1:
        return name if name in keys else keys[0]
    if keys:
        raise DataError(
            f"a key must name one trading, {name} begins {len(keys)} of them",
            remedy=f"give more of one: {', '.join(keys[:5])}",
        )
    try:
        return find_run(name)
    except DataError as error:
        raise DataError(
            f"{error.message}; nor is it the key of trading in {cost_table(costs)}",
            remedy=f"{error.remedy}, or the key that crossbook tca --merge printed",
        ) from error
