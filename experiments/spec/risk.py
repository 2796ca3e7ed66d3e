"""What a run spec may say of risk."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from framework.catalog import Duration
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.risk import BookLimits, Protection, RiskLimits

_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ProtectionSpec:
    """Market maker protection, as `framework.risk.Protection` has it."""

    max_fills: int | None = None
    max_lots: int | None = None
    window_ns: Duration = Field(default=NS_PER_S, validation_alias="window")
    pause_ns: Duration = Field(default=NS_PER_S, validation_alias="pause")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class BookRiskSpec:
    """Limits of one book, as `framework.risk.BookLimits` has them."""

    max_position_lots: int | None = None
    max_order_lots: int | None = None
    max_order_notional: float | None = None
    collar_bps: float | None = None
    max_spread_pct: float | None = None
    protection: ProtectionSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class RiskSpec(BookRiskSpec):
    """Limits between the strategy and its venues, as `framework.risk.RiskLimits` has them."""

    max_net: float | None = None
    max_notional: float | None = None
    max_open_orders: int | None = None
    max_messages_per_s: float | None = None
    burst: int = 1
    max_loss: float | None = None
    max_drawdown: float | None = None
    on_loss: str = "cancel"
    check_interval_ns: Duration = Field(default=10 * NS_PER_MS, validation_alias="check_interval")
    stale_after_ns: Duration | None = Field(default=None, validation_alias="stale_after")
    books: dict[str, BookRiskSpec] = field(default_factory=dict)

    def limits(self) -> RiskLimits:
        """Return the engine's limits.

        Raises
        ------
        SpecError
            For a limit that is not above 0.
        """
        books = {name: BookLimits(**_book(spec)) for name, spec in self.books.items()}
        own = {one.name: getattr(self, one.name) for one in fields(RiskLimits)}
        return RiskLimits(**{**own, **_book(self), "books": books})


def _book(spec: BookRiskSpec) -> dict[str, Any]:
    limits: dict[str, Any] = {one.name: getattr(spec, one.name) for one in fields(BookLimits)}
    if spec.protection is not None:
        settings = fields(Protection)
        limits["protection"] = Protection(
            **{one.name: getattr(spec.protection, one.name) for one in settings}
        )
    return limits
