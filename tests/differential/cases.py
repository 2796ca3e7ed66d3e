"""What is run on both simulators: strategies, models and latencies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.engine.config import BacktestConfig
from framework.replay.stream import GoldStream

WARM_UP_NS = 10 * NS_PER_S
QUEUES = (("risk_averse", 1.0), ("power", 1.0), ("power", 3.0), ("log", 1.0))
LATENCIES_NS = (0, 10 * NS_PER_MS, 50 * NS_PER_MS)
EXCHANGES = ("partial_fills", "no_partial_fills")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run, the same on both simulators.

    Parameters
    ----------
    strategy
        ``"join_best"`` or ``"take_cross"``.
    books
        Names of the streams, in alphabetical order.
    lots
        Size of an order in each book.
    premium
        What the first book is dearer than the second when neither is cheap, in steps of the finer
        tick.
    latency_ns
        From us to the venue, and again from the venue to us.
    """

    strategy: str
    books: tuple[str, ...]
    lots: tuple[int, ...]
    queue: str = "risk_averse"
    power: float = 1.0
    exchange: str = "partial_fills"
    latency_ns: int = 0
    interval_ns: int = NS_PER_S
    premium: int = 0

    @property
    def name(self) -> str:
        """Identifies the case in the table and in the files."""
        queue = f"power {self.power:g}" if self.queue == "power" else self.queue.replace("_", "-")
        size = "x".join(map(str, self.lots))
        return (
            f"{self.strategy}|{'+'.join(self.books)}|{size}|{self.interval_ns // NS_PER_MS} ms|"
            f"{queue}|{self.latency_ns // NS_PER_MS} ms|{self.exchange}"
        )

    def start_ns(self, streams: Sequence[GoldStream]) -> int:
        """First wake-up: the first whole interval after the warm-up of every book."""
        first_ns = max(stream.files()["first_ns"][0].as_py() for stream in streams)
        return -(-(first_ns + WARM_UP_NS) // self.interval_ns) * self.interval_ns

    def config(self) -> BacktestConfig:
        """Models of the simulated venues."""
        return BacktestConfig(
            queue_model=self.queue,
            queue_power=self.power,
            exchange_model=self.exchange,
            self_trade="allow",  # as hftbacktest, whose orders do not see each other
        )

    def streams(self, streams: Sequence[GoldStream]) -> list[GoldStream]:
        """Choose the case's books and give them its latency."""
        chosen = [stream for stream in streams if stream.instrument.name in self.books]
        return [
            replace(
                stream,
                instrument=replace(
                    stream.instrument, order_entry_ns=self.latency_ns, response_ns=self.latency_ns
                ),
            )
            for stream in chosen
        ]


def grids(streams: Sequence[GoldStream]) -> list[int]:
    """Steps of the finest tick that one tick of each book is."""
    finest = min(stream.instrument.tick for stream in streams)
    return [int(stream.instrument.tick / finest) for stream in streams]


def join_best_cases(book: str, interval_ns: int) -> list[Case]:
    """Every queue model, latency and exchange model for the quoting strategy, one lot a side."""
    return [
        Case(
            strategy="join_best",
            books=(book,),
            lots=(1,),
            queue=queue,
            power=power,
            exchange=exchange,
            latency_ns=latency_ns,
            interval_ns=interval_ns,
        )
        for exchange, latency_ns, (queue, power) in itertools.product(
            EXCHANGES, LATENCIES_NS, QUEUES
        )
    ]


def take_cross_cases(
    books: tuple[str, ...], lots: tuple[int, ...], premium: int, interval_ns: int
) -> list[Case]:
    """Every latency and exchange model for the crossing strategy."""
    return [
        Case(
            strategy="take_cross",
            books=books,
            lots=lots,
            premium=premium,
            exchange=exchange,
            latency_ns=latency_ns,
            interval_ns=interval_ns,
        )
        for exchange, latency_ns in itertools.product(EXCHANGES, LATENCIES_NS)
    ]
