"""Cost analysis of trading against the market it happened in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from research.tca.fills import HORIZONS_NS, fill_costs
from research.tca.groups import check_dimensions, in_order, weighted, with_dimensions
from research.tca.market import Market
from research.tca.measure import measure
from research.tca.regime import given, terciles
from research.tca.shortfall import BENCHMARKS, PARTS, shortfall
from research.tca.trading import Trading

_FILL_COSTS: Final = ("slippage_bps", "effective_bps", "improvement_bps", "fee_bps")
_ORDER_COSTS: Final = (
    "shortfall_bps",
    *(f"{part}_bps" for part in (*PARTS, "fees")),
    *(f"{name}_bps" for name in BENCHMARKS),
)


@dataclass(frozen=True)
class CostAnalysis:
    """What trading cost, and why.

    Attributes
    ----------
    trading
        What was analysed.
    market
        What it was measured against.
    horizons_ns
        Name and length of each markout horizon.
    fills
        One row an execution: whole-number costs (``_htl``), the same in basis points, markouts and
        the dimensions of `research.tca.groups.DIMENSIONS`.
    orders
        One row an order: the parts of its shortfall, its price against the benchmarks, dimensions.
    volatility
        Realised volatility of every book and minute.
    quotes
        Quotes read.
    """

    trading: Trading
    market: str
    horizons_ns: Mapping[str, int]
    fills: pl.DataFrame
    orders: pl.DataFrame
    volatility: pl.DataFrame
    quotes: int

    def fills_by(self, *dimensions: str) -> pl.DataFrame:
        """Average execution costs, by notional, per group; over all where none is named.

        Columns: the dimensions, ``fills``, ``notional``, ``slippage_bps``, ``effective_bps``,
        ``realised_NAME_bps`` and ``impact_NAME_bps`` of `reference_horizon`, ``improvement_bps``,
        ``fee_bps``. Effective is realised plus impact over the fills that have all three.
        """
        split = [f"{kind}_{self.reference_horizon}_bps" for kind in ("realised", "impact")]
        return self._by(
            self.fills, dimensions, "fills", (*_FILL_COSTS[:2], *split, *_FILL_COSTS[2:])
        )

    def orders_by(self, *dimensions: str) -> pl.DataFrame:
        """Average shortfall, its parts and the benchmarks, by notional, per group.

        The benchmarks are averaged over orders that were filled at least in part.
        """
        return self._by(self.orders, dimensions, "orders", _ORDER_COSTS)

    def markouts(self, *dimensions: str) -> pl.DataFrame:
        """Average markout of fills per group and horizon, with its standard error.

        Columns: the dimensions, ``horizon``, ``horizon_ns``, ``fills``, ``markout_bps``,
        ``error_bps``. The average is by notional, the error that of such an average over
        independent fills.
        """
        check_dimensions(dimensions)
        parts = [
            self._markout(name, length_ns, dimensions)
            for name, length_ns in self.horizons_ns.items()
        ]
        return pl.concat(parts).sort(*dimensions, "horizon_ns", maintain_order=True)

    def worst(self, count: int = 20) -> pl.DataFrame:
        """List the fills that cost most, in money, against the mid at arrival."""
        lost = pl.col("slippage_bps") / 10_000 * pl.col("notional")
        last = f"markout_{self.reference_horizon}_bps"
        told = (
            *("order_id", "ts_ns", "venue", "symbol", "side", "liquidity", "notional"),
            *("cost", "slippage_bps", "effective_bps", last, "regime"),
        )
        costs = self.fills.select(lost.alias("cost"))["cost"]
        known = min(count, costs.len() - costs.null_count())
        rows = costs.arg_sort(descending=True, nulls_last=True).head(known)
        return self.fills[rows].with_columns(costs[rows]).select(told)

    @cached_property
    def reference_horizon(self) -> str:
        """The horizon at which costs are split: a second, or else the middle one of all."""
        every = list(self.horizons_ns)
        return "1s" if "1s" in every else every[len(every) // 2]

    def counts(self) -> dict[str, int]:
        """Count what was analysed, and what had no price to be measured against."""
        return {
            "orders": self.orders.height,
            "fills": self.fills.height,
            "quotes": self.quotes,
            "orders_without_mid": self.orders["shortfall_bps"].null_count(),
            "fills_without_mid": self.fills["slippage_bps"].null_count(),
        }

    def figures(self) -> dict[str, float]:
        """Give the headline costs, in basis points, of all fills and orders."""
        told: dict[str, float] = {}
        for frame in (self.fills_by(), self.orders_by()):
            told |= {
                name: value
                for name, value in frame.row(0, named=True).items()
                if name.endswith("_bps") and value is not None
            }
        for row in self.markouts().iter_rows(named=True):
            if row["markout_bps"] is not None:
                told[f"markout_{row['horizon']}_bps"] = row["markout_bps"]
        return told

    def _by(
        self,
        rows: pl.DataFrame,
        dimensions: tuple[str, ...],
        counted: str,
        columns: tuple[str, ...],
    ) -> pl.DataFrame:
        check_dimensions(dimensions)
        sums = [
            pl.len().cast(pl.Int64).alias(counted),
            pl.col("notional").sum(),
            *(weighted(name) for name in columns),
        ]
        if not dimensions:
            return rows.select(sums)
        return in_order(rows.group_by(*dimensions).agg(sums), dimensions)

    def _markout(self, name: str, length_ns: int, dimensions: tuple[str, ...]) -> pl.DataFrame:
        column, weight = f"markout_{name}_bps", pl.col("notional")
        mean = (pl.col(column) * weight).sum() / weight.sum()
        spread = (weight**2 * (pl.col(column) - mean) ** 2).sum().sqrt() / weight.sum()
        some = pl.len() > 0
        sums = {
            "fills": pl.len().cast(pl.Int64),
            "markout_bps": pl.when(some).then(mean),
            "error_bps": pl.when(pl.len() > 1).then(spread),
        }
        known = self.fills.filter(pl.col(column).is_not_null())
        grouped = known.group_by(*dimensions).agg(**sums) if dimensions else known.select(**sums)
        return grouped.select(
            *dimensions,
            horizon=pl.lit(name),
            horizon_ns=pl.lit(length_ns, pl.Int64),
            fills="fills",
            markout_bps="markout_bps",
            error_bps="error_bps",
        )


def analyse(
    trading: Trading,
    market: Market,
    *,
    horizons_ns: Mapping[str, int] = HORIZONS_NS,
    regimes: pl.DataFrame | None = None,
) -> CostAnalysis:
    """Cost every order and execution; every identity is checked on the way.

    Parameters
    ----------
    trading
        `from_journal` of a run, or `from_desk`.
    market
        Quotes and trades of the same books.
    horizons_ns
        Name and length of each markout horizon.
    regimes
        `REGIME_SCHEMA`; terciles of realised volatility where None.

    Raises
    ------
    DataError
        Where market or regimes do not fit the trading.
    IdentityError
        Where two ways to count a cost disagree.
    """
    measured = measure(trading, market, horizons_ns)
    fills = fill_costs(measured.executions, measured.orders, trading.instruments, list(horizons_ns))
    orders = shortfall(measured.orders, fills, trading.instruments)
    if regimes is None:
        chosen = terciles(measured.volatility)
    else:
        chosen = given(regimes, trading.instruments, measured.volatility)
    return CostAnalysis(
        trading=trading,
        market=market.described,
        horizons_ns=dict(horizons_ns),
        fills=with_dimensions(fills, chosen, "ts_ns"),
        orders=with_dimensions(orders, chosen, "decided_ns"),
        volatility=measured.volatility,
        quotes=measured.quotes,
    )
