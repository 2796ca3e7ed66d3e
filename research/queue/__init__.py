"""How well queue models know the place that order ids tell exactly."""

from research.queue.calibration import (
    MODELS,
    ModelChoice,
    QueueCalibration,
    calibrate_queue,
)

__all__ = ["MODELS", "ModelChoice", "QueueCalibration", "calibrate_queue"]
