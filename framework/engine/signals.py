"""Signals before the loop: of each the rows that may be looked at during the chunk in hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from framework.core.errors import SpecError
from framework.signals import Signal, SignalRows
from framework.venue.memory import World
from framework.venue.records import SIGNAL_DTYPE
from framework.venue.world import FOREVER, W


class SignalFeed:
    """Brings every signal into a world's memory, as far as the market has been read.

    A row is in memory before its time, as market events are; kernels hand it out from its instant
    on and not before.

    Parameters
    ----------
    signals
        In the order by which strategies number them.
    world
        Whose memory it is.

    Raises
    ------
    SpecError
        Where two have one name.
    """

    def __init__(self, signals: Sequence[Signal], world: World) -> None:
        names = [signal.name for signal in signals]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SpecError(
                f"signals must have names of their own, {', '.join(twice)} stands twice",
                remedy="rename one of them",
            )
        self._signals = tuple(signals)
        self._records = np.zeros(len(signals), SIGNAL_DTYPE)
        self._records["now"] = -1
        self._sources: list[Iterator[SignalRows]] = []
        self._held = [_NOTHING for _ in signals]
        self._read = [False for _ in signals]
        world.root[W.SIGNALS] = self._records.ctypes.data
        world.root[W.N_SIGNALS] = len(signals)

    def start(self, start_ns: int) -> None:
        """Bring what is known when the strategies wake."""
        self._sources = [signal.blocks(start_ns) for signal in self._signals]
        self.bring(start_ns)

    def bring(self, until_ns: int) -> None:
        """Bring all rows that become available up to an instant, and drop those gone by."""
        for number, record in enumerate(self._records):
            if self._bring(number, int(record["now"]), until_ns):
                held = self._held[number]
                record["available"] = held.available_ns.ctypes.data
                record["valid"] = held.valid_ns.ctypes.data
                record["value"] = held.value.ctypes.data
                record["rows"] = held.value.size
                record["now"] = min(int(record["now"]), 0)

    def _bring(self, number: int, now: int, until_ns: int) -> bool:
        """Read on; false where what is held reaches far enough."""
        held = self._held[number]
        last_ns = held.available_ns[-1] if held.value.size else -FOREVER
        if self._read[number] or last_ns > until_ns:
            return False
        parts = [held.take(slice(max(now, 0), None))]
        while last_ns <= until_ns:
            block = next(self._sources[number], None)
            if block is None:
                self._read[number] = True
                break
            parts.append(block)
            last_ns = block.available_ns[-1] if block.value.size else last_ns
        self._held[number] = SignalRows(
            np.concatenate([part.available_ns for part in parts]),
            np.concatenate([part.valid_ns for part in parts]),
            np.concatenate([part.value for part in parts]),
        )
        return True


_NOTHING = SignalRows(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float64))
