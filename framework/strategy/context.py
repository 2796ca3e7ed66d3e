"""What a strategy may see and do during a wake-up.

All of it is what had reached us by `Context.now_ns`: books as received, orders as last answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from framework.core.errors import StrategyError
from framework.core.events import NO_PRICE, I64Array
from framework.core.instrument import Instrument
from framework.signals.base import Signal
from framework.strategy.actions.market import (
    ctx_depth_lots,
    ctx_level_lots,
    ctx_level_ticks,
    ctx_levels,
    ctx_signal_age_ns,
    ctx_signal_value,
)
from framework.strategy.order_entry import OrderEntry, integers, place
from framework.strategy.store_reads import StoreReads
from framework.venue.memory import World
from framework.venue.records import ACCOUNT_DTYPE, TRIAL_DTYPE, View
from framework.venue.world import W

_NOW: Final = int(W.NOW_NS)
_ALARM, _ENDING = place(TRIAL_DTYPE, "alarm_ns"), place(TRIAL_DTYPE, "ending")
_KNOWN: Final = place(ACCOUNT_DTYPE, "known_position")
_ACCOUNT_FIELDS: Final = len(ACCOUNT_DTYPE.names or ())


class Context(OrderEntry, StoreReads):
    """A strategy's window on the market and on its own orders.

    Books are small integers in the alphabetical order of ``venue:symbol``; look them up with
    `book`. Prices are whole ticks and quantities whole lots of the book they belong to; `tick`,
    `price` and `ticks` convert.
    """

    def __init__(
        self,
        world: World,
        trial: int,
        instruments: Sequence[Instrument],
        signals: Sequence[Signal] = (),
    ) -> None:
        OrderEntry.__init__(self, world, trial, len(instruments))
        StoreReads.__init__(
            self,
            world.root,
            has_store=world.store is not None,
            has_depth=world.store is not None and world.store.has_depth,
        )
        self._world = world
        self._signals = {signal.name: (n, signal) for n, signal in enumerate(signals)}
        self._instruments = tuple(instruments)
        self._names = {item.name: b for b, item in enumerate(instruments)}
        self._ticks = [float(item.tick) for item in instruments]
        self._lots = [float(item.lot) for item in instruments]
        self._maker_bps = [float(item.maker_fee_bps) for item in instruments]
        self._taker_bps = [float(item.taker_fee_bps) for item in instruments]
        view = world.view(trial)
        rows = [integers(view[row]) for row in range(len(View))]
        self._bid, self._ask = rows[View.BID], rows[View.ASK]
        self._bid_lots, self._ask_lots = rows[View.BID_LOTS], rows[View.ASK_LOTS]
        self._trade_px, self._trade_lots = rows[View.TRADE_PX], rows[View.TRADE_LOTS]
        self._trade_side, self._valid = rows[View.TRADE_SIDE], rows[View.VALID]
        self._ts_exch, self._ts_recv = rows[View.TS_EXCH], rows[View.TS_RECV]
        first = trial * self._n_books
        self._accounts = integers(world.accounts[first : first + self._n_books])

    # The market as received.

    @property
    def now_ns(self) -> int:
        """Our clock, nanoseconds since the epoch."""
        return self._root[_NOW]

    @property
    def n_books(self) -> int:
        """Number of books."""
        return self._n_books

    def book(self, name: str) -> int:
        """Index of the book ``"venue:symbol"``.

        Raises
        ------
        StrategyError
            Where the run has no such book.
        """
        if name not in self._names:
            raise StrategyError(
                f"no book {name!r} in this run", remedy=f"it has: {', '.join(self._names)}"
            )
        return self._names[name]

    def instrument(self, book: int) -> Instrument:
        """Instrument of a book."""
        return self._instruments[book]

    def has_quote(self, book: int) -> bool:
        """True where the book is valid and has both a bid and an ask."""
        return (
            self._valid[book] != 0 and self._bid[book] != NO_PRICE and self._ask[book] != NO_PRICE
        )

    def bid_ticks(self, book: int) -> int:
        """Best bid; `NO_PRICE` where there is none."""
        return self._bid[book]

    def ask_ticks(self, book: int) -> int:
        """Best ask; `NO_PRICE` where there is none."""
        return self._ask[book]

    def bid_lots(self, book: int) -> int:
        """Quantity displayed at the best bid."""
        return self._bid_lots[book]

    def ask_lots(self, book: int) -> int:
        """Quantity displayed at the best ask."""
        return self._ask_lots[book]

    def tick(self, book: int) -> float:
        """Price of one tick."""
        return self._ticks[book]

    def lot(self, book: int) -> float:
        """Quantity of one lot."""
        return self._lots[book]

    def maker_fee_bps(self, book: int) -> float:
        """Fee of a passive fill; negative is a rebate."""
        return self._maker_bps[book]

    def taker_fee_bps(self, book: int) -> float:
        """Fee of an aggressive fill."""
        return self._taker_bps[book]

    def trade_px_ticks(self, book: int) -> int:
        """Price of the last trade; `NO_PRICE` before the first."""
        return self._trade_px[book]

    def trade_lots(self, book: int) -> int:
        """Quantity of the last trade."""
        return self._trade_lots[book]

    def trade_side(self, book: int) -> int:
        """Aggressor of the last trade: +1 buy, −1 sell, 0 unknown."""
        return self._trade_side[book]

    def quote_age_ns(self, book: int) -> int:
        """Time since the book's last message reached us."""
        return self._root[_NOW] - self._ts_recv[book]

    def depth_lots(self, book: int, side: int, limit_ticks: int) -> int:
        """Quantity displayed on a side at `limit_ticks` or better."""
        self._need_depth()
        return int(ctx_depth_lots(self._world.root, book, side, limit_ticks))

    def level_ticks(self, book: int, side: int, n: int) -> int:
        """Price of a side's n-th best level, 0 being the best; `NO_PRICE` where there is none."""
        self._need_depth()
        return int(ctx_level_ticks(self._world.root, book, side, n))

    def level_lots(self, book: int, side: int, px_ticks: int) -> int:
        """Quantity displayed at one price."""
        self._need_depth()
        return int(ctx_level_lots(self._world.root, book, side, px_ticks))

    def levels(self, book: int, side: int, px_ticks: I64Array, qty_lots: I64Array) -> int:
        """Write a side's best levels into two arrays, best first; how many there are.

        Places beyond the last level are set to 0.
        """
        self._need_depth()
        return int(ctx_levels(self._world.root, book, side, px_ticks, qty_lots))

    # Signals, as far as they are available.

    def signal(self, name: str, states: Sequence[str] = ()) -> int:
        """Number of a signal.

        Parameters
        ----------
        states
            The states it must have, in the order of its values, where it has any.

        Raises
        ------
        StrategyError
            Where the run has no such signal, or its states are others.
        """
        if name not in self._signals:
            raise StrategyError(
                f"no signal {name!r} in this run",
                remedy="it has: " + ", ".join(self._signals)
                if self._signals
                else "name it in the spec under signals, or in BacktestConfig(signals=…)",
            )
        number, signal = self._signals[name]
        if states and tuple(states) != signal.states:
            raise StrategyError(
                f"signal {name} must have the states {', '.join(states)}, "
                f"it has {', '.join(signal.states) or 'none'}",
                remedy="give the signal these states in this order",
            )
        return number

    def signal_value(self, signal: int) -> float:
        """Value of a signal as of now; nan before the first is available."""
        return float(ctx_signal_value(self._world.root, self._known_signal(signal)))

    def signal_age_ns(self, signal: int) -> int:
        """Time since a signal's value became valid; −1 before the first is available."""
        return int(ctx_signal_age_ns(self._world.root, self._known_signal(signal)))

    def _known_signal(self, signal: int) -> int:
        if not 0 <= signal < len(self._signals):
            raise StrategyError(
                f"no signal number {signal} in this run, it has {len(self._signals)}",
                remedy="look signals up with ctx.signal(name) in on_start",
            )
        return signal

    # Our own state, as far as we have been told.

    def position_lots(self, book: int) -> int:
        """Position from the fills we have been told of."""
        return self._accounts[book * _ACCOUNT_FIELDS + _KNOWN]

    def wake_at(self, ts_ns: int) -> None:
        """Set the one alarm: ``on_timer`` is called at `ts_ns` as well."""
        if ts_ns <= self._root[_NOW]:
            raise StrategyError(
                f"an alarm must be in the future, got {ts_ns} at {self._root[_NOW]}",
                remedy="use ctx.now_ns + delay",
            )
        self._trial[_ALARM] = ts_ns

    def end_trial(self) -> None:
        """End this trial once the wake-up is over: its orders vanish, its account stands still.

        Requests of this wake-up are not sent. Flatten first, where the position is to be closed.
        """
        self._trial[_ENDING] = 1
