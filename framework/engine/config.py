"""How a backtest is run: the models of the simulated venues, seeds and sampling."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from framework.core.errors import SpecError
from framework.core.orders import Journal, SelfTrade
from framework.replay.market import CHUNK_ROWS
from framework.replay.stream import GoldStream
from framework.risk.limits import RiskLimits
from framework.signals.base import Signal
from framework.state.desk.documents import BUCKET_NS
from framework.state.lag import StoreLink
from framework.strategy.base import VIEWS
from framework.venue.matching import ExchangeModel
from framework.venue.queue import QueueModel

AUTO: Final = "auto"
"""Queue model that depends on what a stream tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestConfig:
    """Settings of a run that are neither the strategy's nor an instrument's.

    Parameters
    ----------
    seed
        Seed of every random stream.
    sample_interval_ns
        Virtual time between samples of the state; 0 takes about 2,000 over the run.
    queue_model
        ``"auto"`` takes the exact queue by order id for streams that name their orders, and
        ``"risk_averse"`` for all others. ``"l3_exact"`` demands the exact one; ``"risk_averse"``,
        ``"power"``, ``"power2"``, ``"power3"``, ``"log"`` and ``"log2"`` estimate, ids or not.
    queue_power
        Exponent of the power models.
    exchange_model
        ``"partial_fills"`` or ``"no_partial_fills"``.
    self_trade
        What gives way where two orders of a strategy would trade with each other at a venue:
        ``"cancel_newest"``, ``"cancel_oldest"``, ``"cancel_both"``, ``"decrement"``, or
        ``"allow"`` for orders that do not see each other.
    max_orders
        Orders a strategy may have open at once; rounded up to a power of two.
    chunk_rows
        Events of a chunk of the merged market; bounds the memory.
    risk
        What a strategy may do at most; None checks nothing and costs nothing.
    trace_order
        Id of the order whose every move in its queue is written down beside the journal; 0: none.
    view
        What strategies read of the market: ``"direct"``, what reaches us from the venues, or
        ``"store"``, what the state store shows; ``""`` takes what each class declares.
    store
        The lags of the store, where it is read.
    store_bucket_ns
        Span of the store's depth documents; 0 writes one after every message.
    compiled
        True to compile the strategy classes; the journal is the same, wake-ups cost nothing.
    journal
        ``"all"``, or ``"fills"`` to keep only what moves the account, in the same bytes: many
        trials then need far less memory and time. The journal's hash is of what is kept.
    signals
        What strategies may read besides the market, each value from when it is available on.
    threads
        Threads that share the trials of a compiled run; 0 takes one a core. Results do not
        depend on it.

    Raises
    ------
    SpecError
        For an unknown model or a number out of range.
    """

    seed: int = 0
    sample_interval_ns: int = 0
    queue_model: str = "auto"
    queue_power: float = 3.0
    exchange_model: str = "partial_fills"
    self_trade: str = "cancel_newest"
    max_orders: int = 128
    chunk_rows: int = CHUNK_ROWS
    compiled: bool = False
    journal: str = "all"
    threads: int = 0
    trace_order: int = 0
    risk: RiskLimits | None = None
    view: str = ""
    store: StoreLink = field(default_factory=StoreLink)
    store_bucket_ns: int = BUCKET_NS
    signals: tuple[Signal, ...] = ()

    def __post_init__(self) -> None:
        if self.queue_model != AUTO:
            _choose(QueueModel, self.queue_model, "queue_model")
        _choose(ExchangeModel, self.exchange_model, "exchange_model")
        _choose(SelfTrade, self.self_trade, "self_trade")
        if self.view not in ("", *VIEWS):
            raise SpecError(
                f"view must be one of {', '.join(VIEWS)}, got {self.view!r}",
                remedy="write view: store, or leave it out for what the strategy declares",
            )
        _choose(Journal, self.journal, "journal")
        if self.store_bucket_ns < 0:
            raise SpecError(
                f"the span of a depth document must not be negative, got {self.store_bucket_ns} ns",
                remedy="write bucket: 100ms, or 0ms for one after every message",
            )
        for name in ("queue_power", "max_orders", "chunk_rows"):
            if getattr(self, name) <= 0:
                raise SpecError(
                    f"{name} must be positive, got {getattr(self, name)}",
                    remedy=f"give a positive {name} or leave it out",
                )

    def queue(self, stream: GoldStream) -> QueueModel:
        """Choose a stream's queue model.

        Raises
        ------
        SpecError
            Where the exact model is demanded of a stream that does not name its orders.
        """
        if self.queue_model not in (AUTO, QueueModel.L3_EXACT.name.lower()):
            return QueueModel[self.queue_model.upper()]
        if stream.names_orders():
            return QueueModel.L3_EXACT
        if self.queue_model == AUTO:
            return QueueModel.RISK_AVERSE
        raise SpecError(
            f"queue_model {self.queue_model} needs order-by-order data, {stream.table} has no "
            f"order ids of {stream.instrument.name}",
            remedy=f"write queue_model: {AUTO} to take it only where there are ids",
        )

    @property
    def exchange(self) -> ExchangeModel:
        """The exchange model as the kernels know it."""
        return ExchangeModel[self.exchange_model.upper()]

    @property
    def kept_events(self) -> Journal:
        """The events whose rows are kept."""
        return Journal[self.journal.upper()]

    @property
    def self_trade_rule(self) -> SelfTrade:
        """The self-trade rule as the kernels know it."""
        return SelfTrade[self.self_trade.upper()]


def _choose(kinds: type[IntEnum], value: str, name: str) -> None:
    names = [kind.name.lower() for kind in kinds]
    if value not in names:
        raise SpecError(
            f"{name} must be one of {', '.join(names)}, got {value!r}",
            remedy=f"write for example {name}: {names[0]}",
        )
