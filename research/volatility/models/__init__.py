"""Models of volatility behind one interface."""

from research.volatility.models.base import ModelError, OnProgress, VolatilityModel
from research.volatility.models.boosting import Boosting
from research.volatility.models.ewma import Ewma
from research.volatility.models.garch import Garch
from research.volatility.models.har import Har
from research.volatility.models.kinds import KINDS, installed_kinds
from research.volatility.models.persistence import Persistence
from research.volatility.models.transformer import Transformer

__all__ = [
    "KINDS",
    "Boosting",
    "Ewma",
    "Garch",
    "Har",
    "ModelError",
    "OnProgress",
    "Persistence",
    "Transformer",
    "VolatilityModel",
    "installed_kinds",
]
