"""Every model by its name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from research.volatility.models.base import VolatilityModel
from research.volatility.models.boosting import Boosting
from research.volatility.models.ewma import Ewma
from research.volatility.models.garch import Garch
from research.volatility.models.har import Har
from research.volatility.models.persistence import Persistence
from research.volatility.models.transformer import Transformer

KINDS: Final[dict[str, type[VolatilityModel]]] = {
    "persistence": Persistence,
    "ewma": Ewma,
    "har": Har,
    "garch": Garch,
    "xgboost": Boosting,
    "tft": Transformer,
}


def installed_kinds() -> list[str]:
    """Name the models whose packages are installed."""
    return [kind for kind, model in KINDS.items() if all(map(find_spec, model.needs))]
