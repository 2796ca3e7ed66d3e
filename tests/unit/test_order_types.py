"""What fills each type of order and what cannot, on tapes worked out by hand."""

from __future__ import annotations

import pytest

from framework.core.errors import StrategyError
from framework.core.events import EventFlag, EventKind
from framework.core.orders import JournalEvent, OrderType, TimeInForce
from tests.support.by_hand import (
    MAKER,
    T0,
    TAKER,
    at,
    depth,
    events_of,
    fills,
    rows_of,
    run,
    trade,
)

BOOK = [depth(0, 1, 99, 10), depth(0, 1, 98, 10), depth(0, -1, 101, 10), depth(0, -1, 102, 10)]
REPRICED = JournalEvent.REPRICED
SENT = ["SUBMITTED", "ACCEPTED"]


# Good till date.


def test_a_gtd_order_ends_at_its_instant_and_not_before():
    tape = [*BOOK, trade(29, -1, 98, 2), trade(31, -1, 98, 2)]
    result = run(tape, lambda ctx: ctx.submit(0, 1, 7, 99, expires_ns=T0 + 30))
    assert fills(result) == [(1, 99, 2, MAKER)]
    assert events_of(result) == [*SENT, "FILLED", "EXPIRED EXPIRY_REACHED"]
    assert rows_of(result, JournalEvent.EXPIRED)[0]["ts_ns"] == T0 + 30
    assert rows_of(result, JournalEvent.ACCEPTED)[0]["time_in_force"] == TimeInForce.GTD


def test_a_market_event_of_the_expirys_instant_still_fills():
    tape = [*BOOK, trade(30, -1, 98, 2)]
    result = run(tape, lambda ctx: ctx.submit(0, 1, 7, 99, expires_ns=T0 + 30))
    assert events_of(result) == [*SENT, "FILLED", "EXPIRED EXPIRY_REACHED"]


def test_a_gtd_order_that_arrives_too_late_is_refused():
    result = run(BOOK, lambda ctx: ctx.submit(0, 1, 7, 99, expires_ns=T0 + 10))
    assert events_of(result) == ["SUBMITTED", "REJECTED EXPIRY_REACHED"]


def test_gtd_needs_an_instant_and_an_instant_needs_gtd():
    result = run(
        BOOK,
        lambda ctx: ctx.submit(0, 1, 7, 99, TimeInForce.GTD),
        lambda ctx: ctx.submit(0, 1, 7, 99, TimeInForce.IOC, expires_ns=T0 + 500),
    )
    assert events_of(result, 1) == ["SUBMITTED", "REJECTED BAD_EXPIRY"]
    assert events_of(result, 2) == ["SUBMITTED", "REJECTED BAD_EXPIRY"]


def test_orders_that_ended_early_leave_no_expiry_behind():
    """Two slots are used thirty times: an expiry that stayed would end a later order or fill up."""

    def again(ctx):
        ctx.cancel(ctx.submit(0, 1, 1, 90, expires_ns=T0 + 900))

    result = run(BOOK, *[again] * 30, lambda ctx: ctx.buy(0, 1, 90), max_orders=2)
    assert events_of(result, 31) == SENT
    assert not rows_of(result, JournalEvent.EXPIRED)


# Stops.


@pytest.mark.parametrize(
    ("px", "set_off"), [(102, False), (103, True), (104, True)], ids=["below", "at", "through"]
)
def test_a_buy_stop_is_set_off_by_a_trade_at_or_above_its_price(px: int, set_off: bool):
    result = run([*BOOK, trade(15, 0, px, 1)], lambda ctx: ctx.stop(0, 1, 4, 103))
    assert fills(result) == ([(1, 101, 4, TAKER)] if set_off else [])
    assert rows_of(result, JournalEvent.ACCEPTED)[0]["px_ticks"] == 103


def test_a_sell_stop_mirrors_it_and_quotes_set_off_nothing():
    tape = [*BOOK, depth(12, -1, 97, 1), depth(13, -1, 97, 0), trade(15, 0, 97, 1)]
    result = run(tape, lambda ctx: ctx.stop(0, -1, 4, 97))
    assert fills(result) == [(1, 99, 4, TAKER)]
    triggered = rows_of(result, JournalEvent.TRIGGERED)[0]
    assert (triggered["ts_ns"], triggered["px_ticks"]) == (T0 + 15, 97)


def test_the_trade_that_sets_a_stop_off_has_taken_its_size_first():
    """The data still shows ten at 99 when five of them have just been sold."""
    result = run([*BOOK, trade(15, -1, 99, 5)], lambda ctx: ctx.stop(0, -1, 9, 99))
    assert fills(result) == [(1, 99, 5, TAKER), (1, 98, 4, TAKER)]
    swept = run([*BOOK, trade(15, -1, 98, 4)], lambda ctx: ctx.stop(0, -1, 9, 98))
    assert fills(swept) == [(1, 98, 6, TAKER)]
    assert events_of(swept)[-1] == "EXPIRED NOT_FILLABLE"


def test_a_stop_limit_takes_to_its_limit_and_rests_there():
    tape = [*BOOK, trade(15, 1, 101, 10), trade(25, 1, 103, 3)]
    result = run(tape, lambda ctx: ctx.stop(0, 1, 25, 101, limit_ticks=102))
    assert events_of(result) == [*SENT, "TRIGGERED", "FILLED"]
    assert fills(result) == [(1, 102, 10, TAKER)]
    tape = [*BOOK, trade(15, 0, 101, 1), trade(25, -1, 100, 3)]
    result = run(tape, lambda ctx: ctx.stop(0, 1, 25, 101, limit_ticks=101))
    assert fills(result) == [(1, 101, 9, TAKER), (1, 101, 3, MAKER)]


def test_trades_before_a_stop_arrived_do_not_count():
    assert events_of(run([*BOOK, trade(5, 1, 105, 1)], lambda ctx: ctx.stop(0, 1, 4, 103))) == SENT


def test_a_waiting_stop_can_be_cancelled_and_expires_but_is_not_replaced():
    result = run(
        [*BOOK, trade(95, 1, 105, 1)],
        lambda ctx: ctx.stop(0, 1, 4, 103),
        lambda ctx: ctx.replace(1, 100, 2),
        lambda ctx: ctx.cancel(1),
        lambda ctx: ctx.stop(0, 1, 4, 103, expires_ns=T0 + 60),
    )
    refused = ["REPLACE_SENT", "REPLACE_REJECTED NOT_REPLACEABLE"]
    assert events_of(result) == [*SENT, *refused, "CANCEL_SENT", "CANCELLED"]
    assert events_of(result, 2) == [*SENT, "EXPIRED EXPIRY_REACHED"]


def test_a_stop_set_off_while_the_book_is_invalid_ends():
    tape = [*BOOK, at(14, EventKind.GAP, 0, 0, 0), trade(15, 1, 105, 1)]
    result = run(tape, lambda ctx: ctx.stop(0, 1, 4, 103))
    assert events_of(result) == [*SENT, "TRIGGERED", "CANCELLED BOOK_INVALID"]


# Hidden orders.


def test_a_hidden_order_waits_for_all_displayed_size_even_what_comes_later():
    tape = [*BOOK, depth(12, 1, 99, 15), trade(15, -1, 99, 15), trade(16, -1, 99, 4)]
    result = run(tape, lambda ctx: ctx.submit(0, 1, 7, 99, hidden=True))
    assert [(row["ts_ns"], row["qty_lots"]) for row in rows_of(result, JournalEvent.FILLED)] == [
        (T0 + 16, 4)
    ]
    plain = run(tape, lambda ctx: ctx.submit(0, 1, 7, 99))
    assert fills(plain) == [(1, 99, 5, MAKER), (1, 99, 2, MAKER)]


def test_a_hidden_order_comes_before_worse_prices():
    tape = [*BOOK, trade(15, -1, 98, 3)]
    result = run(tape, lambda ctx: ctx.submit(0, 1, 7, 99, hidden=True))
    assert fills(result) == [(1, 99, 3, MAKER)]


def test_our_own_displayed_order_fills_first_though_it_came_later():
    def both(ctx):
        ctx.submit(0, 1, 2, 99, hidden=True)
        ctx.submit(0, 1, 3, 99)

    result = run([*BOOK, trade(15, -1, 99, 14)], both)
    assert fills(result) == [(2, 99, 3, MAKER), (1, 99, 1, MAKER)]


def test_a_hidden_trade_of_the_data_does_not_fill_a_hidden_order_at_its_price():
    tape = [*BOOK, at(15, EventKind.HIDDEN_TRADE, 1, 100, 5)]
    both = [lambda ctx: ctx.submit(0, 1, 7, 100, hidden=True)]
    assert fills(run(tape, *both)) == []
    assert fills(run(tape, lambda ctx: ctx.buy(0, 7, 100))) == [(1, 100, 5, MAKER)]


# Midpoint orders.


def test_a_midpoint_order_follows_the_middle_to_its_passive_side():
    tape = [*BOOK, depth(15, -1, 101, 0), depth(25, -1, 101, 4), depth(35, 1, 99, 0)]

    def both(ctx):
        ctx.peg_mid(0, 1, 5)
        ctx.peg_mid(0, -1, 5)

    result = run(tape, both, self_trade="allow")
    assert [row["px_ticks"] for row in rows_of(result, JournalEvent.ACCEPTED)] == [100, 100]
    moves = [(r["ts_ns"] - T0, r["side"], r["px_ticks"]) for r in rows_of(result, REPRICED)]
    # the middle goes 100, 100.5, 100, 99.5: a buy stands below a half tick and a sell above it
    assert moves == [(15, -1, 101), (25, -1, 100), (35, 1, 99)]


def test_a_midpoint_order_is_filled_by_a_trade_through_it_and_by_an_order_that_meets_it():
    through = run([*BOOK, trade(15, -1, 99, 3)], lambda ctx: ctx.peg_mid(0, 1, 5))
    assert fills(through) == [(1, 100, 3, MAKER)]
    met = run([*BOOK, depth(15, -1, 100, 2)], lambda ctx: ctx.peg_mid(0, 1, 5))
    assert fills(met) == [(1, 100, 2, MAKER)]


def test_a_midpoint_order_stops_at_its_limit_and_stays_while_there_is_no_middle():
    tape = [*BOOK, depth(15, 1, 99, 0), depth(16, 1, 98, 0), depth(17, 1, 99, 1)]
    result = run(tape, lambda ctx: ctx.peg_mid(0, 1, 5, limit_ticks=99))
    assert rows_of(result, JournalEvent.ACCEPTED)[0]["px_ticks"] == 99
    assert rows_of(result, REPRICED) == []
    free = run(tape, lambda ctx: ctx.peg_mid(0, 1, 5))
    moves = [(r["ts_ns"] - T0, r["px_ticks"]) for r in rows_of(free, REPRICED)]
    assert moves == [(15, 99), (17, 100)]  # 98 and 101, then 99 and 101


def test_it_moves_only_when_a_message_has_ended():
    tape = [*BOOK, depth(15, 1, 99, 0, 0), depth(15, 1, 100, 4, 0), depth(15, -1, 103, 4)]
    result = run(tape, lambda ctx: ctx.peg_mid(0, -1, 5))
    assert [row["px_ticks"] for row in rows_of(result, REPRICED)] == [101]


def test_without_a_middle_a_midpoint_order_is_refused_and_it_is_never_replaced():
    tape = [depth(0, 1, 99, 10), depth(25, -1, 101, 3)]
    result = run(
        tape,
        lambda ctx: ctx.peg_mid(0, 1, 5),
        lambda ctx: None,
        lambda ctx: ctx.peg_mid(0, 1, 5),
        lambda ctx: ctx.replace(2, 100, 2),
    )
    assert events_of(result, 1) == ["SUBMITTED", "REJECTED NO_MID"]
    assert events_of(result, 2)[-1] == "REPLACE_REJECTED NOT_REPLACEABLE"


# Icebergs.


def test_an_icebergs_next_part_queues_behind_what_is_displayed():
    def outcome(second: int) -> list[tuple[int, int, int, int]]:
        tape = [*BOOK, depth(15, 1, 99, 30), trade(25, -1, 99, 12), trade(26, -1, 99, second)]
        return fills(run(tape, lambda ctx: ctx.submit(0, 1, 9, 99, peak_lots=2)))

    # ten ahead and our two are taken; the other twenty then stand before the next part
    assert outcome(20) == [(1, 99, 2, MAKER)]
    assert outcome(21) == [(1, 99, 2, MAKER), (1, 99, 1, MAKER)]


def test_what_reaches_the_next_part_in_the_same_trade_fills_it():
    result = run([*BOOK, trade(15, -1, 99, 17)], lambda ctx: ctx.submit(0, 1, 9, 99, peak_lots=2))
    # ten ahead, two shown, and five more that find nothing displayed but the parts shown anew
    assert fills(result) == [(1, 99, 2, MAKER), (1, 99, 5, MAKER)]
    assert [row["qty_lots"] for row in rows_of(result, JournalEvent.REFRESHED)] == [2, 1]


def test_an_iceberg_loses_its_place_to_our_own_later_order():
    def both(ctx):
        ctx.submit(0, 1, 6, 99, peak_lots=2)
        ctx.submit(0, 1, 3, 99)

    result = run([*BOOK, trade(15, -1, 99, 14), trade(16, -1, 99, 4)], both)
    first, second = [(1, 99, 2, MAKER), (2, 99, 2, MAKER)], (2, 99, 1, MAKER)
    assert fills(result) == [*first, second, (1, 99, 2, MAKER), (1, 99, 1, MAKER)]


def test_a_trade_through_the_price_fills_all_parts_at_once():
    result = run([*BOOK, trade(15, -1, 98, 8)], lambda ctx: ctx.submit(0, 1, 9, 99, peak_lots=3))
    assert fills(result) == [(1, 99, 8, MAKER)]
    assert [row["qty_lots"] for row in rows_of(result, JournalEvent.REFRESHED)] == [1]


def test_an_iceberg_takes_with_all_of_itself_on_arrival():
    result = run(BOOK, lambda ctx: ctx.submit(0, 1, 14, 101, peak_lots=3))
    assert fills(result) == [(1, 101, 10, TAKER)]


@pytest.mark.parametrize("peak", [-1, 8])
def test_an_iceberg_shows_between_one_lot_and_all(peak: int):
    result = run(BOOK, lambda ctx: ctx.submit(0, 1, 7, 99, peak_lots=peak))
    assert events_of(result) == ["SUBMITTED", "REJECTED BAD_DISPLAY"]


def test_an_order_is_hidden_or_an_iceberg():
    with pytest.raises(StrategyError, match="hidden or shows a peak"):
        run(BOOK, lambda ctx: ctx.submit(0, 1, 7, 99, hidden=True, peak_lots=2))


# What the journal says.


def test_the_journal_names_the_types():
    def one_of_each(ctx):
        ctx.submit(0, 1, 4, 90)
        ctx.stop(0, 1, 4, 200)
        ctx.stop(0, 1, 4, 200, limit_ticks=201)
        ctx.submit(0, 1, 4, 90, hidden=True)
        ctx.peg_mid(0, 1, 4)
        ctx.submit(0, 1, 4, 90, peak_lots=1)

    types = [row["order_type"] for row in rows_of(run(BOOK, one_of_each), JournalEvent.ACCEPTED)]
    wanted = ["LIMIT", "STOP", "STOP_LIMIT", "HIDDEN", "MIDPOINT", "ICEBERG"]
    assert types == [OrderType[name] for name in wanted]


def test_special_orders_end_a_gap_like_any_other():
    snapshot = int(EventFlag.SNAPSHOT)
    tape = [
        *BOOK,
        at(14, EventKind.GAP, 0, 0, 0),
        trade(15, -1, 98, 4),
        depth(16, 1, 97, 4, snapshot | 1),
    ]
    result = run(tape, lambda ctx: ctx.submit(0, 1, 7, 99, hidden=True))
    assert events_of(result)[-2:] == ["FILL_EXCLUDED BOOK_INVALID", "CANCELLED BOOK_INVALID"]
