"""Strategies: the base class, parameters, wake-ups and the context."""

from framework.core.events import NO_PRICE
from framework.core.orders import JournalEvent, OrderType, TimeInForce
from framework.strategy.base import Strategy
from framework.strategy.context import Context
from framework.strategy.memory import memory, per_book
from framework.strategy.params import Parameter, param
from framework.strategy.wake import (
    OnBest,
    OnCross,
    OnFill,
    OnIceberg,
    OnOrder,
    OnTimer,
    OnTrade,
    OnWall,
)

__all__ = [
    "NO_PRICE",
    "Context",
    "JournalEvent",
    "OnBest",
    "OnCross",
    "OnFill",
    "OnIceberg",
    "OnOrder",
    "OnTimer",
    "OnTrade",
    "OnWall",
    "OrderType",
    "Parameter",
    "Strategy",
    "TimeInForce",
    "memory",
    "param",
    "per_book",
]
