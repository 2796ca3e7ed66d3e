"""What the catalog knows of one venue."""

from __future__ import annotations

import re
from dataclasses import field
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

from framework.catalog.costs import FeeTiers, LatencyModelEntry, WindowDays
from framework.catalog.quantities import Duration, ExactDecimal, SignedDuration

STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


class SequenceRule(StrEnum):
    """How a venue numbers its depth messages.

    Every rule comes down to the *base* of a message, the sequence it builds upon. A message whose
    base is not the last sequence applied follows a jump; one whose own sequence is not beyond it
    is a duplicate.
    """

    BINANCE_SPOT = "binance_spot"
    """Base ``U − 1``. First after a snapshot ``S``: ``U ≤ S + 1 ≤ u``."""
    BINANCE_FUTURES = "binance_futures"
    """Base ``pu``. First after a snapshot ``S``: ``pu ≤ S < u``, which contains the venue's
    ``U ≤ S ≤ u`` and also holds where no update of this symbol fell on ``S``."""
    PLAIN = "plain"
    """Base ``sequence − 1``; snapshots are part of the stream and restart the numbering."""
    NONE = "none"
    """The source numbers nothing: every message is taken as it comes, no snapshot is needed."""


class CrossedPolicy(StrEnum):
    """What becomes of a venue's own quotes whose bid is above their ask."""

    KEEP = "keep"
    """They stay: the venue meant them."""
    DROP = "drop"
    """They are left out of gold."""
    INVALIDATE = "invalidate"
    """They empty the book until the next sound quote."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Fees:
    """Fees; negative is a rebate.

    Parameters
    ----------
    maker_bps, taker_bps
        In basis points of notional.
    maker_per_contract, taker_per_contract
        In currency per unit of quantity (a share, a contract), on top.
    tiers
        Other rates from a rolling volume on.
    window_days
        Days of volume that count, today included.
    """

    maker_bps: ExactDecimal = Decimal(0)
    taker_bps: ExactDecimal = Decimal(0)
    maker_per_contract: ExactDecimal = Decimal(0)
    taker_per_contract: ExactDecimal = Decimal(0)
    tiers: FeeTiers = ()
    window_days: WindowDays = 30


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Latency:
    """One-way latencies, nanoseconds: constant, or medians where a model draws them.

    Parameters
    ----------
    order_entry_ns
        From us to the venue.
    cancel_ns, replace_ns
        The same for cancels and replaces; None takes `order_entry_ns`.
    response_ns
        From the venue back to us.
    entry_model, response_model
        Where each direction's latencies come from.
    feed_ns
        From the venue's event to us, for data without a received clock; None where it has one.
    """

    order_entry_ns: Duration = Field(default=0, validation_alias="order_entry")
    cancel_ns: Duration | None = Field(default=None, validation_alias="cancel")
    replace_ns: Duration | None = Field(default=None, validation_alias="replace")
    response_ns: Duration = Field(default=0, validation_alias="response")
    entry_model: LatencyModelEntry = LatencyModelEntry()
    response_model: LatencyModelEntry = LatencyModelEntry()
    feed_ns: Duration | None = Field(default=None, validation_alias="feed")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Policies:
    """What is done with data that is odd but legible."""

    crossed: CrossedPolicy = CrossedPolicy.KEEP


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class VenueConfig:
    """One venue: its clocks, numbering, costs and latencies.

    Parameters
    ----------
    name
        As written in instruments and data.
    known
        False where the catalog has no such venue and every value is a default.
    time_zone
        IANA name or fixed offset such as ``"-05:00"`` of the venue's local times.
    clock_offset_ns
        Added to the received clock when gold is built, so that no event is received before it
        happened.
    sequence_rule
        How messages are numbered.
    fees, latency, policies
        Defaults of the venue's instruments.
    description
        Where the values come from.
    """

    name: str = ""
    known: bool = False
    time_zone: str = "UTC"
    clock_offset_ns: SignedDuration = Field(default=0, validation_alias="clock_offset")
    sequence_rule: SequenceRule = SequenceRule.NONE
    fees: Fees = field(default_factory=Fees)
    latency: Latency = field(default_factory=Latency)
    policies: Policies = field(default_factory=Policies)
    description: str = ""

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, zone: str) -> str:
        if re.fullmatch(r"[+-](?:0\d|1[0-4]):[0-5]\d", zone):
            return zone
        try:
            ZoneInfo(zone)
        except (KeyError, OSError, ValueError) as cause:
            raise ValueError(
                'must be an IANA time zone such as "America/New_York" or an offset such as "-05:00"'
            ) from cause
        return zone
