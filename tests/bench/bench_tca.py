"""Print what it takes to analyse a journal's costs: ``bench_tca.py quotes=50000000 fills=1000000``.

The quotes are a silver Delta table of several books, the journal an Arrow file. Both are made first
and untimed, in a folder that ``CROSSBOOK_BENCH_DIR`` may name (there they are kept). A process of
its own then reads both, costs every order and fill, and averages them by regime, size, time and
type.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from experiments.record.journal_file import read_journal, write_journal
from framework.core.clock import NS_PER_S
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, OrderType, TimeInForce
from framework.engine.result import JOURNAL_SCHEMA, SAMPLE_SCHEMA, Result
from framework.lake.store import Lake, TableName
from research.tca import analyse, from_journal, table_market
from tests.bench.clock import Clock

CHUNK_ROWS = 2_000_000
BOOKS = 4
QUOTES = TableName("silver", "bench_quotes")
_START_NS = 1_704_153_600 * NS_PER_S
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is."""

    quotes: int
    fills: int


def instruments() -> tuple[Instrument, ...]:
    """One symbol at several venues, with a tick of a cent."""
    blank = Instrument(venue="", symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1), currency="USD")
    return tuple(replace(blank, venue=f"venue_{number}") for number in range(BOOKS))


def make(folder: Path, sizes: Sizes) -> None:
    """Write quotes, chunk by chunk, and a journal whose orders met them."""
    lake, random, rows = Lake(folder), np.random.default_rng(1), []
    for book, instrument in enumerate(instruments()):
        left, mid = sizes.quotes // BOOKS, 10_000
        step_ns, now_ns, part = 86_400 * NS_PER_S * 5 // left, _START_NS, 0
        while left > 0:
            n = min(CHUNK_ROWS, left)
            chunk = _walk(random, n, mid, now_ns, step_ns)
            mid, now_ns, left = int(chunk["bid"][-1]) + 1, int(chunk["ts_ns"][-1]) + 1, left - n
            name = f"{instrument.venue}:{part}"
            lake.append(QUOTES, _silver(chunk, instrument), transaction=name)
            rows.append(_orders(random, chunk, book, sizes.fills * n // sizes.quotes))
            part += 1
    journal = pl.concat(rows).sort("ts_ns", "order_id", "event").to_arrow().cast(JOURNAL_SCHEMA)
    made = Result(
        strategy="Bench",
        parameters={},
        instruments=instruments(),
        journal=journal,
        journal_hash="bench",
        samples=pl.DataFrame(schema=SAMPLE_SCHEMA),
        events=0,
        seconds=0.0,
    )
    write_journal(made, folder / "journal.arrow")


def _walk(random: np.random.Generator, n: int, mid: int, now_ns: int, step_ns: int) -> pl.DataFrame:
    moves = random.choice([-1, 0, 0, 0, 0, 1], n).cumsum()
    bid = np.maximum(mid + moves, 100)
    gaps = random.integers(step_ns // 2, step_ns * 3 // 2, n)
    return pl.DataFrame(
        {"ts_ns": now_ns + gaps.cumsum(), "bid": bid, "ask": bid + random.integers(1, 4, n)}
    )


def _silver(chunk: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    size = pl.lit(500.0)
    return chunk.select(
        exchange=pl.lit(instrument.venue),
        symbol=pl.lit(instrument.symbol),
        sequence=pl.int_range(pl.len(), dtype=pl.Int64),
        exchange_timestamp_ns="ts_ns",
        received_timestamp_ns="ts_ns",
        bid_price=pl.col("bid") / 100,
        bid_volume=size,
        ask_price=pl.col("ask") / 100,
        ask_volume=size,
    )


def _orders(random: np.random.Generator, chunk: pl.DataFrame, book: int, n: int) -> pl.DataFrame:
    """Take or rest at quotes drawn at random: sent, accepted and filled, a nanosecond each."""
    met = chunk[np.sort(random.choice(chunk.height - 1, n, replace=False))]
    side, is_maker = random.choice([-1, 1], n), random.random(n) < 0.5
    bid, ask = met["bid"].to_numpy(), met["ask"].to_numpy()
    price = np.where((side > 0) ^ is_maker, ask, bid)
    lots = random.integers(1, 500, n)
    blank = {name: np.zeros(n, np.int64) for name in JOURNAL_SCHEMA.names}
    same = blank | {
        "order_id": met["ts_ns"].to_numpy() * BOOKS + book,
        "book": np.full(n, book),
        "side": side,
        "order_type": np.full(n, int(OrderType.LIMIT)),
        "time_in_force": np.full(n, int(TimeInForce.GTC)),
        "px_ticks": price,
        "qty_lots": lots,
        "bid_ticks": bid,
        "ask_ticks": ask,
    }
    liquidity = np.where(is_maker, int(Liquidity.MAKER), int(Liquidity.TAKER))
    events = (
        (JournalEvent.SUBMITTED, {"leaves_lots": lots}),
        (JournalEvent.ACCEPTED, {"leaves_lots": lots}),
        (JournalEvent.FILLED, {"liquidity": liquidity, "fee_micro": price * lots * 50}),
    )
    rows = [
        same | {"event": np.full(n, int(event)), "ts_ns": met["ts_ns"].to_numpy() + later} | more
        for later, (event, more) in enumerate(events)
    ]
    return pl.concat([pl.DataFrame(one).select(JOURNAL_SCHEMA.names) for one in rows])


def work(folder: Path) -> dict[str, float]:
    """Analyse what `make` wrote; return seconds, the peak of memory and what there was."""
    with Clock() as clock:
        journal, traded, key = read_journal(folder / "journal.arrow")
        trading = from_journal(journal, traded, journal_hash=key, strategy="Bench")
        del journal
        found = analyse(trading, table_market(Lake(folder), traded, QUOTES.name))
        found.fills_by("venue", "regime", "liquidity")
        found.fills_by("size_bucket", "hour")
        found.orders_by("order_type", "liquidity")
        found.markouts("liquidity")
        found.worst()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**clock.answer(), "peak_mb": peak_mb, **found.counts()}


def measured(sizes: Sizes, folder: Path) -> dict[str, float]:
    """Make what is missing in a folder and analyse it in a process of its own."""
    home = folder / f"tca_{sizes.quotes}_{sizes.fills}"
    if not (home / "journal.arrow").exists():
        make(home, sizes)
    code = (
        f"import json; from pathlib import Path; from tests.bench.bench_tca import work; "
        f"print(json.dumps(work(Path({str(home)!r}))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, check=True, capture_output=True, text=True
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def main(arguments: list[str]) -> None:
    """Measure the sizes given, as ``quotes=…`` and ``fills=…``."""
    given = dict(argument.split("=", 1) for argument in arguments)
    sizes = Sizes(int(given.get("quotes", 50_000_000)), int(given.get("fills", 1_000_000)))
    with tempfile.TemporaryDirectory() as fallback:
        folder = Path(os.environ.get("CROSSBOOK_BENCH_DIR") or fallback)
        answer = measured(sizes, folder)
    print(
        f"costs of {answer['fills']:,} fills and {answer['orders']:,} orders against "
        f"{answer['quotes']:,} quotes of {BOOKS} books: {answer['seconds']:.1f} s wall, "
        f"{answer['cpu_seconds']:.1f} s of processor, peak {answer['peak_mb']:,.0f} MB"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
