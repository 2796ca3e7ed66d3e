"""Orders beyond plain limit and market: how a strategy asks for them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from framework.core.errors import StrategyError
from framework.core.orders import OrderType, TimeInForce

_GTC, _GTD = int(TimeInForce.GTC), int(TimeInForce.GTD)


class SpecialOrders(ABC):
    """Requests for stop and midpoint orders; `docs/fidelity.md` says what fills each."""

    def stop(
        self,
        book: int,
        side: int,
        lots: int,
        stop_ticks: int,
        *,
        limit_ticks: int | None = None,
        expires_ns: int = 0,
    ) -> int:
        """Send a stop order, a market order once a trade is at or through its price.

        Parameters
        ----------
        stop_ticks
            A trade here or above sets off a buy, here or below a sell.
        limit_ticks
            Limit of what it then becomes; a market order where None.
        expires_ns
            Instant of the venue's clock at which it ends if still waiting or open; 0: none.

        Returns
        -------
        order
            Its id.
        """
        limited = limit_ticks is not None
        return self._new(
            book,
            side,
            lots,
            limit_ticks if limit_ticks is not None else 0,
            int(OrderType.STOP_LIMIT if limited else OrderType.STOP),
            _GTD if expires_ns else _GTC,
            stop_ticks=stop_ticks,
            expires_ns=expires_ns,
        )

    def peg_mid(
        self,
        book: int,
        side: int,
        lots: int,
        *,
        limit_ticks: int | None = None,
        expires_ns: int = 0,
    ) -> int:
        """Send a hidden order that follows the middle of the venue's best bid and ask.

        Parameters
        ----------
        limit_ticks
            Price it does not pass; anywhere where None.
        expires_ns
            Instant of the venue's clock at which it ends if still open; 0: none.

        Returns
        -------
        order
            Its id; `Context.order_px_ticks` is its limit, 0 without one.
        """
        limit = limit_ticks if limit_ticks is not None else 0
        tif = _GTD if expires_ns else _GTC
        midpoint = int(OrderType.MIDPOINT)
        return self._new(book, side, lots, limit, midpoint, tif, expires_ns=expires_ns)

    @abstractmethod
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
        """Send a new order of any type; its id."""


def limit_kind(hidden: bool, peak_lots: int) -> int:
    """Type of a limit order that may be hidden, wholly or in part.

    Raises
    ------
    StrategyError
        Where it is asked to be both.
    """
    if hidden and peak_lots:
        raise StrategyError(
            f"a limit order is hidden or shows a peak, got hidden and peak_lots={peak_lots}",
            remedy="leave one of them out",
        )
    if hidden:
        return int(OrderType.HIDDEN)
    return int(OrderType.ICEBERG if peak_lots else OrderType.LIMIT)
