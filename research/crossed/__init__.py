"""Spells in which one venue bids more than another asks."""

from research.crossed.episodes import EPISODE_SCHEMA, Clock, EpisodeKind, episodes
from research.crossed.per_day import DAY_SCHEMA, episodes_per_day
from research.crossed.quotes import QUOTE_SCHEMA, stream_quotes, top_of_book

__all__ = [
    "DAY_SCHEMA",
    "EPISODE_SCHEMA",
    "QUOTE_SCHEMA",
    "Clock",
    "EpisodeKind",
    "episodes",
    "episodes_per_day",
    "stream_quotes",
    "top_of_book",
]
