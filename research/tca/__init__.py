"""Transaction cost analysis: what trading cost, why, and what the next order will cost."""

from research.tca.analysis import CostAnalysis, analyse
from research.tca.book_now import BookNow, Sweep, book_now, sweep
from research.tca.cost_table import COSTS, cost_rows, merge_costs, read_costs
from research.tca.estimate import CostEstimate, estimate_cost, nearest_regime
from research.tca.fills import HORIZONS_NS
from research.tca.from_desk import from_desk
from research.tca.from_journal import from_journal
from research.tca.groups import DIMENSIONS
from research.tca.identity import IdentityError
from research.tca.learned import LearnedImpact, learn_impact
from research.tca.market import Market, frame_market, gold_market, hold_quotes, table_market
from research.tca.pretrade import Plan, rank_venues, spread_order
from research.tca.quality import market_quality
from research.tca.regime import REGIME_SCHEMA
from research.tca.trading import Trading

__all__ = [
    "COSTS",
    "DIMENSIONS",
    "HORIZONS_NS",
    "REGIME_SCHEMA",
    "BookNow",
    "CostAnalysis",
    "CostEstimate",
    "IdentityError",
    "LearnedImpact",
    "Market",
    "Plan",
    "Sweep",
    "Trading",
    "analyse",
    "book_now",
    "cost_rows",
    "estimate_cost",
    "frame_market",
    "from_desk",
    "from_journal",
    "gold_market",
    "hold_quotes",
    "learn_impact",
    "market_quality",
    "merge_costs",
    "nearest_regime",
    "rank_venues",
    "read_costs",
    "spread_order",
    "sweep",
    "table_market",
]
