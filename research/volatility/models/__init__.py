"""Models of volatility behind one interface."""

from typing import Final

from research.volatility.models.base import ModelError, OnProgress, VolatilityModel
from research.volatility.models.boosting import Boosting
from research.volatility.models.ewma import Ewma
from research.volatility.models.garch import Garch
from research.volatility.models.har import Har
from research.volatility.models.persistence import Persistence

KINDS: Final[dict[str, type[VolatilityModel]]] = {
    "persistence": Persistence,
    "ewma": Ewma,
    "har": Har,
    "garch": Garch,
    "xgboost": Boosting,
}
"""Every model by its name."""

__all__ = [
    "KINDS",
    "Boosting",
    "Ewma",
    "Garch",
    "Har",
    "ModelError",
    "OnProgress",
    "Persistence",
    "VolatilityModel",
]
