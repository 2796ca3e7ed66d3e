"""The report's figures, one concept a file."""

from experiments.report.figures.account import (
    drawdown_figure,
    exposure_figure,
    turnover_figure,
    with_notional,
)
from experiments.report.figures.attribution import attribution_figure
from experiments.report.figures.equity import currencies, equity_figure
from experiments.report.figures.gap import gap_figure
from experiments.report.figures.market import (
    by_asset,
    inventory_figure,
    price_figure,
    spread_figure,
)
from experiments.report.figures.markouts import markout_figure, queue_figure
from experiments.report.figures.slippage import slippage_figure
from experiments.report.figures.vary import Variant, vary_equity_figure, vary_figure

__all__ = [
    "Variant",
    "attribution_figure",
    "by_asset",
    "currencies",
    "drawdown_figure",
    "equity_figure",
    "exposure_figure",
    "gap_figure",
    "inventory_figure",
    "markout_figure",
    "price_figure",
    "queue_figure",
    "slippage_figure",
    "spread_figure",
    "turnover_figure",
    "vary_equity_figure",
    "vary_figure",
    "with_notional",
]
