"""A market with planted truth: who traded, when, and at which true price."""

from framework.synthetic.planted.derive import Deriver, Level
from framework.synthetic.planted.generate import (
    Piece,
    PlantedMarket,
    PlantedTables,
    generate_planted,
    planted_instruments,
)
from framework.synthetic.planted.model import (
    EpisodeRates,
    NewsModel,
    PlantedModel,
    Regime,
    RegimeModel,
    VenueModel,
)
from framework.synthetic.planted.plan import EpisodeKind
from framework.synthetic.planted.state import Agent
from framework.synthetic.planted.write import (
    Written,
    news_table,
    truth_table,
    write_planted_market,
)

__all__ = [
    "Agent",
    "Deriver",
    "EpisodeKind",
    "EpisodeRates",
    "Level",
    "NewsModel",
    "Piece",
    "PlantedMarket",
    "PlantedModel",
    "PlantedTables",
    "Regime",
    "RegimeModel",
    "VenueModel",
    "Written",
    "generate_planted",
    "news_table",
    "planted_instruments",
    "truth_table",
    "write_planted_market",
]
