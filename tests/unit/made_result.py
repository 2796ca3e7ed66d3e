"""A small consistent result made by hand: two venues, three orders, two fills."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa

from framework.core.events import NO_PRICE, I32Array, I64Array
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, OrderType, Reason, TimeInForce
from framework.engine.result import JOURNAL_SCHEMA, SAMPLE_SCHEMA, Result

START_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000_000
ALPHA = Instrument(
    venue="alpha", symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1), currency="USD", asset="XYZ"
)
BETA = replace(ALPHA, venue="beta")


def journal_row(
    event: JournalEvent, order_id: int, book: int, **values: object
) -> dict[str, object]:
    """Fill in a journal row around what the caller says."""
    blank: dict[str, object] = {
        "ts_ns": START_NS,
        "event": int(event),
        "order_id": order_id,
        "book": book,
        "side": 1,
        "order_type": int(OrderType.LIMIT),
        "time_in_force": int(TimeInForce.GTC),
        "liquidity": int(Liquidity.NONE),
        "reason": int(Reason.NONE),
        "px_ticks": 0,
        "qty_lots": 0,
        "leaves_lots": 0,
        "queue_ahead_lots": 0.0,
        "fee_micro": 0,
        "bid_ticks": NO_PRICE,
        "ask_ticks": NO_PRICE,
        "mid_gap_half_ticks": NO_PRICE,
        "seen_age_ns": -1,
    }
    return blank | values


def sample_row(step: int, book: int, bid: int, ask: int, *state: int) -> dict[str, int]:
    """Sample one book; ``state`` is position, cash and fees, all 0 by default."""
    position, cash, fee = state or (0, 0, 0)
    return {
        "ts_ns": START_NS + step * STEP_NS,
        "book": book,
        "bid_ticks": bid,
        "ask_ticks": ask,
        "position_lots": position,
        "cash_units": cash,
        "fee_micro": fee,
    }


def _orders() -> list[dict[str, object]]:
    buy = {"side": 1, "px_ticks": 101, "qty_lots": 3, "bid_ticks": 99, "ask_ticks": 101}
    sell = {"side": -1, "px_ticks": 103, "qty_lots": 2, "bid_ticks": 101, "ask_ticks": 103}
    late = {"ts_ns": START_NS + STEP_NS // 2}
    return [
        journal_row(JournalEvent.SUBMITTED, 1, 0, **buy),
        journal_row(JournalEvent.SUBMITTED, 2, 1, **sell),
        journal_row(JournalEvent.ACCEPTED, 1, 0, **buy, leaves_lots=3),
        journal_row(
            JournalEvent.FILLED, 1, 0, **buy, liquidity=int(Liquidity.TAKER), fee_micro=60_600
        ),
        journal_row(JournalEvent.ACCEPTED, 2, 1, **sell, leaves_lots=2, queue_ahead_lots=9.0),
        journal_row(
            JournalEvent.FILLED,
            2,
            1,
            **(sell | late),
            liquidity=int(Liquidity.MAKER),
            fee_micro=-20_600,
            queue_ahead_lots=7.0,
        ),
        journal_row(JournalEvent.SUBMITTED, 3, 0, **(buy | late)),
        journal_row(
            JournalEvent.REJECTED,
            3,
            0,
            **(buy | late),
            leaves_lots=3,
            reason=int(Reason.WOULD_TAKE),
        ),
    ]


def make_result(
    *,
    orders: bool = True,
    currencies: tuple[str, str] = ("USD", "USD"),
    last_ask_ticks: int = 106,
) -> Result:
    """Make a result of two venues whose every figure can be worked out by hand."""
    journal = pa.Table.from_pylist(_orders() if orders else [], schema=JOURNAL_SCHEMA)
    held = (3, -303, 60_600), (-2, 206, -20_600)
    after = held if orders else ((0, 0, 0), (0, 0, 0))
    samples = pl.DataFrame(
        [
            sample_row(0, 0, 99, 101),
            sample_row(0, 1, 101, 103),
            sample_row(1, 0, 104, last_ask_ticks, *after[0]),
            sample_row(1, 1, 101, 103, *after[1]),
        ],
        schema=SAMPLE_SCHEMA,
    )
    return result_of(journal, samples, currencies)


def make_inverse_result() -> Result:
    """Make a result of one inverse contract: 5 bought at 50,000, marked at 62,500."""
    perpetual = replace(
        ALPHA, tick=Decimal("0.1"), contract_size=Decimal(100), inverse=True, currency="BTC"
    )
    buy = {"px_ticks": 500_000, "qty_lots": 5, "bid_ticks": 499_999, "ask_ticks": 500_000}
    units = 500 * 10**10 // 50_000  # a cash unit is 1e-10 of a coin
    fee_micro = units * 500  # 5 basis points
    journal = pa.Table.from_pylist(
        [
            journal_row(JournalEvent.SUBMITTED, 1, 0, **buy),
            journal_row(JournalEvent.ACCEPTED, 1, 0, **buy),
            journal_row(JournalEvent.FILLED, 1, 0, **buy, liquidity=2, fee_micro=fee_micro),
        ],
        schema=JOURNAL_SCHEMA,
    )
    samples = pl.DataFrame(
        [sample_row(1, 0, 624_999, 625_001, 5, units, fee_micro)], schema=SAMPLE_SCHEMA
    )
    return replace(result_of(journal, samples), instruments=(perpetual,))


def result_of(
    journal: pa.Table, samples: pl.DataFrame, currencies: tuple[str, str] = ("USD", "USD")
) -> Result:
    """Wrap a journal and samples of the two venues."""
    return Result(
        strategy="MadeByHand",
        parameters={"edge_bps": 2.0, "size": 3},
        instruments=(
            replace(ALPHA, currency=currencies[0]),
            replace(BETA, currency=currencies[1]),
        ),
        journal=journal,
        journal_hash=hashlib.sha256(str(journal.to_pylist()).encode()).hexdigest(),
        samples=samples,
        events=1_000,
        seconds=0.5,
        counters={"wake_ups": 12},
    )


def random_result(n_fills: int, seed: int = 7) -> Result:
    """Make a large result: ``n_fills`` fills in two books along random walks."""
    rng = np.random.default_rng(seed)
    book = rng.integers(0, 2, n_fills).astype(np.int32)
    bid = 10_000 + rng.integers(-1, 2, n_fills).cumsum() // 4
    ask = bid + rng.integers(1, 4, n_fills)
    side = rng.choice(np.array([-1, 1], np.int8), n_fills)
    maker = rng.random(n_fills) < 0.7
    px = np.where(maker == (side == 1), bid, ask)
    quantity = rng.integers(1, 6, n_fills)
    ts_ns = START_NS + np.sort(rng.integers(0, 3_600 * STEP_NS, n_fills))
    fee = (px * quantity * np.where(maker, -20, 60)).astype(np.int64)
    columns = {
        "ts_ns": np.repeat(ts_ns, 3),
        "event": np.tile([1, 2, 4], n_fills),
        "order_id": np.repeat(np.arange(1, n_fills + 1), 3),
        "book": np.repeat(book, 3),
        "side": np.repeat(side, 3),
        "order_type": np.ones(3 * n_fills),
        "time_in_force": np.ones(3 * n_fills),
        "liquidity": np.stack([0 * side, 0 * side, np.where(maker, 1, 2)], 1).ravel(),
        "reason": np.zeros(3 * n_fills),
        "px_ticks": np.repeat(px, 3),
        "qty_lots": np.repeat(quantity, 3),
        "leaves_lots": np.stack([quantity, quantity, 0 * quantity], 1).ravel(),
        "queue_ahead_lots": np.zeros(3 * n_fills, np.float64),
        "fee_micro": np.stack([0 * fee, 0 * fee, fee], 1).ravel(),
        "bid_ticks": np.repeat(bid, 3),
        "ask_ticks": np.repeat(ask, 3),
        "mid_gap_half_ticks": np.tile([0, NO_PRICE, NO_PRICE], n_fills),
        "seen_age_ns": np.tile([0, -1, -1], n_fills),
    }
    journal = pa.table(
        {field.name: pa.array(columns[field.name]).cast(field.type) for field in JOURNAL_SCHEMA}
    )
    return result_of(journal, _samples_of(book, ts_ns, bid, ask, side * quantity, px, fee))


def _samples_of(
    book: I32Array,
    ts_ns: I64Array,
    bid: I64Array,
    ask: I64Array,
    signed: I64Array,
    px: I64Array,
    fee: I64Array,
) -> pl.DataFrame:
    instants = np.arange(START_NS, START_NS + 3_601 * STEP_NS, STEP_NS)
    frames = []
    for index in (0, 1):
        own = book == index
        upto = np.searchsorted(ts_ns[own], instants, side="right")
        market = np.maximum(np.searchsorted(ts_ns, instants, side="right") - 1, 0)

        position, spent, fees = (
            np.concatenate([[0], np.cumsum(values[own])])[upto]
            for values in (signed, signed * px, fee)
        )
        frames.append(
            pl.DataFrame(
                {
                    "ts_ns": instants,
                    "book": np.full(instants.size, index),
                    "bid_ticks": bid[market],
                    "ask_ticks": ask[market],
                    "position_lots": position,
                    "cash_units": -spent,
                    "fee_micro": fees,
                    "carry_micro": np.zeros_like(fees),
                },
                schema=SAMPLE_SCHEMA,
            )
        )
    return pl.concat(frames).sort("ts_ns", "book")
