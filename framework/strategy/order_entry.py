"""A trial's own orders, as it knows them, and its requests."""

from __future__ import annotations

from operator import index
from struct import Struct
from typing import Final

import numpy as np

from framework.core.errors import StrategyError
from framework.core.orders import OrderType, TimeInForce
from framework.strategy.special_orders import SpecialOrders, limit_kind
from framework.venue.memory import World
from framework.venue.records import ORDER_DTYPE, OUTBOX_DTYPE, TRIAL_DTYPE, LocalState, Request
from framework.venue.world import W

_MARKET, _LIMIT = int(OrderType.MARKET), int(OrderType.LIMIT)
_GTD = int(TimeInForce.GTD)
_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_POST_ONLY = int(TimeInForce.POST_ONLY)
_NEW, _CANCEL, _REPLACE = int(Request.NEW), int(Request.CANCEL), int(Request.REPLACE)
_FREE, _PENDING = int(LocalState.FREE), int(LocalState.PENDING)
_N_OUTBOX: Final = int(W.N_OUTBOX)
_FAR: Final = 1 << 62  # beyond any price; what is calculated from NO_PRICE lies further out


def integers(array: np.ndarray) -> memoryview:
    """View an array's memory as a flat run of Python integers (twice as fast as NumPy scalars)."""
    return memoryview(array.view(np.int64).reshape(-1))  # type: ignore[arg-type]


def place(dtype: np.dtype, name: str) -> int:
    """Position of a field among the eight-byte fields of its record."""
    assert dtype.fields is not None
    return int(dtype.fields[name][1]) // 8


_O_FIELDS: Final = len(ORDER_DTYPE.names or ())
_BOOK, _SIDE = place(ORDER_DTYPE, "book"), place(ORDER_DTYPE, "side")
_STATE, _IN_FLIGHT = place(ORDER_DTYPE, "local_state"), place(ORDER_DTYPE, "in_flight")
_Z, _LEAVES = place(ORDER_DTYPE, "local_z"), place(ORDER_DTYPE, "local_leaves")
_CANCEL_SENT = place(ORDER_DTYPE, "cancel_sent")
_NEXT_ID, _N_OPEN = place(TRIAL_DTYPE, "next_id"), place(TRIAL_DTYPE, "n_open")
_OUT_FIELDS: Final = len(OUTBOX_DTYPE.names or ())
_STOP_PX: Final = place(OUTBOX_DTYPE, "stop_px")
# One write of several fields costs Python no more than one of a single field.
_WRITE_ORDER: Final = Struct(f"{place(ORDER_DTYPE, 'cancel_sent') + 1}q").pack_into
_WRITE_REQUEST: Final = Struct(f"{place(OUTBOX_DTYPE, 'lots') + 1}q").pack_into


class OrderEntry(SpecialOrders):
    """What a trial knows of its orders, and what it may ask of them.

    It writes the same memory as the kernels of `framework.strategy.actions`.
    """

    def __init__(self, world: World, trial: int, n_books: int) -> None:
        slots = int(world.root[W.SLOTS])
        self._n_books = n_books
        self._books = range(n_books)
        self._mask = slots - 1
        self._root = integers(world.root)
        self._trial = integers(world.trials[trial : trial + 1])
        orders = world.orders[trial * slots : (trial + 1) * slots]
        self._orders = integers(orders)
        self._order_bytes = self._orders.cast("B")
        self._open = integers(world.open[trial * slots : (trial + 1) * slots])
        self._outbox = integers(world.outbox)
        self._outbox_bytes = self._outbox.cast("B")
        self._outbox_slots = world.outbox.size

    @property
    def n_orders(self) -> int:
        """Number of orders we believe to be pending or open."""
        return self._trial[_N_OPEN]

    def order_at(self, n: int) -> int:
        """Id of the n-th open order, oldest first."""
        return self._open[n]

    def order_book(self, order: int) -> int:
        """Book of an order."""
        return self._orders[(order & self._mask) * _O_FIELDS + _BOOK]

    def order_side(self, order: int) -> int:
        """Side of an order: +1 buy, −1 sell."""
        return self._orders[(order & self._mask) * _O_FIELDS + _SIDE]

    def order_px_ticks(self, order: int) -> int:
        """Limit price of an order."""
        at = (order & self._mask) * _O_FIELDS
        return self._orders[at + _SIDE] * self._orders[at + _Z]

    def order_leaves_lots(self, order: int) -> int:
        """What is left of an order."""
        return self._orders[(order & self._mask) * _O_FIELDS + _LEAVES]

    def is_open(self, order: int) -> bool:
        """True while we believe the order to be pending or open."""
        at = (order & self._mask) * _O_FIELDS
        return self._orders[at] == order and self._orders[at + _STATE] != _FREE

    def buy(self, book: int, lots: int, px_ticks: int, *, post_only: bool = False) -> int:
        """Send a limit order to buy, good till cancelled; returns its id."""
        return self._new(book, 1, lots, px_ticks, _LIMIT, _POST_ONLY if post_only else _GTC)

    def sell(self, book: int, lots: int, px_ticks: int, *, post_only: bool = False) -> int:
        """Send a limit order to sell, good till cancelled; returns its id."""
        return self._new(book, -1, lots, px_ticks, _LIMIT, _POST_ONLY if post_only else _GTC)

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
        at = (order & self._mask) * _O_FIELDS
        orders = self._orders
        if orders[at] == order and orders[at + _STATE] != _FREE and not orders[at + _CANCEL_SENT]:
            orders[at + _CANCEL_SENT] = 1
            self._amend(_CANCEL, order, 0, 0)

    def cancel_all(self, book: int = -1) -> None:
        """Ask for the cancellation of every open order, of one book where it is given."""
        for order in self._open[: self._trial[_N_OPEN]].tolist():
            if book < 0 or self.order_book(order) == book:
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
            self._amend(_REPLACE, order, px_ticks, lots)

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
        trial, orders = self._trial, self._orders
        order = trial[_NEXT_ID]
        at = (order & self._mask) * _O_FIELDS
        if orders[at + _STATE] != _FREE or orders[at + _IN_FLIGHT]:
            order = self._free_id(order)
            at = (order & self._mask) * _O_FIELDS
        box = self._box()  # the last that may refuse: from here on the order is sent
        trial[_NEXT_ID] = order + 1
        # The slot's last order has left its marks: what can be asked of this one is set at once.
        z = side * px_ticks
        _WRITE_ORDER(self._order_bytes, 8 * at, order, book, side, _PENDING, z, lots, 0)
        n_open = trial[_N_OPEN]
        self._open[n_open] = order
        trial[_N_OPEN] = n_open + 1
        out = self._outbox_bytes
        _WRITE_REQUEST(out, 8 * box, _NEW, order, book, side, order_type, tif, px_ticks, lots)
        if special:
            self._outbox[box + _STOP_PX : box + _STOP_PX + 3] = special
        return order

    def _free_id(self, order: int) -> int:
        """First id from this one on whose slot is free."""
        for _ in range(self._mask + 1):
            at = (order & self._mask) * _O_FIELDS
            if self._orders[at + _STATE] == _FREE and not self._orders[at + _IN_FLIGHT]:
                return order
            order += 1
        raise StrategyError(
            f"all {self._mask + 1} order slots are taken",
            remedy="cancel orders, or raise max_orders in the run's configuration",
        )

    def _amend(self, request: int, order: int, px_ticks: int, lots: int) -> None:
        """Put a request about an order that there is into the outbox."""
        out = self._outbox_bytes
        _WRITE_REQUEST(out, 8 * self._box(), request, order, 0, 0, 0, 0, px_ticks, lots)

    def _box(self) -> int:
        """Claim the outbox's next place; returns where it begins."""
        n = self._root[_N_OUTBOX]
        if n == self._outbox_slots:
            raise StrategyError(
                f"a wake-up may send at most {n} requests",
                remedy="raise max_orders in the run's configuration",
            )
        self._root[_N_OUTBOX] = n + 1
        return n * _OUT_FIELDS


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
    return integers(np.array([stop_ticks, expires_ns, _whole(peak, "peak in lots")]))
