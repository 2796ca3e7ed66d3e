"""The report's figures, one concept a file."""

from experiments.report.figures.equity import currencies, equity_figure, max_drawdown
from experiments.report.figures.market import (
    by_asset,
    inventory_figure,
    price_figure,
    spread_figure,
)
from experiments.report.figures.slippage import slippage_figure
from experiments.report.figures.vary import Variant, vary_equity_figure, vary_figure

__all__ = [
    "Variant",
    "by_asset",
    "currencies",
    "equity_figure",
    "inventory_figure",
    "max_drawdown",
    "price_figure",
    "slippage_figure",
    "spread_figure",
    "vary_equity_figure",
    "vary_figure",
]
