"""Gold rows made of hand-made silver rows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from framework.catalog.venue import CrossedPolicy, Latency, Policies, SequenceRule, VenueConfig
from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA, NO_PRICE, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.lake.formats.base import (
    DEPTH_SCHEMA,
    ORDER_SCHEMA,
    QUOTE_SCHEMA,
    TRADE_SCHEMA,
    Parsed,
)
from framework.lake.gold import GoldRows, build_gold, smallest_offset_ns
from framework.lake.grid import split_off_grid
from framework.lake.ledger import StreamState
from framework.lake.sequence import check_sequence
from framework.lake.units import Units

STREAM = {"exchange": "v", "symbol": "S", "source_file": "f"}
LAST, SNAPSHOT = EventFlag.LAST, EventFlag.SNAPSHOT
INSTRUMENT = Instrument(venue="v", symbol="S", tick=Decimal("0.1"), lot=Decimal("0.01"))
UNITS = Units(instrument=INSTRUMENT, clock_offset_ns=0)
VENUE = VenueConfig(name="v", known=True, sequence_rule=SequenceRule.PLAIN)


def frame(schema: pl.Schema, rows: list[dict[str, object]]) -> pl.DataFrame:
    numbered = [STREAM | {"source_row": i + 1} | row for i, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=schema)


def level(
    sequence: int,
    exchange_ns: int | None,
    received_ns: int,
    side: int,
    price: float,
    volume: float,
    *,
    snapshot: bool = False,
) -> dict[str, object]:
    return {
        "sequence": sequence,
        "exchange_timestamp_ns": exchange_ns,
        "received_timestamp_ns": received_ns,
        "is_bid": side > 0,
        "price": price,
        "volume": volume,
        "is_snapshot": snapshot,
    }


def trade(
    exchange_ns: int, received_ns: int, side: int, price: float, **more: object
) -> dict[str, object]:
    return {
        "exchange_timestamp_ns": exchange_ns,
        "received_timestamp_ns": received_ns,
        "side": side,
        "price": price,
        "volume": 1.0,
        "is_hidden": False,
    } | more


def gold(
    depth: list[dict[str, object]] | None = None,
    *,
    trades: list[dict[str, object]] | None = None,
    quotes: list[dict[str, object]] | None = None,
    orders: list[dict[str, object]] | None = None,
    venue: VenueConfig = VENUE,
    units: Units = UNITS,
    state: StreamState | None = None,
) -> GoldRows:
    state = state or StreamState()
    silver = Parsed(
        depth=frame(DEPTH_SCHEMA, depth or []),
        trades=frame(TRADE_SCHEMA, trades or []),
        quotes=frame(QUOTE_SCHEMA, quotes or []),
        orders=frame(ORDER_SCHEMA, orders or []),
    )
    checked, sequence = check_sequence(silver.depth, venue.sequence_rule, state.sequence)
    return build_gold(silver, checked, units, venue, replace(state, sequence=sequence))


def events(built: GoldRows, *names: str) -> list[tuple[object, ...]]:
    return built.rows.select(*names).rows()


SNAPSHOT_ROWS = [
    level(1, 100, 110, +1, 9.9, 1.0, snapshot=True),
    level(1, 100, 110, -1, 10.1, 2.0, snapshot=True),
]


def test_a_snapshot_clears_and_ends_with_both_flags() -> None:
    built = gold(SNAPSHOT_ROWS)
    assert events(built, "kind", "side", "flags", "px_ticks", "qty_lots") == [
        (EventKind.CLEAR, 0, SNAPSHOT, 0, 0),
        (EventKind.DEPTH, 1, SNAPSHOT, 99, 100),
        (EventKind.DEPTH, -1, SNAPSHOT | LAST, 101, 200),
    ]
    assert set(built.rows["seq"]) == {110}
    built.rows.to_arrow().cast(GOLD_SCHEMA)


def test_messages_end_with_last_and_deletions_are_zero() -> None:
    built = gold(
        [
            *SNAPSHOT_ROWS,
            level(2, 200, 210, +1, 9.8, 3.0),
            level(2, 200, 210, +1, 9.9, 0.0),
            level(3, 300, 310, -1, 10.1, 1.5),
        ]
    )
    assert events(built, "ts_exch_ns", "ts_recv_ns", "flags", "px_ticks", "qty_lots")[3:] == [
        (200, 210, 0, 98, 300),
        (200, 210, LAST, 99, 0),
        (300, 310, LAST, 101, 150),
    ]


def test_a_gap_row_stands_before_the_message_that_follows_the_jump() -> None:
    built = gold([*SNAPSHOT_ROWS, level(5, 300, 310, +1, 9.8, 3.0)])
    assert events(built, "kind", "ts_exch_ns", "flags")[3:] == [
        (EventKind.GAP, 300, 0),
        (EventKind.DEPTH, 300, LAST),
    ]


def test_a_message_without_levels_leaves_no_row_but_its_gap_does() -> None:
    empty = level(5, 300, 310, +1, 0.0, 0.0) | {"is_bid": None, "price": None, "volume": None}
    built = gold([*SNAPSHOT_ROWS, empty])
    assert events(built, "kind", "flags")[3:] == [(EventKind.GAP, LAST)]


def test_trades_stand_by_their_own_time_and_arrival_breaks_ties() -> None:
    built = gold(
        [*SNAPSHOT_ROWS, level(2, 200, 210, +1, 9.8, 3.0)],
        trades=[
            trade(200, 205, +1, 10.1),
            trade(150, 220, -1, 9.9),
            trade(200, 215, -1, 9.9, is_hidden=True),
        ],
    )
    assert events(built, "ts_exch_ns", "seq", "kind", "side")[3:] == [
        (150, 220, EventKind.TRADE, -1),
        (200, 205, EventKind.TRADE, 1),
        (200, 210, EventKind.DEPTH, 1),
        (200, 215, EventKind.HIDDEN_TRADE, 1),
    ]


def test_equal_arrivals_are_numbered_on() -> None:
    built = gold(trades=[trade(1, 50, 1, 10.0), trade(1, 50, 1, 10.1), trade(1, 51, 1, 10.2)])
    assert events(built, "seq", "px_ticks") == [(50, 100), (51, 101), (52, 102)]


def test_depth_whose_time_runs_backwards_is_lifted_and_counted() -> None:
    built = gold(
        [
            *SNAPSHOT_ROWS,
            level(2, 300, 310, +1, 9.8, 3.0),
            level(3, 250, 320, +1, 9.8, 2.0),
            level(4, 330, 315, +1, 9.8, 1.0) | {"exchange_timestamp_ns": 305},
        ]
    )
    assert events(built, "ts_exch_ns", "ts_recv_ns", "qty_lots")[3:] == [
        (300, 310, 300),
        (300, 320, 200),
        (305, 320, 100),
    ]
    assert built.backwards == 2


def test_a_further_file_continues_the_order_of_the_one_before() -> None:
    first = gold([*SNAPSHOT_ROWS, level(2, 300, 310, +1, 9.8, 3.0)])
    second = gold([level(3, 290, 310, +1, 9.8, 2.0)], state=first.state)
    assert events(second, "ts_exch_ns", "seq") == [(300, 311)]
    assert second.state.last_seq == 311
    assert second.state.sequence.last_sequence == 3


def test_cutting_a_stream_anywhere_gives_the_same_rows() -> None:
    rows = [*SNAPSHOT_ROWS] + [
        level(i, 100 + 10 * i - (i % 3) * 7, 200 + 10 * (i // 2), 1, 9.9, i / 100)
        for i in range(2, 12)
    ]
    whole = gold(rows).rows
    for cut in range(2, len(rows)):
        head = gold(rows[:cut])
        tail = gold(rows[cut:], state=head.state)
        assert pl.concat([head.rows, tail.rows]).equals(whole)


def test_the_received_clock_is_corrected() -> None:
    late = [level(1, 1000, 100, 1, 9.9, 1.0, snapshot=True)]
    built = gold(late, units=replace(UNITS, clock_offset_ns=950))
    assert events(built, "ts_exch_ns", "ts_recv_ns", "seq")[0] == (1000, 1050, 100)


def test_received_before_it_happened_is_an_error_that_names_the_offset() -> None:
    rows = [*SNAPSHOT_ROWS, level(2, 1300, 330, 1, 9.9, 1.0)]
    with pytest.raises(DataError, match="row 3 is") as caught:
        gold(rows)
    assert "970ns or more" in caught.value.remedy
    gold(rows, units=replace(UNITS, clock_offset_ns=970))
    assert smallest_offset_ns(Parsed(depth=frame(DEPTH_SCHEMA, rows))) == 970
    assert smallest_offset_ns(Parsed()) is None


def test_a_venue_without_received_clock_gets_its_feed_latency() -> None:
    venue = replace(VENUE, latency=Latency(feed_ns=7))
    built = gold(trades=[trade(100, 100, 1, 10.0)], venue=venue)
    assert events(built, "ts_exch_ns", "ts_recv_ns") == [(100, 107)]


def test_a_snapshot_without_time_happens_before_what_follows() -> None:
    rows = [level(1, None, 110, 1, 9.9, 1.0, snapshot=True), level(2, 90, 120, 1, 9.8, 1.0)]
    assert [row[0] for row in events(gold(rows), "ts_exch_ns")] == [90, 90, 90]
    rows[1]["exchange_timestamp_ns"] = 115
    assert [row[0] for row in events(gold(rows), "ts_exch_ns")] == [110, 110, 115]


def quote(
    exchange_ns: int, bid: float | None, ask: float | None, **more: object
) -> dict[str, object]:
    return {
        "sequence": None,
        "exchange_timestamp_ns": exchange_ns,
        "received_timestamp_ns": exchange_ns,
        "bid_price": bid,
        "bid_volume": 1.0,
        "ask_price": ask,
        "ask_volume": 2.0,
    } | more


def test_quotes_become_best_rows_where_there_is_no_depth() -> None:
    built = gold(quotes=[quote(100, 9.9, 10.1), quote(200, None, 10.2)])
    names = ("kind", "side", "flags", "px_ticks", "qty_lots")
    assert events(built, *names) == [
        (EventKind.BEST, 1, 0, 99, 100),
        (EventKind.BEST, -1, LAST, 101, 200),
        (EventKind.BEST, 1, 0, NO_PRICE, 0),
        (EventKind.BEST, -1, LAST, 102, 200),
    ]
    assert built.state.source == "quotes"


def test_quotes_beside_depth_stay_in_silver() -> None:
    built = gold(SNAPSHOT_ROWS, quotes=[quote(100, 9.9, 10.1)])
    assert EventKind.BEST not in set(built.rows["kind"])
    only_quotes = gold(quotes=[quote(300, 9.9, 10.1)], state=built.state)
    assert only_quotes.rows.is_empty()


def test_depth_after_quotes_is_refused() -> None:
    built = gold(quotes=[quote(100, 9.9, 10.1)])
    with pytest.raises(DataError, match="so far show quotes") as caught:
        gold(SNAPSHOT_ROWS, state=built.state)
    assert "--table" in caught.value.remedy


def test_quotes_out_of_order_are_sorted_and_counted() -> None:
    built = gold(quotes=[quote(200, 9.9, 10.1), quote(100, 9.8, 10.1), quote(300, 9.7, 10.1)])
    assert events(built, "ts_exch_ns", "px_ticks")[::2] == [(100, 98), (200, 99), (300, 97)]
    assert built.backwards == 1


@pytest.mark.parametrize(
    ("policy", "lots"),
    [
        (CrossedPolicy.KEEP, [100, 200, 100, 200]),
        (CrossedPolicy.DROP, [100, 200]),
        (CrossedPolicy.INVALIDATE, [0, 0, 100, 200]),
    ],
)
def test_own_crossed_quotes_follow_the_policy(policy: CrossedPolicy, lots: list[int]) -> None:
    venue = replace(VENUE, policies=Policies(crossed=policy))
    built = gold(quotes=[quote(100, 10.2, 10.1), quote(200, 10.0, 10.1)], venue=venue)
    assert built.rows["qty_lots"].to_list() == lots


def test_quotes_without_size_need_an_assumed_one() -> None:
    sizeless = [quote(100, 9.9, 10.1, bid_volume=None, ask_volume=None)]
    with pytest.raises(DataError, match="must have a size") as caught:
        gold(quotes=sizeless)
    assert "quote_size" in caught.value.remedy
    units = replace(UNITS, instrument=replace(INSTRUMENT, quote_lots=5))
    assert gold(quotes=sizeless, units=units).rows["qty_lots"].to_list() == [5, 5]


def test_orders_keep_the_venues_numbers() -> None:
    orders = [
        {
            "sequence": sequence,
            "exchange_timestamp_ns": 100,
            "received_timestamp_ns": 100,
            "action": int(action),
            "order_id": 77,
            "side": 1,
            "price": 9.9,
            "volume": 1.0,
        }
        for sequence, action in ((2, EventKind.ORDER_ADD), (3, EventKind.ORDER_EXECUTE))
    ]
    first = [level(0, 100, 100, 1, 9.8, 1.0, snapshot=True)]
    venue = replace(VENUE, sequence_rule=SequenceRule.NONE)
    built = gold(first, orders=orders, venue=venue)
    assert events(built, "seq", "kind", "order_id") == [
        (0, EventKind.CLEAR, 0),
        (0, EventKind.DEPTH, 0),
        (2, EventKind.ORDER_ADD, 77),
        (3, EventKind.ORDER_EXECUTE, 77),
    ]


def test_off_grid_levels_take_their_line_with_them() -> None:
    rows = frame(
        DEPTH_SCHEMA,
        [
            level(1, 1, 1, 1, 9.9, 1.0) | {"source_row": 1},
            level(1, 1, 1, 1, 9.95, 1.0) | {"source_row": 1},
            level(2, 1, 1, 1, 9.9, 0.005) | {"source_row": 2},
            level(3, 1, 1, 1, 9.9, 0.05) | {"source_row": 3},
        ],
    )
    kept, refused = split_off_grid(rows, "depth", INSTRUMENT)
    assert kept["source_row"].to_list() == [3]
    assert refused.rows() == [
        ("f", 1, "price must be a multiple of the tick 0.1, found 9.95"),
        ("f", 2, "volume must be a multiple of the lot 0.01, found 0.005"),
    ]


def test_a_price_beyond_counting_is_off_the_grid() -> None:
    rows = frame(TRADE_SCHEMA, [trade(1, 1, 1, 1e17), trade(1, 1, 1, float("nan"))])
    kept, refused = split_off_grid(rows, "trades", INSTRUMENT)
    assert kept.is_empty()
    assert refused.height == 2
