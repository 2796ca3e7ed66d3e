"""What a strategy may do at most; `docs/risk.md` says what each limit guarantees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from framework.core.clock import NS_PER_MS
from framework.core.errors import SpecError

ON_LOSS: Final = ("cancel", "flatten")
_MAX_REMEMBERED: Final = 100_000  # fills of a window that protection looks back on


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Market maker protection of one book.

    Parameters
    ----------
    max_fills
        Fills of quotes within `window_ns` at which all quotes are cancelled; None: any number.
    max_lots
        Lots of quotes filled within `window_ns`, those that may still be filled included; a quote
        that could pass it is refused. None: any number.
    window_ns
        Length of the window that moves along with time.
    pause_ns
        How long new quotes are refused after `max_fills`.

    Raises
    ------
    SpecError
        For a setting that is not above 0, or protection without either limit.
    """

    max_fills: int | None = None
    max_lots: int | None = None
    window_ns: int = 1_000 * NS_PER_MS
    pause_ns: int = 1_000 * NS_PER_MS

    def __post_init__(self) -> None:
        _check_positive(self, "protection")
        if self.max_fills is None and self.max_lots is None:
            raise SpecError(
                "protection needs max_fills or max_lots",
                remedy="write for example protection: {max_fills: 5, window: 1s, pause: 10s}",
            )
        if self.remembered > _MAX_REMEMBERED:
            raise SpecError(
                f"protection remembers up to {_MAX_REMEMBERED} fills, got {self.remembered}",
                remedy="choose a smaller max_fills or max_lots",
            )

    @property
    def remembered(self) -> int:
        """Fills that it must be able to look back on: as many as a window can hold."""
        return max(self.max_fills or 0, self.max_lots or 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLimits:
    """Limits of one book; None leaves a thing unlimited.

    Parameters
    ----------
    max_position_lots
        Largest position, long or short, with everything filled that may still be filled.
    max_order_lots, max_order_notional
        Largest order, in lots and in the instrument's currency.
    collar_bps
        Largest distance of a limit price from the known mid.
    max_spread_pct
        Spread barrier: (ask − bid) / mid × 100 above which only what reduces the position is sent.
    protection
        Market maker protection.

    Raises
    ------
    SpecError
        For a limit that is not above 0.
    """

    max_position_lots: int | None = None
    max_order_lots: int | None = None
    max_order_notional: float | None = None
    collar_bps: float | None = None
    max_spread_pct: float | None = None
    protection: Protection | None = None

    def __post_init__(self) -> None:
        _check_positive(self, "risk")

    def over(self, general: BookLimits) -> BookLimits:
        """Merge these over limits for every book: what is None here is taken from there."""
        return BookLimits(
            **{
                one.name: getattr(general, one.name)
                if getattr(self, one.name) is None
                else getattr(self, one.name)
                for one in fields(BookLimits)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits(BookLimits):
    """Limits of a trial, and those of its books; None leaves a thing unlimited.

    Parameters
    ----------
    max_net
        Largest net position of an asset over all its books, in units of quantity, with everything
        filled on one side that may still be filled.
    max_notional
        Largest sum over all books of the absolute position at the known mid, with everything filled
        that may still be filled, in the instruments' one currency.
    max_open_orders
        Orders that may be pending or open at once.
    max_messages_per_s, burst
        Rate at which new orders and replaces may be sent, and how many at once; cancels always
        leave, but count.
    max_loss, max_drawdown
        Loss, and fall from the highest equity so far, at which the strategy is stopped for good.
    on_loss
        ``"cancel"`` cancels all orders then; ``"flatten"`` closes all positions as well.
    check_interval_ns
        How often the loss is looked at between fills.
    stale_after_ns
        Age of a venue's last message beyond which all quotes there are cancelled and new orders
        refused, but for those that only reduce the position at once.
    books
        Exceptions, by ``"venue:symbol"``.

    Raises
    ------
    SpecError
        For a limit that is not above 0, or an unknown `on_loss`.
    """

    max_net: float | None = None
    max_notional: float | None = None
    max_open_orders: int | None = None
    max_messages_per_s: float | None = None
    burst: int = 1
    max_loss: float | None = None
    max_drawdown: float | None = None
    on_loss: str = "cancel"
    check_interval_ns: int = 10 * NS_PER_MS
    stale_after_ns: int | None = None
    books: Mapping[str, BookLimits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_positive(self, "risk")
        if self.on_loss not in ON_LOSS:
            raise SpecError(
                f"on_loss must be one of {', '.join(ON_LOSS)}, got {self.on_loss!r}",
                remedy="write on_loss: cancel or on_loss: flatten",
            )

    def of(self, book: str) -> BookLimits:
        """Limits of one book, ``"venue:symbol"``."""
        return self.books.get(book, BookLimits()).over(self)


def _check_positive(limits: object, place: str) -> None:
    for one in fields(limits):  # type: ignore[arg-type]
        value = getattr(limits, one.name)
        if isinstance(value, (int, float)) and not value > 0:
            raise SpecError(
                f"{place}.{one.name} must be above 0, got {value}",
                remedy="leave out what is not to be limited",
            )
