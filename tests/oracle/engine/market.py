"""Random small markets and a stream that hands their rows to the engine without a table."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa

from framework.core.costs import Costs, FeeTier, Financing, FundingRate
from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.links import LatencyKind, LatencyModel
from framework.replay.stream import COLUMNS
from tests.oracle.engine.book import Event

MIDDLE = 100
_INTEREST = Financing(long_bps=Decimal(500), short_bps=Decimal(-20), every_ns=10**9)
START_NS = 1_000_000_000
LAST, SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
Part = tuple[int, int, int, int, int]
"""kind, side, flags, price, lots"""


@dataclass(frozen=True)
class ListedStream:
    """Stands in for `GoldStream`: the same rows, kept in a list."""

    instrument: Instrument
    events: tuple[Event, ...]
    table: str = "listed"
    version: int = 0
    start_ns: int | None = None
    end_ns: int | None = None

    def files(self) -> pa.Table:
        first, last = self.events[0].ts_exch_ns, self.events[-1].ts_exch_ns
        columns = {"path": ["-"], "rows": [len(self.events)]}
        return pa.table(columns | {"first_ns": [first], "last_ns": [last]})

    def names_orders(self) -> bool:
        """Tell whether rows carry order ids: these do not."""
        return False

    def batches(self, rows: int, columns: Sequence[str] = COLUMNS) -> Iterator[pa.RecordBatch]:
        whole = pa.RecordBatch.from_pydict(gold_columns(self.events)).select(list(columns))
        for start in range(0, whole.num_rows, rows):
            yield whole.slice(start, rows)


def gold_columns(events: Sequence[Event]) -> dict[str, pa.Array]:
    """Columns of a gold table but for venue and symbol."""
    wide, narrow = pa.int64(), pa.int8()
    return {
        "ts_exch_ns": pa.array([e.ts_exch_ns for e in events], wide),
        "ts_recv_ns": pa.array([e.ts_recv_ns for e in events], wide),
        "seq": pa.array(range(len(events)), wide),
        "kind": pa.array([int(e.kind) for e in events], narrow),
        "side": pa.array([e.side for e in events], narrow),
        "flags": pa.array([e.flags for e in events], narrow),
        "px_ticks": pa.array([e.px for e in events], wide),
        "qty_lots": pa.array([e.lots for e in events], wide),
        "order_id": pa.array([0] * len(events), wide),
    }


def random_instruments(rng: random.Random, n_books: int) -> list[Instrument]:
    """Instruments of one or two assets, linear or inverse, with latencies that often tie."""
    return [
        Instrument(
            venue=f"v{b}",
            symbol="XY",
            tick=Decimal(rng.choice(["0.01", "0.01", "0.02", "0.5"])),
            lot=Decimal(rng.choice(["1", "0.001", "10"])),
            contract_size=Decimal(rng.choice([1, 100])),
            inverse=rng.random() < 0.2,
            asset=rng.choice(["X", "X", "Y"]),
            maker_fee_bps=Decimal(rng.choice(["-0.25", "0", "1", "0.333"])),
            taker_fee_bps=Decimal(rng.choice(["0", "2.5", "4.77"])),
            order_entry_ns=rng.choice([0, 0, 1, 3, 10]),
            response_ns=rng.choice([0, 0, 1, 4, 15]),
        )
        for b in range(n_books)
    ]


def with_random_links_and_costs(rng: random.Random, items: list[Instrument]) -> list[Instrument]:
    """The same instruments with every kind of latency and of cost, all but impact."""
    tiers = [
        FeeTier(volume=Decimal(v), maker_bps=Decimal(m), taker_bps=Decimal(t))
        for v, m, t in (("0.5", "-0.5", "2"), ("20", "-1", "1.25"), ("3000", "-2", "0"))
    ]
    return [
        replace(
            item,
            venue=rng.choice(["v", f"v{b}"]),
            symbol=f"{b}",
            cancel_entry_ns=rng.choice([None, 0, 2, 7]),
            replace_entry_ns=rng.choice([None, 1, 20]),
            entry_model=_random_model(rng),
            response_model=_random_model(rng),
            costs=Costs(
                tiers=tuple(tiers[: rng.randrange(4)]),
                window_days=rng.choice([1, 30]),
                maker_per_contract=Decimal(rng.choice(["0", "-0.002", "0.0003"])),
                taker_per_contract=Decimal(rng.choice(["0", "0.003"])),
                funding=tuple(
                    FundingRate(ts_ns=START_NS + at, rate_bps=Decimal(rng.choice(["1.5", "-7"])))
                    for at in sorted(rng.sample(range(200), 3))
                ),
                financing=rng.choice([None, _INTEREST]),
            ),
        )
        for b, item in enumerate(items)
    ]


def _random_model(rng: random.Random) -> LatencyModel:
    return LatencyModel(
        kind=rng.choice(list(LatencyKind)),
        sigma=rng.choice([0.0, 0.5, 1.5]),
        factor=rng.choice([0.0, 0.75, 1.0, 3.0]),
    )


def random_events(rng: random.Random, n_books: int, steps: int) -> list[list[Event]]:
    """Rows of each book: about `steps` messages in all, many of them at one instant."""
    styles = [rng.choice(["levels", "levels", "best", "orders"]) for _ in range(n_books)]
    feeds = [rng.choice([[0], [0, 1, 3], [2], [0, 5, 40]]) for _ in range(n_books)]
    gaps = rng.choice([[0, 0, 1], [0, 1, 2, 5], [1, 10]])
    books: list[list[Event]] = [[] for _ in range(n_books)]
    now_ns = START_NS
    for b in range(n_books):  # each book begins with something to trade against
        books[b] += _message(b, now_ns, now_ns, _opening(rng, styles[b]))
    for _ in range(steps):
        now_ns += rng.choice(gaps)
        b = rng.randrange(n_books)
        recv_ns = now_ns + rng.choice(feeds[b])
        books[b] += _message(b, now_ns, recv_ns, _parts(rng, styles[b]))
    return books


def _message(b: int, exch_ns: int, recv_ns: int, parts: list[Part]) -> list[Event]:
    last = len(parts) - 1
    return [
        Event(exch_ns, recv_ns, b, kind, side, flags | (LAST if i == last else 0), px, lots)
        for i, (kind, side, flags, px, lots) in enumerate(parts)
    ]


def _opening(rng: random.Random, style: str) -> list[Part]:
    kind = {"levels": EventKind.DEPTH, "best": EventKind.BEST, "orders": EventKind.ORDER_ADD}[style]
    depth = 1 if style == "best" else 4
    return [
        (kind, side, 0, MIDDLE - side * away, rng.randint(1, 9))
        for away in range(1, 1 + depth)
        for side in (1, -1)
    ]


def _near(rng: random.Random, side: int) -> int:
    """A price of a side, now and then beyond the middle so that books cross."""
    return MIDDLE - side * rng.choice([-1, 0, 0, 1, 1, 1, 2, 2, 3, 4])


def _parts(rng: random.Random, style: str) -> list[Part]:
    roll = rng.random()
    if roll < 0.3:
        aggressor = rng.choice([1, -1, 1, -1, 0])
        px = _near(rng, -aggressor or rng.choice([1, -1]))
        return [(EventKind.TRADE, aggressor, 0, px, rng.randint(1, 12))]
    if roll < 0.33:
        return [(EventKind.GAP, 0, 0, 0, 0)]
    if roll < 0.36 or (roll < 0.42 and style != "best"):
        return _snapshot(rng, style)
    if roll < 0.44:
        return [(EventKind.STATUS, 0, 0, 0, rng.choice([0, 1, 1]))]
    return [_level(rng, style) for _ in range(rng.choice([1, 1, 1, 2, 3]))]


def _snapshot(rng: random.Random, style: str) -> list[Part]:
    if style == "best":
        return [
            (EventKind.BEST, side, SNAPSHOT, _near(rng, side), rng.randint(0, 9))
            for side in (1, -1)
        ]
    side = rng.choice([0, 0, 0, 1, -1])
    rows: list[Part] = [(EventKind.CLEAR, side, SNAPSHOT, 0, 0)]
    for one in (1, -1) if side == 0 else (side,):
        rows += [
            (EventKind.DEPTH, one, SNAPSHOT, _near(rng, one), rng.randint(1, 9))
            for _ in range(rng.randint(0, 3))
        ]
    return rows


def _level(rng: random.Random, style: str) -> Part:
    side = rng.choice([1, -1])
    px, lots = _near(rng, side), rng.choice([0, 0, 1, 2, 3, 5, 8, 13])
    if style == "best":
        return (EventKind.BEST, side, 0, px, lots)
    if style == "levels":
        return (EventKind.DEPTH, side, 0, px, lots)
    kind = rng.choice(
        [
            EventKind.ORDER_ADD,
            EventKind.ORDER_ADD,
            EventKind.ORDER_REDUCE,
            EventKind.ORDER_DELETE,
            EventKind.ORDER_EXECUTE,
            EventKind.HIDDEN_TRADE,
        ]
    )
    return (kind, side, 0, px, lots or 1)
