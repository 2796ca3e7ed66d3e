"""What a backtest leaves behind: the journal, sampled state, and the tables derived from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import polars as pl
import pyarrow as pa

from framework.core.errors import CrossbookError
from framework.core.instrument import Instrument
from framework.engine.explain import check_sent, not_sent, order_life
from framework.engine.rendering import as_html, as_text
from framework.engine.story import told_journal
from framework.engine.summary import summarise
from framework.engine.tables import equity_table, fills_table

_CURVE_POINTS: Final = 200
JOURNAL_SCHEMA: Final = pa.schema(
    [
        ("ts_ns", pa.int64()),
        ("event", pa.int8()),
        ("order_id", pa.int64()),
        ("book", pa.int32()),
        ("side", pa.int8()),
        ("order_type", pa.int8()),
        ("time_in_force", pa.int8()),
        ("liquidity", pa.int8()),
        ("reason", pa.int8()),
        ("px_ticks", pa.int64()),
        ("qty_lots", pa.int64()),
        ("leaves_lots", pa.int64()),
        ("queue_ahead_lots", pa.float64()),
        ("fee_micro", pa.int64()),
        ("bid_ticks", pa.int64()),
        ("ask_ticks", pa.int64()),
        ("mid_gap_half_ticks", pa.int64()),
        ("seen_age_ns", pa.int64()),
    ]
)
"""One row per order event, in the order it happened. ``event``, ``order_type``,
``time_in_force``, ``liquidity`` and ``reason`` are the enums of `framework.core.orders`.
``ts_ns`` is our clock for what we sent, the venue's for what the venue did. ``bid_ticks`` and
``ask_ticks`` are the best prices at that instant: as we knew them for what we sent, the venue's
own for what the venue did (`NO_PRICE` where a side was empty). ``fee_micro`` is in millionths of
tick · lot; positive is paid. What we sent also shows what it was decided on: ``mid_gap_half_ticks``
is the mid we knew less the venue's mid at that instant (`NO_PRICE` where one did not exist),
``seen_age_ns`` the time since the last message we knew of happened at the venue (−1 where there was
none). All other rows hold `NO_PRICE` and −1 there."""

SAMPLE_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "book": pl.Int32,
        "bid_ticks": pl.Int64,
        "ask_ticks": pl.Int64,
        "position_lots": pl.Int64,
        "cash_units": pl.Int64,
        "fee_micro": pl.Int64,
        "carry_micro": pl.Int64,
    }
)
"""State of every book and of the trial's account in it at regular instants of virtual time, and at
the end. ``cash_units`` is in tick · lot and excludes fees; ``fee_micro`` and ``carry_micro``
(funding and financing; null counts as none) are running totals, positive is paid."""


@dataclass(frozen=True)
class Result:
    """One trial's outcome.

    Attributes
    ----------
    strategy, parameters
        The strategy class's name and the parameter values it ran with.
    instruments
        The streams, in the order of the journal's ``book`` index.
    journal
        `JOURNAL_SCHEMA`.
    journal_hash
        SHA-256 over the journal's columns and the streams' units; equal bytes, equal hash.
    samples
        `SAMPLE_SCHEMA`.
    events
        Market events replayed (each counted once).
    seconds
        Wall time of the replay; never part of the hash.
    ended_ns
        Instant at which the trial was ended early; None where it ran to the end.
    trace
        Rows of `JOURNAL_SCHEMA` of a traced order, `TraceEvent` rows among them.
    again
        Runs the trial again and traces the order given; None where the result was stored.
    """

    strategy: str
    parameters: dict[str, object]
    instruments: tuple[Instrument, ...]
    journal: pa.Table
    journal_hash: str
    samples: pl.DataFrame
    events: int
    seconds: float
    counters: dict[str, int] = field(default_factory=dict)
    ended_ns: int | None = None
    trace: pa.Table | None = field(default=None, repr=False)
    again: Callable[[int], Result] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Fills, one row each, in units of the venue.

        Columns: ts_ns, venue, symbol, order_id, side (+1/−1), price, quantity, liquidity
        ("maker"/"taker"), fee (in `currency`), arrival_mid, slippage_bps (side-signed: positive
        is a cost), queue_ahead, position (after the fill, in the book).
        """
        return fills_table(self.instruments, self.journal)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Marked-to-mid equity at every sample, per book.

        Columns: ts_ns, venue, symbol, mid, spread, position, gross_pnl, fees, carry (funding and
        financing paid), net_pnl.
        """
        return equity_table(self.instruments, self.samples)

    @cached_property
    def story(self) -> pl.DataFrame:
        """The journal in words and in units of the venue, one row an event; see `STORY_SCHEMA`."""
        return told_journal(self.instruments, self.journal)

    def summary(self) -> dict[str, object]:
        """Give the headline figures: events, orders, fills, fees, pnl, positions, fill_ratio.

        ``pnl`` is net of fees, funding and financing (``carry``) and marked to the last mid; money
        is None where the instruments do not share one currency, ``pnl_by_currency`` always says.
        ``positions`` is ``{venue: {symbol: quantity}}``. ``fill_ratio`` is the share
        of submitted orders that were filled at least in part, 0 without orders; ``rejected`` is
        None where the run kept fills only.
        """
        return summarise(
            self.instruments, self.journal, self.fills, self.equity, self.events, self.counters
        )

    def explain(self, order_id: int) -> pl.DataFrame:
        """Tell one order's life, its place in the queue over time included; see `LIFE_SCHEMA`.

        The trial is run once more, with that order traced.

        Raises
        ------
        CrossbookError
            Where the trial sent no such order, or the result cannot be run again.
        """
        check_sent(order_id, self.journal, self.counters)
        if self.again is None:
            raise CrossbookError(
                "an order is explained by running its trial again, but this result was stored "
                "without its strategy and data",
                remedy="run it again and explain that result: crossbook run SPEC --explain ID",
            )
        traced = self.again(order_id)
        if traced.journal_hash != self.journal_hash:
            raise CrossbookError(
                f"running a trial again must give journal {self.journal_hash[:12]}, it gave "
                f"{traced.journal_hash[:12]}",
                remedy="the strategy must depend on nothing but what its context shows",
            )
        assert traced.trace is not None
        if not traced.trace.num_rows:
            raise not_sent(order_id, self.counters["orders"], [])
        return order_life(self.instruments, traced.trace)

    def __getstate__(self) -> dict[str, object]:
        # What runs it again holds a strategy, which need not be importable elsewhere.
        return {**self.__dict__, "again": None}

    def __repr__(self) -> str:
        return as_text(self._title(), self.summary())

    def _repr_html_(self) -> str:
        """Show the headline figures in a notebook."""
        return as_html(self._title(), self.summary(), self._curve())

    def _curve(self) -> list[float]:
        """Net profit at up to 200 samples; empty where the books share no currency."""
        if len({i.currency for i in self.instruments}) > 1:
            return []
        every = self.equity.group_by("ts_ns", maintain_order=True).agg(pl.col("net_pnl").sum())
        net = every["net_pnl"].fill_null(0.0)
        return net.gather_every(max(1, net.len() // _CURVE_POINTS)).to_list()

    def _title(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.strategy}({given})"
