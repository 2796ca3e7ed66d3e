"""How long each message takes, by the definition of the latency models."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from framework.core.instrument import Instrument
from framework.core.links import LatencyKind
from tests.oracle.engine.book import Event

_WORD = 2**64


def uniform(seed: int, counter: int) -> float:
    """splitmix64's output of a state, as a number between 0 and 1."""
    x = (seed + (counter + 1) * 0x9E3779B97F4A7C15) % _WORD
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % _WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % _WORD
    x ^= x >> 31
    return ((x >> 11) + 0.5) / 2**53


class Links:
    """Latencies of a trial's messages; `seen_ns` is each book's feed latency as last seen."""

    def __init__(
        self, instruments: Sequence[Instrument], events: Sequence[Event], seed: int
    ) -> None:
        self.instruments, self.events, self.seed = instruments, events, seed
        self.messages = 0
        self.seen_ns: list[int | None] = [None] * len(instruments)

    def entry_ns(self, book: int, what: str) -> int:
        item = self.instruments[book]
        special = {"cancel": item.cancel_entry_ns, "replace": item.replace_entry_ns}.get(what)
        given_ns = item.order_entry_ns if special is None else special
        model = item.entry_model
        if model.kind == LatencyKind.FROM_DATA:
            return self._observed(self.seen_ns[book], model.factor, given_ns)
        if model.kind == LatencyKind.LOG_NORMAL:
            return self._drawn(item.venue, 0, given_ns, model.sigma)
        return given_ns

    def response_ns(self, book: int, ts_ns: int) -> int:
        item = self.instruments[book]
        model = item.response_model
        if model.kind == LatencyKind.FROM_DATA:
            feeds = [
                event.ts_recv_ns - event.ts_exch_ns
                for event in self.events
                if event.book == book and event.ts_exch_ns <= ts_ns
            ]
            return self._observed(feeds[-1] if feeds else None, model.factor, item.response_ns)
        if model.kind == LatencyKind.LOG_NORMAL:
            return self._drawn(item.venue, 1, item.response_ns, model.sigma)
        return item.response_ns

    def _observed(self, feed_ns: int | None, factor: float, given_ns: int) -> int:
        return given_ns if feed_ns is None else math.floor(feed_ns * factor + 0.5)

    def _drawn(self, venue: str, link: int, median_ns: int, sigma: float) -> int:
        digest = hashlib.sha256(f"latency:{self.seed}:{venue}".encode()).digest()
        seed = int.from_bytes(digest[:8], "little")
        counter = 2 * (2 * self.messages + link)
        self.messages += 1
        radius = math.sqrt(-2 * math.log(uniform(seed, counter)))
        normal = radius * math.cos(2 * math.pi * uniform(seed, counter + 1))
        return math.floor(median_ns * math.exp(sigma * normal) + 0.5)
