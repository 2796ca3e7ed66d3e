"""How well queue models know the place that order ids tell exactly."""

from research.queue.calibration import (
    MAX_SHADOWS,
    MODELS,
    ModelChoice,
    QueueCalibration,
    calibrate_queue,
)
from research.queue.markdown import as_markdown

__all__ = [
    "MAX_SHADOWS",
    "MODELS",
    "ModelChoice",
    "QueueCalibration",
    "as_markdown",
    "calibrate_queue",
]
