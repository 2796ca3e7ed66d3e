"""What the comparisons share: the stored markets, the rounds, and whom to ask for what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.measure import Contestant
from tests.bench.peer_files import write_compressed, write_hftbacktest
from tests.bench.stream import Stream
from tests.bench.workers import Worker, Workers

INTERVAL_NS: Final = 100_000_000
_ROOM: Final = 1 << 20
"""Most fills of one run that are compared."""

Sets = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the benchmark.

    Parameters
    ----------
    folder
        Where markets are kept.
    rounds
        How often each contestant runs.
    workers
        Whom to ask.
    tiny, small, large, huge
        Rows of the markets; 0.2, 2, 10 and 100 million in the tables.
    """

    folder: Path
    rounds: int
    workers: Workers
    tiny: int
    small: int
    large: int
    huge: int

    def stream(self, rows: int) -> Stream:
        """Have the market of so many rows, generated where it is not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stream = Stream(self.folder, rows)
        stream.write()
        return stream

    def ours(
        self,
        worker: Worker,
        stream: Stream,
        strategy: str,
        sets: Sets,
        *,
        compiled: bool = True,
        held: bool = False,
        journal: str = "all",
    ) -> Contestant:
        """Ask Crossbook to run parameter sets in one replay, after one over the tiny market.

        The latter finds or makes the machine code.
        """
        request = self.our_request(stream, strategy, sets, compiled, held, journal)
        tiny = self.our_request(self.stream(self.tiny), strategy, sets, compiled, held, journal)
        worker.ask("simulate", **tiny)
        return lambda: worker.ask("simulate", **request)

    def our_request(
        self,
        stream: Stream,
        strategy: str,
        sets: Sets,
        compiled: bool = True,
        held: bool = False,
        journal: str = "all",
    ) -> dict[str, Any]:
        """Say what Crossbook is to run."""
        return {
            "folder": str(self.folder),
            "rows": stream.rows,
            "strategy": strategy,
            "sets": sets,
            "compiled": compiled,
            "held": held,
            "journal": journal,
        }

    def peer_request(self, stream: Stream, strategy: str, sets: Sets) -> dict[str, Any]:
        """Say what hftbacktest is to run."""
        books = str(write_hftbacktest(stream))
        return {"books": books, "strategy": strategy, "sets": sets}

    def hftbacktest(
        self,
        worker: Worker,
        stream: Stream,
        strategy: str,
        sets: Sets,
        *,
        from_files: bool = False,
    ) -> Contestant:
        """Ask hftbacktest to run parameter sets one after the other."""
        request = self.peer_request(stream, strategy, sets)
        if from_files:
            write_compressed(stream)
        return lambda: worker.ask("simulate", from_files=from_files, **request)

    def fills(self, peer: Worker, stream: Stream, strategy: str, sets: Sets) -> tuple[int, int]:
        """Compare every fill of every parameter set; how many are ours, and how many differ.

        It leaves the peer compiled and with its events in memory.
        """
        files = [self.folder / "fills_ours", self.folder / "fills_theirs"]
        with self.workers("crossbook") as us:
            us.ask("fills", out=str(files[0]), **self.our_request(stream, strategy, sets))
        request = self.peer_request(stream, strategy, sets)
        peer.ask("fills", out=str(files[1]), room=_ROOM, **request)
        last_ns = stream.last_ns()
        n_ours = n_differ = 0
        for k in range(len(sets)):
            ours, theirs = (loaded_fills(Path(f"{path}.{k}.npy"), last_ns) for path in files)
            n_ours += ours.total()
            n_differ += ((ours - theirs) + (theirs - ours)).total()
        return n_ours, n_differ


def loaded_fills(path: Path, last_ns: int) -> Counter[tuple[int, ...]]:
    """Count the fills of each time, book, side, price and quantity until the market ends.

    We stop at the market's last event; over there, what is on its way still arrives.
    """
    found = np.load(path)
    path.unlink()
    return Counter(row for row in map(tuple, found.tolist()) if row[0] <= last_ns)
