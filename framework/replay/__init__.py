"""Replay: gold events of many streams as one market in one order."""

from framework.replay.held import Market, hold_market
from framework.replay.open import open_streams
from framework.replay.picture import BookPicture, book_at
from framework.replay.stream import GoldStream

__all__ = ["BookPicture", "GoldStream", "Market", "book_at", "hold_market", "open_streams"]
