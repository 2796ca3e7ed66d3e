"""Replay: gold events of many streams as one market in one order."""

from framework.replay.open import open_streams
from framework.replay.stream import GoldStream

__all__ = ["GoldStream", "open_streams"]
