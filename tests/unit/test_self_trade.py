"""Self-trade prevention and the table of order states, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from framework.core.errors import SpecError
from framework.core.orders import JournalEvent, TimeInForce
from framework.engine.config import BacktestConfig
from framework.venue.memory import World
from framework.venue.order_states import TRANSITIONS, OrderStep, move
from framework.venue.records import STREAM_DTYPE, Status, VenueState
from framework.venue.world import W
from tests.support.by_hand import MAKER, TAKER, depth, events_of, fills, rows_of, run, trade

BOOK = [depth(0, 1, 99, 10), depth(0, -1, 101, 10), depth(0, -1, 102, 10)]
SENT = ["SUBMITTED", "ACCEPTED"]


def _sell_then_buy(rule: str, lots: int = 20):
    """Six rest at 101 behind ten of the data; the buy meets the ten before it meets the six."""
    return run(
        BOOK,
        lambda ctx: ctx.sell(0, 6, 101),
        lambda ctx: ctx.buy(0, lots, 102),
        self_trade=rule,
    )


def test_cancel_newest_ends_the_order_that_arrives():
    result = _sell_then_buy("cancel_newest")
    assert fills(result) == [(2, 101, 10, TAKER)]
    assert events_of(result, 2) == [*SENT, "FILLED", "CANCELLED SELF_TRADE"]
    assert events_of(result, 1) == SENT


def test_cancel_oldest_lets_the_order_that_arrives_go_on():
    result = _sell_then_buy("cancel_oldest")
    assert fills(result) == [(2, 101, 10, TAKER), (2, 102, 10, TAKER)]
    assert events_of(result, 1) == [*SENT, "CANCELLED SELF_TRADE"]


def test_cancel_both():
    result = _sell_then_buy("cancel_both")
    assert fills(result) == [(2, 101, 10, TAKER)]
    assert events_of(result, 1)[-1] == events_of(result, 2)[-1] == "CANCELLED SELF_TRADE"


def test_decrement_takes_the_smaller_quantity_off_both():
    result = _sell_then_buy("decrement")
    assert fills(result) == [(2, 101, 10, TAKER), (2, 102, 4, TAKER)]
    taken = rows_of(result, JournalEvent.DECREMENTED)
    assert [(r["order_id"], r["qty_lots"], r["leaves_lots"]) for r in taken] == [
        (1, 6, 0),
        (2, 6, 4),
    ]
    assert events_of(result, 1) == [*SENT, "DECREMENTED SELF_TRADE", "CANCELLED SELF_TRADE"]


def test_decrement_leaves_the_larger_resting_order_its_place():
    tape = [*BOOK, trade(25, 1, 101, 13)]
    steps = (lambda ctx: ctx.sell(0, 6, 101), lambda ctx: ctx.buy(0, 12, 101))
    result = run(tape, *steps, self_trade="decrement")
    # the buy takes the ten before ours and loses two to it; ours keeps four, and its queue estimate
    assert fills(result) == [(2, 101, 10, TAKER), (1, 101, 3, MAKER)]


def test_allow_lets_our_orders_stand_crossed():
    result = _sell_then_buy("allow")
    assert fills(result) == [(2, 101, 10, TAKER), (2, 102, 10, TAKER)]


def test_an_order_inside_the_spread_meets_our_own_before_the_market():
    result = run(BOOK, lambda ctx: ctx.sell(0, 6, 100), lambda ctx: ctx.market(0, 1, 3))
    assert fills(result) == []
    assert events_of(result, 2) == [*SENT, "CANCELLED SELF_TRADE"]


def test_a_post_only_order_that_meets_our_own_is_refused():
    def post(ctx):
        ctx.buy(0, 1, 100, post_only=True)

    result = run(BOOK, lambda ctx: ctx.sell(0, 6, 100), post)
    assert events_of(result, 2) == ["SUBMITTED", "REJECTED WOULD_TAKE"]


@pytest.mark.parametrize(("lots", "filled"), [(10, 10), (11, 0)])
def test_fill_or_kill_counts_only_what_stands_before_our_own(lots: int, filled: int):
    result = run(
        BOOK,
        lambda ctx: ctx.sell(0, 6, 101),
        lambda ctx: ctx.submit(0, 1, lots, 102, TimeInForce.FOK),
    )
    assert sum(fill[2] for fill in fills(result)) == filled
    assert events_of(result, 1) == SENT


def test_a_replace_and_a_stop_are_arrivals_too():
    result = run(
        [*BOOK, trade(35, 0, 103, 1)],
        lambda ctx: (ctx.sell(0, 6, 100), ctx.buy(0, 3, 98)),
        lambda ctx: ctx.replace(2, 100, 3),
        lambda ctx: ctx.stop(0, 1, 3, 103),
    )
    assert events_of(result, 2)[-2:] == ["REPLACED", "CANCELLED SELF_TRADE"]
    assert events_of(result, 3)[-2:] == ["TRIGGERED", "CANCELLED SELF_TRADE"]


def test_two_midpoint_orders_of_one_trial_do_not_meet():
    result = run(
        [depth(0, 1, 99, 9), depth(0, -1, 102, 9), depth(25, -1, 101, 9)],
        lambda ctx: (ctx.peg_mid(0, 1, 5), ctx.peg_mid(0, -1, 5)),
    )
    # at 100.5 they stand apart; at 100 the sell comes down to the buy
    assert events_of(result, 1) == SENT
    assert events_of(result, 2) == [*SENT, "REPRICED", "CANCELLED SELF_TRADE"]


def test_an_unknown_rule_is_refused():
    with pytest.raises(SpecError, match="self_trade must be one of allow, cancel_newest"):
        BacktestConfig(self_trade="none")


@pytest.mark.parametrize("state", VenueState)
@pytest.mark.parametrize("step", OrderStep)
def test_an_order_moves_only_as_the_table_allows(state: VenueState, step: OrderStep):
    world = World(np.zeros(1, STREAM_DTYPE), 1, slots=2)
    world.orders[1]["venue_state"] = state
    following = TRANSITIONS[state].get(step)
    assert move(world.root, 0, 1, int(step)) == (following is not None)
    assert world.orders[1]["venue_state"] == (state if following is None else following)
    assert world.root[W.STATUS] == (Status.ILLEGAL_STEP if following is None else Status.DONE)


def test_every_state_can_be_reached_and_left():
    reached = {after for ways in TRANSITIONS.values() for after in ways.values()}
    assert reached == set(VenueState) - {VenueState.FREE}
    assert all(TRANSITIONS[state] for state in VenueState)
