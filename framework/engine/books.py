"""From instruments to the records the kernels know a book by, and what their costs need."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.costs import YEAR_NS, Costs
from framework.core.errors import SpecError
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent
from framework.engine.config import BacktestConfig
from framework.engine.money import inverse_scale, unit_value
from framework.replay.stream import GoldStream
from framework.venue.costs import PPT_PER_BPS
from framework.venue.fees import MICRO, PPB_PER_BPS
from framework.venue.records import SETTLEMENT_DTYPE, STREAM_DTYPE, TIER_DTYPE

_MAX_SETTLEMENTS: Final = 10_000_000
_AFTER_NS: Final = 3600 * NS_PER_S  # events reach us later than the last of them happens


def book_records(streams: Sequence[GoldStream], config: BacktestConfig) -> np.ndarray:
    """Fill in `STREAM_DTYPE`, one record a stream."""
    instruments = [stream.instrument for stream in streams]
    records = np.zeros(len(streams), STREAM_DTYPE)
    assets = sorted({item.asset or item.symbol for item in instruments})
    for record, stream in zip(records, streams, strict=True):
        item = stream.instrument
        asset = item.asset or item.symbol
        ticks = [other.tick for other in instruments if (other.asset or other.symbol) == asset]
        record["maker_ppb"] = round(item.maker_fee_bps * PPB_PER_BPS)
        record["taker_ppb"] = round(item.taker_fee_bps * PPB_PER_BPS)
        record["maker_bps"] = float(item.maker_fee_bps)
        record["taker_bps"] = float(item.taker_fee_bps)
        record["queue_model"] = config.queue(stream)
        record["queue_power"] = config.queue_power
        record["exchange_model"] = config.exchange
        record["self_trade"] = config.self_trade_rule
        record["lot_quantity"] = float(item.lot)
        record["tick"] = float(item.tick)
        record["asset"] = assets.index(asset)
        record["grid"] = item.tick / _common_step(ticks)
        record["inverse_scale"] = inverse_scale(item)
        _fill_in_links(record, item, config.seed)
        _fill_in_costs(record, item)
    _number_venues(records, instruments)
    return records


def tier_records(instruments: Sequence[Instrument]) -> np.ndarray:
    """Lay the fee tiers of all instruments end to end, `TIER_DTYPE`."""
    rows = [
        (
            float(tier.volume),
            round(tier.maker_bps * PPB_PER_BPS),
            round(tier.taker_bps * PPB_PER_BPS),
        )
        for item in instruments
        for tier in item.costs.tiers
    ]
    return np.array(rows, TIER_DTYPE)


def settlement_records(
    instruments: Sequence[Instrument], first_ns: int, last_ns: int
) -> np.ndarray:
    """List by time when funding and financing are due, `SETTLEMENT_DTYPE`.

    Parameters
    ----------
    first_ns, last_ns
        When the market's first and last event happen.

    Raises
    ------
    SpecError
        Where financing would settle more often than a run can hold.
    """
    rows: list[tuple[int, int, int, int, int]] = []
    for book, item in enumerate(instruments):
        rows += _funding(book, item.costs, first_ns)
        rows += _financing(book, item, first_ns, last_ns)
    return np.array(sorted(rows), SETTLEMENT_DTYPE)


def _common_step(ticks: Sequence[Decimal]) -> Decimal:
    """Largest price step of which every tick is a whole multiple."""
    exponent = min(int(tick.as_tuple().exponent) for tick in ticks)
    unit = Decimal(1).scaleb(exponent)
    return math.gcd(*(int(tick / unit) for tick in ticks)) * unit


def _fill_in_links(record: np.void, item: Instrument, seed: int) -> None:
    entry_ns = item.order_entry_ns
    record["order_entry_ns"] = entry_ns
    record["cancel_entry_ns"] = _or(item.cancel_entry_ns, entry_ns)
    record["replace_entry_ns"] = _or(item.replace_entry_ns, entry_ns)
    record["response_ns"] = item.response_ns
    record["entry_kind"] = item.entry_model.kind
    record["entry_spread"] = item.entry_model.spread
    record["response_kind"] = item.response_model.kind
    record["response_spread"] = item.response_model.spread
    # By name, not by number: a further venue must not change what this one draws.
    digest = hashlib.sha256(f"latency:{seed}:{item.venue}".encode()).digest()
    record["latency_seed"] = int.from_bytes(digest[:8], "little", signed=True)
    record["feed_ns"] = -1


def _or(own: int | None, default: int) -> int:
    return default if own is None else own


def _fill_in_costs(record: np.void, item: Instrument) -> None:
    costs = item.costs
    micro_per_contract = MICRO * item.lot / _decimal_unit(item)
    record["maker_lot_micro"] = round(costs.maker_per_contract * micro_per_contract)
    record["taker_lot_micro"] = round(costs.taker_per_contract * micro_per_contract)
    if item.inverse:
        record["volume_per_lot"] = float(item.contract_size * item.lot)
    else:
        record["volume_per_value"] = float(unit_value(item))
    if costs.impact is not None:
        record["impact_kind"] = costs.impact.kind
        record["impact_ratio"] = float(costs.impact.coefficient_bps) / 1e4
        record["impact_lots"] = float(costs.impact.reference_quantity / item.lot)
        record["impact_half_life_ns"] = float(costs.impact.half_life_ns)


def _decimal_unit(item: Instrument) -> Decimal:
    unit = unit_value(item)
    return Decimal(unit.numerator) / Decimal(unit.denominator)


def _number_venues(records: np.ndarray, instruments: Sequence[Instrument]) -> None:
    """Number the venues where volume counts, and say where each book's tiers stand."""
    counting = sorted({item.venue for item in instruments if item.costs.tiers})
    first = 0
    for record, item in zip(records, instruments, strict=True):
        record["venue"] = counting.index(item.venue) if item.venue in counting else -1
        record["first_tier"] = first
        record["n_tiers"] = len(item.costs.tiers)
        record["window_days"] = item.costs.window_days
        first += len(item.costs.tiers)


def _funding(book: int, costs: Costs, first_ns: int) -> list[tuple[int, int, int, int, int]]:
    due = [rate for rate in costs.funding if rate.ts_ns >= first_ns]
    rates = [round(rate.rate_bps * PPT_PER_BPS) for rate in due]
    return [
        (rate.ts_ns, book, int(JournalEvent.FUNDING), ppt, -ppt)
        for rate, ppt in zip(due, rates, strict=True)
    ]


def _financing(
    book: int, item: Instrument, first_ns: int, last_ns: int
) -> list[tuple[int, int, int, int, int]]:
    terms = item.costs.financing
    if terms is None:
        return []
    every_ns = terms.every_ns
    instants = range(-(-first_ns // every_ns) * every_ns, last_ns + _AFTER_NS, every_ns)
    if len(instants) > _MAX_SETTLEMENTS:
        raise SpecError(
            f"{item.name}: financing must settle at most {_MAX_SETTLEMENTS:,} times in a run, "
            f"it would {len(instants):,} times",
            remedy='let it settle less often, for example every: "1d"',
        )
    share = Decimal(every_ns) / YEAR_NS * PPT_PER_BPS
    long_ppt, short_ppt = round(terms.long_bps * share), round(terms.short_bps * share)
    return [(ts_ns, book, int(JournalEvent.FINANCING), long_ppt, short_ppt) for ts_ns in instants]
