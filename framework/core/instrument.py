"""What is traded: an instrument's grid, contract, costs and links, and its integer units."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from framework.core.costs import Costs
from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array
from framework.core.links import LatencyModel

# Of one step: float64 decimals of up to 10**9 steps stay well inside it.
_GRID_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One symbol at one venue.

    Parameters
    ----------
    venue, symbol
        Names; together they identify the stream.
    tick, lot
        Smallest steps of price and of quantity, as exact decimals.
    contract_size
        Units of the base asset per unit of quantity, or of the quote currency where `inverse`.
    inverse
        True where the contract is worth a fixed amount of quote currency and settles in base.
    asset
        What is traded, e.g. ``"BTC"``: books of one asset are compared across venues.
    currency
        What profit and loss are counted in.
    maker_fee_bps, taker_fee_bps
        Fees in basis points of notional; negative is a rebate.
    order_entry_ns, response_ns
        Latencies from us to the venue and back, medians where the link's model draws them.
    cancel_entry_ns, replace_entry_ns
        Order entry of cancels and replaces; None takes `order_entry_ns`.
    entry_model, response_model
        Where each direction's latencies come from.
    costs
        Everything but the flat rates.
    quote_lots
        Displayed lots assumed for quotes that carry no size; 0 where the data has sizes.
    inferred
        True where tick and lot were read off the data because the catalog did not know them.
    """

    venue: str
    symbol: str
    tick: Decimal
    lot: Decimal
    contract_size: Decimal = Decimal(1)
    inverse: bool = False
    asset: str = ""
    currency: str = ""
    maker_fee_bps: Decimal = Decimal(0)
    taker_fee_bps: Decimal = Decimal(0)
    order_entry_ns: int = 0
    response_ns: int = 0
    quote_lots: int = 0
    inferred: bool = False
    cancel_entry_ns: int | None = None
    replace_entry_ns: int | None = None
    entry_model: LatencyModel = field(default_factory=LatencyModel)
    response_model: LatencyModel = field(default_factory=LatencyModel)
    costs: Costs = field(default_factory=Costs)

    @property
    def name(self) -> str:
        """``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    def to_ticks(self, price: F64Array) -> tuple[I64Array, np.ndarray]:
        """Convert prices to whole ticks.

        Returns
        -------
        ticks : shape (n,)
            Nearest whole tick.
        off_grid : bool, shape (n,)
            True where the price is not a multiple of the tick.
        """
        return _to_steps(price, self.tick)

    def to_lots(self, quantity: F64Array) -> tuple[I64Array, np.ndarray]:
        """Convert quantities to whole lots; see `to_ticks`."""
        return _to_steps(quantity, self.lot)

    def price(self, ticks: int) -> float:
        """Price of a number of ticks, rounded once from the exact decimal."""
        return float(self.tick * int(ticks))

    def quantity(self, lots: int) -> float:
        """Quantity of a number of lots, rounded once from the exact decimal."""
        return float(self.lot * int(lots))

    def ticks(self, price: float | str | Decimal) -> int:
        """Whole ticks of one price.

        Raises
        ------
        DataError
            Where the price is not a multiple of the tick.
        """
        return _exact_steps(price, self.tick, f"{self.name}: price", "tick")

    def lots(self, quantity: float | str | Decimal) -> int:
        """Whole lots of one quantity; raises `DataError` where it is not a multiple of the lot."""
        return _exact_steps(quantity, self.lot, f"{self.name}: quantity", "lot")


def _to_steps(values: F64Array, step: Decimal) -> tuple[I64Array, np.ndarray]:
    # Dividing by a step below one loses a bit; multiplying by its whole reciprocal does not.
    reciprocal = 1 / step
    if reciprocal == reciprocal.to_integral_value():
        scaled = values * float(reciprocal)
    else:
        scaled = values / float(step)
    steps = np.rint(scaled)
    with np.errstate(invalid="ignore"):  # an infinity less itself
        np.subtract(scaled, steps, out=scaled)
    np.abs(scaled, out=scaled)
    off = ~(scaled <= _GRID_TOLERANCE)  # written so that NaN is off the grid
    if not np.isfinite(steps).all():
        steps[~np.isfinite(steps)] = 0
    return steps.astype(np.int64), off


def _exact_steps(value: float | str | Decimal, step: Decimal, what: str, grid: str) -> int:
    exact = Decimal(str(value))
    steps = exact / step
    if steps != steps.to_integral_value():
        raise DataError(
            f"{what} must be a multiple of the {grid} {step}, got {value}",
            remedy=f"round to the {grid}, or correct the {grid} in the catalog",
        )
    return int(steps)
