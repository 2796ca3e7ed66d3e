"""What a strategy may see and do during a wake-up.

All of it is what had reached us by `Context.now_ns`: books as received, orders as last answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Final

import numpy as np

from framework.core.errors import StrategyError
from framework.core.events import NO_PRICE, I64Array
from framework.core.instrument import Instrument
from framework.core.orders import OrderType, TimeInForce
from framework.signals.base import Signal
from framework.strategy.actions import (
    ctx_depth_lots,
    ctx_level_lots,
    ctx_level_ticks,
    ctx_levels,
    ctx_signal_age_ns,
    ctx_signal_value,
)
from framework.strategy.special_orders import SpecialOrders, limit_kind
from framework.venue.memory import World
from framework.venue.records import (
    ACCOUNT_DTYPE,
    ORDER_DTYPE,
    OUTBOX_DTYPE,
    TRIAL_DTYPE,
    LocalState,
    Request,
    View,
)
from framework.venue.world import W

_MARKET, _LIMIT = int(OrderType.MARKET), int(OrderType.LIMIT)
_GTD = int(TimeInForce.GTD)
_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_POST_ONLY = int(TimeInForce.POST_ONLY)
_NEW, _CANCEL, _REPLACE = int(Request.NEW), int(Request.CANCEL), int(Request.REPLACE)
_FREE, _PENDING = int(LocalState.FREE), int(LocalState.PENDING)
_NOW: Final = int(W.NOW_NS)
_N_OUTBOX: Final = int(W.N_OUTBOX)


def _place(dtype: np.dtype, name: str) -> int:
    assert dtype.fields is not None
    return int(dtype.fields[name][1]) // 8


_O = {name: _place(ORDER_DTYPE, name) for name in ORDER_DTYPE.names or ()}
_T = {name: _place(TRIAL_DTYPE, name) for name in TRIAL_DTYPE.names or ()}
_OUT_FIELDS: Final = len(OUTBOX_DTYPE.names or ())
_O_FIELDS: Final = len(_O)
_FAR: Final = 1 << 62  # beyond any price; what is calculated from NO_PRICE lies further out


def _integers(array: np.ndarray) -> memoryview:
    """View an array's memory as a flat run of Python integers (twice as fast as NumPy scalars)."""
    return memoryview(array.view(np.int64).reshape(-1))  # type: ignore[arg-type]


def _whole(value: object, what: str) -> int:
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise StrategyError(
            f"an order's {what} must be a whole number, got {value!r}",
            remedy="round it; ctx.instrument(book) has ticks(price) and lots(quantity)",
        ) from error


def _no_such_price(px_ticks: int) -> StrategyError:
    return StrategyError(
        f"an order's price must be one, got {px_ticks} ticks, which comes from NO_PRICE: the book "
        "has no such quote",
        remedy="ask ctx.has_quote(book) first",
    )


def _special(stop_ticks: int, expires_ns: int, peak: int) -> memoryview:
    """Check and pack what only some types of order have."""
    stop_ticks = _whole(stop_ticks, "stop price in ticks")
    if not -_FAR < stop_ticks < _FAR:
        raise _no_such_price(stop_ticks)
    expires_ns = _whole(expires_ns, "expiry in nanoseconds")
    return _integers(np.array([stop_ticks, expires_ns, _whole(peak, "peak in lots")]))


class Context(SpecialOrders):
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
        self._world = world
        self._signals = {signal.name: (n, signal) for n, signal in enumerate(signals)}
        self._root = _integers(world.root)
        self._n_books = len(instruments)
        self._books = range(self._n_books)
        self._instruments = tuple(instruments)
        self._names = {item.name: b for b, item in enumerate(instruments)}
        self._ticks = [float(item.tick) for item in instruments]
        self._lots = [float(item.lot) for item in instruments]
        self._maker_bps = [float(item.maker_fee_bps) for item in instruments]
        self._taker_bps = [float(item.taker_fee_bps) for item in instruments]
        rows = [_integers(world.view[row]) for row in range(len(View))]
        self._bid, self._ask = rows[View.BID], rows[View.ASK]
        self._bid_lots, self._ask_lots = rows[View.BID_LOTS], rows[View.ASK_LOTS]
        self._trade_px, self._trade_lots = rows[View.TRADE_PX], rows[View.TRADE_LOTS]
        self._trade_side, self._valid = rows[View.TRADE_SIDE], rows[View.VALID]
        self._ts_exch, self._ts_recv = rows[View.TS_EXCH], rows[View.TS_RECV]
        slots = int(world.root[W.SLOTS])
        self._mask = slots - 1
        self._trial = _integers(world.trials[trial : trial + 1])
        self._orders = _integers(world.orders[trial * slots : (trial + 1) * slots])
        self._open = _integers(world.open[trial * slots : (trial + 1) * slots])
        first = trial * self._n_books
        self._accounts = _integers(world.accounts[first : first + self._n_books])
        self._known = _place(ACCOUNT_DTYPE, "known_position")
        self._account_fields = len(ACCOUNT_DTYPE.names or ())
        self._outbox = _integers(world.outbox)
        self._outbox_slots = world.outbox.size

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
        return int(ctx_depth_lots(self._world.root, book, side, limit_ticks))

    def level_ticks(self, book: int, side: int, n: int) -> int:
        """Price of a side's n-th best level, 0 being the best; `NO_PRICE` where there is none."""
        return int(ctx_level_ticks(self._world.root, book, side, n))

    def level_lots(self, book: int, side: int, px_ticks: int) -> int:
        """Quantity displayed at one price."""
        return int(ctx_level_lots(self._world.root, book, side, px_ticks))

    def levels(self, book: int, side: int, px_ticks: I64Array, qty_lots: I64Array) -> int:
        """Write a side's best levels into two arrays, best first; how many there are.

        Places beyond the last level are set to 0.
        """
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
        return self._accounts[book * self._account_fields + self._known]

    @property
    def n_orders(self) -> int:
        """Number of orders we believe to be pending or open."""
        return self._trial[_T["n_open"]]

    def order_at(self, n: int) -> int:
        """Id of the n-th open order, oldest first."""
        return self._open[n]

    def order_book(self, order: int) -> int:
        """Book of an order."""
        return self._field(order, "book")

    def order_side(self, order: int) -> int:
        """Side of an order: +1 buy, −1 sell."""
        return self._field(order, "side")

    def order_px_ticks(self, order: int) -> int:
        """Limit price of an order."""
        return self._field(order, "side") * self._field(order, "local_z")

    def order_leaves_lots(self, order: int) -> int:
        """What is left of an order."""
        return self._field(order, "local_leaves")

    def is_open(self, order: int) -> bool:
        """True while we believe the order to be pending or open."""
        at = (order & self._mask) * _O_FIELDS
        return (
            self._orders[at + _O["id"]] == order and self._orders[at + _O["local_state"]] != _FREE
        )

    def _field(self, order: int, name: str) -> int:
        return self._orders[(order & self._mask) * _O_FIELDS + _O[name]]

    # Requests.

    def buy(self, book: int, lots: int, px_ticks: int, *, post_only: bool = False) -> int:
        """Send a limit order to buy, good till cancelled; returns its id."""
        return self.submit(book, 1, lots, px_ticks, _POST_ONLY if post_only else _GTC)

    def sell(self, book: int, lots: int, px_ticks: int, *, post_only: bool = False) -> int:
        """Send a limit order to sell, good till cancelled; returns its id."""
        return self.submit(book, -1, lots, px_ticks, _POST_ONLY if post_only else _GTC)

    def submit(
        self,
        book: int,
        side: int,
        lots: int,
        px_ticks: int,
        time_in_force: int = _GTC,
        *,
        expires_ns: int = 0,
        hidden: bool = False,
        peak_lots: int = 0,
    ) -> int:
        """Send a limit order; returns its id.

        Parameters
        ----------
        expires_ns
            Instant of the venue's clock at which it ends (good till date); 0: none.
        hidden
            True for an order that is not displayed.
        peak_lots
            What an iceberg displays at a time; 0 displays all.

        Raises
        ------
        StrategyError
            For a book or side that does not exist, or where no order slot is free.
        """
        kind = limit_kind(hidden, peak_lots)
        if expires_ns and time_in_force == _GTC:
            time_in_force = _GTD
        return self._new(
            *(book, side, lots, px_ticks, kind, time_in_force),
            expires_ns=expires_ns,
            peak=peak_lots,
        )

    def take(self, book: int, side: int, lots: int, limit_ticks: int) -> int:
        """Send an immediate-or-cancel limit order; returns its id."""
        return self._new(book, side, lots, limit_ticks, _LIMIT, _IOC)

    def market(self, book: int, side: int, lots: int) -> int:
        """Send a market order: it takes what is displayed on arrival, and the rest expires."""
        return self._new(book, side, lots, 0, _MARKET, _IOC)

    def cancel(self, order: int) -> None:
        """Ask for an order's cancellation, once; nothing is sent where it is already over."""
        if self.is_open(order) and not self._field(order, "cancel_sent"):
            self._orders[(order & self._mask) * _O_FIELDS + _O["cancel_sent"]] = 1
            self._post(_CANCEL, order, 0, 0, 0, 0, 0, 0)

    def cancel_all(self, book: int = -1) -> None:
        """Ask for the cancellation of every open order, of one book where it is given."""
        for n in range(self._trial[_T["n_open"]]):
            order = self._open[n]
            if book < 0 or self._field(order, "book") == book:
                self.cancel(order)

    def replace(self, order: int, px_ticks: int, lots: int) -> None:
        """Ask for another price and remaining quantity of an open order."""
        if lots <= 0:
            raise StrategyError(
                f"a replace needs a positive quantity, got {lots} lots", remedy="cancel instead"
            )
        lots, px_ticks = _whole(lots, "quantity in lots"), _whole(px_ticks, "price in ticks")
        if not -_FAR < px_ticks < _FAR:
            raise _no_such_price(px_ticks)
        if self.is_open(order):
            self._post(_REPLACE, order, 0, 0, 0, 0, px_ticks, lots)

    def wake_at(self, ts_ns: int) -> None:
        """Set the one alarm: ``on_timer`` is called at `ts_ns` as well."""
        if ts_ns <= self._root[_NOW]:
            raise StrategyError(
                f"an alarm must be in the future, got {ts_ns} at {self._root[_NOW]}",
                remedy="use ctx.now_ns + delay",
            )
        self._trial[_T["alarm_ns"]] = ts_ns

    def end_trial(self) -> None:
        """End this trial once the wake-up is over: its orders vanish, its account stands still.

        Requests of this wake-up are not sent. Flatten first, where the position is to be closed.
        """
        self._trial[_T["ending"]] = 1

    def _new(
        self,
        book: int,
        side: int,
        lots: int,
        px_ticks: int,
        order_type: int,
        tif: int,
        *,
        stop_ticks: int = 0,
        expires_ns: int = 0,
        peak: int = 0,
    ) -> int:
        special = None
        if stop_ticks or expires_ns or peak:
            special = _special(stop_ticks, expires_ns, peak)
        if type(lots) is not int or type(px_ticks) is not int:
            lots, px_ticks = _whole(lots, "quantity in lots"), _whole(px_ticks, "price in ticks")
        if not -_FAR < px_ticks < _FAR:
            raise _no_such_price(px_ticks)
        if book not in self._books or side not in (1, -1):
            raise StrategyError(
                f"an order needs a book in 0…{self._n_books - 1} and a side of +1 or -1, "
                f"got book {book!r}, side {side!r}",
                remedy="look books up with ctx.book(name)",
            )
        order = self._trial[_T["next_id"]]
        for _ in range(self._mask + 1):
            at = (order & self._mask) * _O_FIELDS
            if (
                self._orders[at + _O["local_state"]] == _FREE
                and not self._orders[at + _O["in_flight"]]
            ):
                break
            order += 1
        else:
            raise StrategyError(
                f"all {self._mask + 1} order slots are taken",
                remedy="cancel orders, or raise max_orders in the run's configuration",
            )
        self._trial[_T["next_id"]] = order + 1
        at = (order & self._mask) * _O_FIELDS
        # The slot's last order has left its marks: what can be asked of this one is set at once.
        for name, value in (
            ("id", order),
            ("book", book),
            ("side", side),
            ("local_state", _PENDING),
            ("local_z", side * px_ticks),
            ("local_leaves", lots),
            ("cancel_sent", 0),
        ):
            self._orders[at + _O[name]] = value
        self._open[self._trial[_T["n_open"]]] = order
        self._trial[_T["n_open"]] += 1
        box = self._root[_N_OUTBOX] * _OUT_FIELDS
        self._post(_NEW, order, book, side, order_type, tif, px_ticks, lots)
        if special:
            self._outbox[box + 8 : box + 11] = special
        return order

    def _post(
        self,
        request: int,
        order: int,
        book: int,
        side: int,
        order_type: int,
        tif: int,
        px_ticks: int,
        lots: int,
    ) -> None:
        n = self._root[_N_OUTBOX]
        if n == self._outbox_slots:
            raise StrategyError(
                f"a wake-up may send at most {n} requests",
                remedy="raise max_orders in the run's configuration",
            )
        box, at = self._outbox, n * _OUT_FIELDS
        box[at], box[at + 1], box[at + 2], box[at + 3] = request, order, book, side
        box[at + 4], box[at + 5], box[at + 6], box[at + 7] = order_type, tif, px_ticks, lots
        self._root[_N_OUTBOX] = n + 1
