"""Generate a small seeded market in which several venues follow one efficient price.

The same seed, model and number of rows give the same bytes, however the chunks are cut. The number
of rows is an upper bound: the market stops before the first message that might not fit.

Simulation assumptions
----------------------
Displayed quantity is all there is: no hidden orders, no orders of ours, no auctions. Every market
order is a message of trades followed, at the same instant, by a message of the levels they reduced.
Nothing that we would do moves the market.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa

from framework.core.clock import NS_PER_US
from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA
from framework.core.instrument import Instrument
from framework.synthetic.draws import seeded
from framework.synthetic.flow import run
from framework.synthetic.market import ROW_DTYPE, RecordArray, new_market
from framework.synthetic.model import MarketModel
from framework.synthetic.opening import open_books

CHUNK_ROWS: Final = 1 << 18
_NAMES: Final = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")


def demo_instruments(venues: int = 2) -> tuple[Instrument, ...]:
    """List the made-up instruments ``alpha:XYZ``, ``beta:XYZ``, … with a tick of 0.01 and lot 1.

    >>> [instrument.name for instrument in demo_instruments()]
    ['alpha:XYZ', 'beta:XYZ']

    Raises
    ------
    DataError
        Where more venues are asked for than there are names.
    """
    if not 1 <= venues <= len(_NAMES):
        raise DataError(
            f"there are made-up instruments for 1 to {len(_NAMES)} venues, asked for {venues}",
            remedy="pass your own `instruments`",
        )
    return tuple(
        Instrument(
            venue=name,
            symbol="XYZ",
            tick=Decimal("0.01"),
            lot=Decimal(1),
            asset="XYZ",
            currency="USD",
            taker_fee_bps=Decimal("0.5"),
            order_entry_ns=500 * NS_PER_US,
            response_ns=500 * NS_PER_US,
        )
        for name in _NAMES[:venues]
    )


def generate(
    rows: int,
    seed: int,
    instruments: Sequence[Instrument] | None = None,
    model: MarketModel | None = None,
) -> dict[str, pa.Table]:
    """Generate a market of at most `rows` gold rows in all.

    Parameters
    ----------
    rows
        Upper bound on the rows of all venues together.
    seed
        Seed of every draw.
    instruments
        One per venue, of equal ticks; `demo_instruments` if left out.
    model
        Assumptions; a leader and a follower if left out.

    Returns
    -------
    dict of str to pyarrow.Table
        `GOLD_SCHEMA` rows of each venue, by `Instrument.name`.

    Raises
    ------
    DataError
        Where `rows` cannot hold the snapshots, or ticks differ.
    """
    chosen = tuple(instruments) if instruments is not None else demo_instruments()
    parts: dict[str, list[pa.Table]] = {instrument.name: [] for instrument in chosen}
    for chunk in generate_stream(rows, seed=seed, instruments=chosen, model=model):
        for name, table in chunk.items():
            parts[name].append(table)
    return {name: pa.concat_tables(tables).combine_chunks() for name, tables in parts.items()}


def generate_stream(
    rows: int,
    *,
    seed: int = 0,
    venues: int = 2,
    levels: int | None = None,
    instruments: Sequence[Instrument] | None = None,
    model: MarketModel | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[dict[str, pa.Table]]:
    """Yield the market of `generate` piece by piece, in memory bounded by `chunk_rows`.

    Parameters
    ----------
    rows, seed, instruments, model
        As in `generate`.
    venues
        Number of made-up instruments where `instruments` is left out.
    levels
        Displayed levels per side, if not the model's.
    chunk_rows
        Most rows of one piece, all venues together.

    Yields
    ------
    dict of str to pyarrow.Table
        A slice of time; messages are never split.
    """
    chosen = tuple(instruments) if instruments is not None else demo_instruments(venues)
    assumed = model if model is not None else MarketModel()
    if levels is not None:
        assumed = assumed.with_levels(levels)
    _check(chosen, assumed, rows, chunk_rows)
    rng = seeded(seed)
    market = new_market(assumed, len(chosen))
    left = rows
    snapshots = open_books(market, seed)
    while left >= _longest_event(assumed):
        events = np.empty(min(left, chunk_rows), dtype=ROW_DTYPE)
        events[: len(snapshots)] = snapshots
        market.common["used"] = len(snapshots)
        snapshots = snapshots[:0]
        run(events, market, rng)
        used = int(market.common["used"][0])
        left -= used
        yield _tables(events[:used], chosen)


def _longest_event(model: MarketModel) -> int:
    return 3 * model.levels


def _check(
    instruments: Sequence[Instrument], model: MarketModel, rows: int, chunk_rows: int
) -> None:
    snapshots = len(instruments) * (1 + 2 * model.levels)
    least = snapshots + _longest_event(model)
    if min(rows, chunk_rows) < least:
        raise DataError(
            f"{len(instruments)} venues of {model.levels} levels need at least {least} rows for "
            f"their snapshots, got rows={rows} and chunk_rows={chunk_rows}",
            remedy="ask for more rows",
        )
    ticks = {instrument.tick for instrument in instruments}
    if len(ticks) != 1:
        raise DataError(
            "the venues of a synthetic market must share one tick, got "
            + (", ".join(f"{i.name} {i.tick}" for i in instruments) or "no instruments"),
            remedy="give every instrument the same tick",
        )


def _tables(events: RecordArray, instruments: Sequence[Instrument]) -> dict[str, pa.Table]:
    return {
        instrument.name: _table(events[events["venue"] == index], instrument)
        for index, instrument in enumerate(instruments)
    }


def _table(events: RecordArray, instrument: Instrument) -> pa.Table:
    def constant(value: object, kind: pa.DataType) -> pa.Array:
        return pa.repeat(pa.scalar(value, type=kind), len(events))

    return pa.table(
        {
            "venue": constant(instrument.venue, pa.string()),
            "symbol": constant(instrument.symbol, pa.string()),
            "ts_exch_ns": np.ascontiguousarray(events["ts_exch_ns"]),
            "ts_recv_ns": np.ascontiguousarray(events["ts_recv_ns"]),
            "seq": np.ascontiguousarray(events["seq"]),
            "kind": np.ascontiguousarray(events["kind"]),
            "side": np.ascontiguousarray(events["side"]),
            "flags": np.ascontiguousarray(events["flags"]),
            "px_ticks": np.ascontiguousarray(events["px_ticks"]),
            "qty_lots": np.ascontiguousarray(events["qty_lots"]),
            "order_id": constant(0, pa.int64()),
        },
        schema=GOLD_SCHEMA,
    )
