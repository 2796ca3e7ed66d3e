"""Print how fast gold events are read from Delta and merged, and what each part of it costs."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

from framework.lake.store import Lake, TableName
from framework.replay import GoldStream, hold_market
from framework.replay.market import read_market
from framework.replay.stream import COLUMNS, REPLAYED
from framework.synthetic import demo_instruments, write_demo_market
from framework.synthetic.model import MarketModel

ROWS = 10_000_000
ROUNDS = 5
LEVELS = 10
DECODED_ROWS = 1 << 16


def decoded(streams: Sequence[GoldStream], columns: Sequence[str]) -> int:
    """Decode columns of all streams in this thread; return the rows."""
    return sum(batch.num_rows for one in streams for batch in one.batches(DECODED_ROWS, columns))


def merged(streams: Sequence[GoldStream]) -> int:
    """Read the market to its end; return the events."""
    return sum(c.tape.ts_exch_ns.size - c.first_event for c in read_market(streams))


def measured(work: Callable[[], int]) -> Iterator[tuple[float, float]]:
    """Yield wall and processor time of each round, in nanoseconds a row."""
    for _ in range(ROUNDS + 1):
        wall, processor = time.perf_counter(), time.process_time()
        rows = work()
        spent = time.perf_counter() - wall, time.process_time() - processor
        yield spent[0] / rows * 1e9, spent[1] / rows * 1e9


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as root:
        model = MarketModel().with_levels(LEVELS)
        version = write_demo_market(root, rows, model=model)
        location = Lake(root).uri(TableName("gold", "demo"))
        streams = [
            GoldStream(location=location, table="demo", version=version, instrument=one)
            for one in demo_instruments()
        ]
        works: dict[str, Callable[[], int]] = {
            "decode all columns": lambda: decoded(streams, COLUMNS),
            "decode what a replay needs": lambda: decoded(streams, REPLAYED),
            "read and merge": lambda: merged(streams),
        }
        print(f"{rows:,} rows, two venues, {LEVELS} levels, median of {ROUNDS}")
        print(f"{'':28} {'wall ns/row':>12} {'cpu ns/row':>11} {'million rows/s':>15}")
        for name, work in works.items():
            rounds = list(measured(work))[1:]  # the first loads libraries and kernels
            wall, processor = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{name:28} {wall:12.1f} {processor:11.1f} {1e3 / wall:15.1f}")
        began = time.perf_counter()
        chunks = len(hold_market(streams).held)
        print(f"held in memory, {chunks} chunks: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
