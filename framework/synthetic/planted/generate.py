"""Generate a planted market: gold rows of every venue, and the truth behind them.

The same seed, model, instruments and span give the same bytes, however the chunks are cut.

Simulation assumptions
----------------------
Every order is in the order-by-order rows and names its sender in the truth; there are no auctions.
An efficient price moves by itself, by uninformed orders' impact, by jumps and by news. Each venue's
quoters see it late, through a premium of their own, and hesitate before they move. Informed traders
see it at once and hit what stands behind; nobody trades between venues, so a planted cross lives
until its end. Nothing that we would do moves the market.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from framework.core.clock import NS_PER_S, NS_PER_US
from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA
from framework.core.instrument import Instrument
from framework.synthetic.planted.model import MAX_VENUES, PlantedModel
from framework.synthetic.planted.news import News
from framework.synthetic.planted.plan import draw_plan
from framework.synthetic.planted.queues import LONGEST
from framework.synthetic.planted.run import open_books, run
from framework.synthetic.planted.state import new_chunk, new_state
from framework.synthetic.planted.truth import (
    CROSSES_SCHEMA,
    PATH_SCHEMA,
    TRUTH_SCHEMA,
    crosses_frame,
    episodes_frame,
    path_frame,
    truth_frame,
)
from framework.synthetic.planted.world import world_of

CHUNK_ROWS: Final = 1 << 18
SYMBOL: Final = "PLT"
_TREES: Final = "ash beech birch cedar elm fir hazel juniper larch maple oak pine rowan spruce yew"
_NAMES: Final = tuple(_TREES.split())


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice of time of a planted market.

    Attributes
    ----------
    gold
        `GOLD_SCHEMA` rows of each venue, by `Instrument.name`.
    truth, path, crosses
        `TRUTH_SCHEMA`, `PATH_SCHEMA`, `CROSSES_SCHEMA`.
    """

    gold: dict[str, pa.Table]
    truth: pl.DataFrame
    path: pl.DataFrame
    crosses: pl.DataFrame


class PlantedMarket:
    """A planted market, generated while it is iterated over, once.

    Parameters
    ----------
    minutes
        Span in virtual time.
    seed
        Seed of every draw.
    instruments
        One per venue, of equal ticks and one symbol; `planted_instruments` if left out.
    model
        Assumptions.
    chunk_rows
        Most messages of one piece.

    Raises
    ------
    DataError
        Where the span is not positive, ticks or symbols differ or a chunk is too small.

    Examples
    --------
    >>> market = PlantedMarket(minutes=0.05, seed=1)
    >>> [piece.gold["ash:PLT"].num_rows > 0 for piece in market]
    [True]
    >>> market.episodes["kind"].unique().to_list()
    ['regime']
    """

    def __init__(
        self,
        minutes: float,
        seed: int,
        *,
        instruments: Sequence[Instrument] | None = None,
        model: PlantedModel | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        self.instruments = tuple(instruments) if instruments is not None else planted_instruments()
        self.model = model if model is not None else PlantedModel()
        self.minutes = minutes
        self.seed = seed
        self._chunk_rows = chunk_rows
        _check(self.instruments, minutes, chunk_rows)
        span_ns = int(minutes * 60 * NS_PER_S)
        n_venues = len(self.instruments)
        plan = draw_plan(self.model, n_venues, seed=seed, span_ns=span_ns)
        self.news: News = plan[2]
        """Headlines; `News.frame` is what the public gets."""
        self._state = new_state(self.model, n_venues, seed=seed, span_ns=span_ns)
        self._state |= {"episodes": plan[0], "actions": plan[1]}

    @property
    def episodes(self) -> pl.DataFrame:
        """What was planted and, as far as the market has run, what came of it."""
        return episodes_frame(self._state["episodes"], [item.venue for item in self.instruments])

    def streams(self) -> list[str]:
        """Name the streams, as `Piece.gold` does."""
        return [item.name for item in self.instruments]

    def orders_sent(self) -> pl.DataFrame:
        """Count the uninformed limit and market orders of each venue so far."""
        return pl.DataFrame(
            {
                "venue": [item.venue for item in self.instruments],
                "limits": self._state["venues"]["limits_sent"],
                "markets": self._state["venues"]["markets_sent"],
            }
        )

    def __iter__(self) -> Iterator[Piece]:
        """Run the market to its end, a piece at a time."""
        common = self._state["common"]
        if common["step"][0]:
            raise DataError(
                "a planted market is generated once, this one has run already",
                remedy="make another one with the same arguments",
            )
        chunk = new_chunk(self._chunk_rows)
        world = world_of(**self._state, **chunk)
        open_books(world)
        ended = False
        while not ended:
            ended = run(world, LONGEST)
            yield self._piece(chunk)
            for name in ("used", "used_truth", "used_path", "used_crosses"):
                common[name] = 0

    def _piece(self, chunk: dict[str, np.ndarray]) -> Piece:
        venues = [item.venue for item in self.instruments]
        used = self._state["common"][0]
        return Piece(
            _gold(chunk["rows"][: used["used"]], self.instruments),
            truth_frame(chunk["truth"][: used["used_truth"]], venues),
            path_frame(chunk["path"][: used["used_path"]]),
            crosses_frame(chunk["crosses"][: used["used_crosses"]], venues),
        )


@dataclass(frozen=True, slots=True)
class PlantedTables:
    """A whole planted market in memory; see `Piece` and `PlantedMarket`."""

    instruments: tuple[Instrument, ...]
    gold: dict[str, pa.Table]
    truth: pl.DataFrame
    path: pl.DataFrame
    crosses: pl.DataFrame
    episodes: pl.DataFrame
    news: pl.DataFrame


def generate_planted(
    minutes: float,
    seed: int,
    *,
    instruments: Sequence[Instrument] | None = None,
    model: PlantedModel | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> PlantedTables:
    """Generate a planted market into memory; see `PlantedMarket` for the parameters."""
    market = PlantedMarket(
        minutes, seed, instruments=instruments, model=model, chunk_rows=chunk_rows
    )
    pieces = list(market)
    gold = {
        item.name: pa.concat_tables([piece.gold[item.name] for piece in pieces]).combine_chunks()
        for item in market.instruments
    }
    return PlantedTables(
        market.instruments,
        gold,
        pl.concat([pl.DataFrame(schema=TRUTH_SCHEMA), *(piece.truth for piece in pieces)]),
        pl.concat([pl.DataFrame(schema=PATH_SCHEMA), *(piece.path for piece in pieces)]),
        pl.concat([pl.DataFrame(schema=CROSSES_SCHEMA), *(piece.crosses for piece in pieces)]),
        market.episodes,
        market.news.frame(market.instruments[0].symbol),
    )


def planted_instruments(venues: int = 2) -> tuple[Instrument, ...]:
    """List the made-up instruments ``ash:PLT``, ``beech:PLT``, … with a tick of 0.01 and lot 1.

    >>> [instrument.name for instrument in planted_instruments()]
    ['ash:PLT', 'beech:PLT']

    Raises
    ------
    DataError
        Where more venues are asked for than there are names.
    """
    if not 1 <= venues <= MAX_VENUES:
        raise DataError(
            f"a planted market has 1 to {MAX_VENUES} venues, asked for {venues}",
            remedy=f"ask for at most {MAX_VENUES}",
        )
    return tuple(
        Instrument(
            venue=name,
            symbol=SYMBOL,
            tick=Decimal("0.01"),
            lot=Decimal(1),
            asset=SYMBOL,
            currency="USD",
            maker_fee_bps=Decimal("-0.1"),
            taker_fee_bps=Decimal("0.3"),
            order_entry_ns=500 * NS_PER_US,
            response_ns=500 * NS_PER_US,
        )
        for name in _NAMES[:venues]
    )


def _check(instruments: Sequence[Instrument], minutes: float, chunk_rows: int) -> None:
    if not minutes > 0:
        raise DataError(
            f"a planted market lasts more than 0 minutes, got {minutes}",
            remedy="ask for example for 10",
        )
    if chunk_rows < 2 * LONGEST:
        raise DataError(
            f"a piece of a planted market needs room for {2 * LONGEST} messages, got {chunk_rows}",
            remedy="raise chunk_rows",
        )
    if not 1 <= len(instruments) <= MAX_VENUES:
        raise DataError(
            f"a planted market has 1 to {MAX_VENUES} venues, got {len(instruments)}",
            remedy="pass one instrument per venue",
        )
    grids = {(item.tick, item.symbol) for item in instruments}
    names = [item.venue for item in instruments]
    if len(grids) != 1 or names != sorted(set(names)):
        raise DataError(
            "the venues of a planted market must share tick and symbol and be named once, in "
            "alphabetical order, got "
            + ", ".join(f"{item.name} {item.tick}" for item in instruments),
            remedy="give every instrument the same tick and symbol, and sort them by venue",
        )


def _gold(rows: np.ndarray, instruments: Sequence[Instrument]) -> dict[str, pa.Table]:
    return {
        instrument.name: _table(rows[rows["venue"] == index], instrument)
        for index, instrument in enumerate(instruments)
    }


def _table(rows: np.ndarray, instrument: Instrument) -> pa.Table:
    def constant(value: str) -> pa.Array:
        return pa.repeat(pa.scalar(value, type=pa.string()), len(rows))

    whole = [name for name in GOLD_SCHEMA.names if name not in ("venue", "symbol")]
    columns = {name: np.ascontiguousarray(rows[name]) for name in whole}
    named = {"venue": constant(instrument.venue), "symbol": constant(instrument.symbol)}
    return pa.table(named | columns, schema=GOLD_SCHEMA)
