"""Seeded market generator."""

from framework.synthetic.demo import DEMO_ROWS, DEMO_SEED, write_demo_market
from framework.synthetic.model import FOLLOWER, LEADER, MarketModel, VenueModel
from framework.synthetic.two_venue import demo_instruments, generate, generate_stream

__all__ = [
    "DEMO_ROWS",
    "DEMO_SEED",
    "FOLLOWER",
    "LEADER",
    "MarketModel",
    "VenueModel",
    "demo_instruments",
    "generate",
    "generate_stream",
    "write_demo_market",
]
