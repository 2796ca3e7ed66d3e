"""The impact a backtest assumes, learned from what orders have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from experiments.report import DataVersion
from experiments.spec import CostsSpec, Spec
from framework.lake.store import Lake
from framework.replay import GoldStream
from research.tca.cost_table import cost_table, read_costs
from research.tca.learned import learn_impact


def with_learned_impact(streams: Sequence[GoldStream], spec: Spec, lake: Lake) -> list[GoldStream]:
    """Give streams the impact that a spec's cost table teaches, unless it gives one by hand.

    Raises
    ------
    DataError
        Where there is no such table, or too few orders to learn a stream's impact from.
    """
    if spec.costs is None:
        return list(streams)
    rows = _rows(spec.costs, lake)
    taught = []
    for stream in streams:
        item = stream.instrument
        if item.name not in spec.impact:
            learned = learn_impact(rows, item, spec.costs.half_life_ns)
            item = replace(item, costs=replace(item.costs, impact=learned.impact))
        taught.append(replace(stream, instrument=item))
    return taught


def costs_version(spec: Spec, lake: Lake) -> tuple[DataVersion, ...]:
    """Write down which version of the cost table a spec reads, where it reads one."""
    if spec.costs is None:
        return ()
    rows, version = read_costs(lake, spec.costs.table, spec.costs.version)
    table = cost_table(spec.costs.table)
    return (
        DataVersion(
            table=str(table),
            version=version,
            stream=f"costs of {spec.costs.source} orders",
            rows=rows.select(pl.len()).collect().item(),
            location=lake.uri(table),
        ),
    )


def _rows(costs: CostsSpec, lake: Lake) -> pl.DataFrame:
    rows, _ = read_costs(lake, costs.table, costs.version)
    wanted = {
        "source": costs.source.value,
        "regime": costs.regime,
        "strategy": costs.strategy,
    }
    chosen = [pl.col(name) == value for name, value in wanted.items() if value is not None]
    return rows.filter(*chosen).collect()
