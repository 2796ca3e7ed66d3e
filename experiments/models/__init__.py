"""Models of volatility trained on stored streams, tracked and registered in MLflow."""

from experiments.models.learning import Learnt, Source, learn, open_source
from experiments.models.registry import CHAMPION, ModelRegistry, Registered

__all__ = [
    "CHAMPION",
    "Learnt",
    "ModelRegistry",
    "Registered",
    "Source",
    "learn",
    "open_source",
]
