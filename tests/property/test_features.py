"""However a feature is fed, row by row, in batches or both, it says the same to the last bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.features import (
    Deviation,
    Ema,
    Feature,
    OrderFlowImbalance,
    RecoverySpeed,
    TimeEma,
    Vwap,
    Vwma,
    gap_ticks,
    imbalance,
    microprice_ticks,
    microprice_ticks_over,
    spread_pct,
    spread_pct_over,
    sweep_bps,
)

N_ROWS = st.integers(1, 60)

MAKERS: dict[str, tuple[Callable[[], Feature], str]] = {
    "ema": (lambda: Ema(span=5), "value"),
    "time_ema": (lambda: TimeEma(tau_ns=1e6), "time value"),
    "deviation": (lambda: Deviation(tau_ns=1e6), "time value"),
    "vwap": (Vwap, "ticks lots"),
    "vwma": (lambda: Vwma(n_trades=4), "ticks lots"),
    "order_flow": (OrderFlowImbalance, "ticks lots ask lots2"),
    "recovery": (lambda: RecoverySpeed(tau_ns=1e7), "time lots"),
}


def draw_columns(data: st.DataObject, names: str) -> list[np.ndarray]:
    n = data.draw(N_ROWS)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    made = {
        "value": lambda: rng.normal(0.0, data.draw(st.sampled_from([1e-6, 1.0, 1e9])), n),
        "time": lambda: np.cumsum(rng.integers(0, 3_000_000, n)) + 1_700_000_000_000_000_000,
        "ticks": lambda: rng.integers(95, 105, n),
        "ask": lambda: rng.integers(105, 110, n),
        "lots": lambda: rng.integers(1, 1_000, n),
        "lots2": lambda: rng.integers(0, 1_000, n),
    }
    return [made[name]() for name in names.split()]


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=40)
@given(data=st.data())
def test_streaming_batch_and_pieces_agree(name: str, data: st.DataObject) -> None:
    make, names = MAKERS[name]
    columns = draw_columns(data, names)
    n = columns[0].size
    streaming, batch, pieces = make(), make(), make()
    one_by_one = np.array([streaming.update(*(c[i].item() for c in columns)) for i in range(n)])  # type: ignore[attr-defined]
    at_once = batch.over(*columns)  # type: ignore[attr-defined]
    cut = data.draw(st.integers(0, n))
    parts = [pieces.over(*(c[:cut] for c in columns)), pieces.over(*(c[cut:] for c in columns))]  # type: ignore[attr-defined]
    assert np.array_equal(one_by_one, at_once, equal_nan=True)
    assert np.array_equal(np.concatenate(parts), at_once, equal_nan=True)
    assert np.array_equal(streaming.state, batch.state)
    assert np.array_equal(pieces.state, batch.state)


@settings(max_examples=40)
@given(data=st.data())
def test_quote_features_agree_row_by_row(data: st.DataObject) -> None:
    bid, bid_lots, ask, ask_lots = draw_columns(data, "ticks lots ask lots2")
    rows = range(bid.size)
    spreads = [spread_pct(bid[i].item(), ask[i].item()) for i in rows]
    assert np.array_equal(spread_pct_over(bid, ask), np.array(spreads))
    micro = [
        microprice_ticks(bid[i].item(), bid_lots[i].item(), ask[i].item(), ask_lots[i].item())
        for i in rows
    ]
    over = microprice_ticks_over(bid, bid_lots, ask, ask_lots)
    assert np.array_equal(over, np.array(micro))
    assert ((bid <= over) & (over <= ask)).all()


@settings(max_examples=40)
@given(data=st.data())
def test_averages_stay_within_what_they_average(data: st.DataObject) -> None:
    ts_ns, values = draw_columns(data, "time value")
    slack = 1e-9 * float(np.abs(values).max())
    means = TimeEma(tau_ns=1e6).over(ts_ns, values)
    assert (means >= values.min() - slack).all()
    assert (means <= values.max() + slack).all()
    deviations = Deviation(tau_ns=1e6).over(ts_ns, values)
    assert (deviations <= (values.max() - values.min()) / 2 + slack).all()


@settings(max_examples=60)
@given(data=st.data())
def test_depth_features_are_what_they_say(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 8))
    gaps = data.draw(st.lists(st.integers(1, 6), min_size=n, max_size=n))
    px_ticks = 1_000 + np.cumsum(gaps)
    lots = np.array(data.draw(st.lists(st.integers(1, 50), min_size=n, max_size=n)))
    others = np.array(data.draw(st.lists(st.integers(1, 50), min_size=n, max_size=n)))
    levels = data.draw(st.integers(1, n))
    bids, asks = int(lots[:levels].sum()), int(others[:levels].sum())
    assert imbalance(lots, others, levels) == (bids - asks) / (bids + asks)
    empty = [b - a - 1 for a, b in itertools.pairwise(px_ticks[:levels])]
    assert gap_ticks(px_ticks, lots, levels) == max(empty, default=0)
    wanted = data.draw(st.integers(1, 400))
    each = np.repeat(px_ticks, lots)[:wanted]  # a price for every lot
    cost = sweep_bps(px_ticks, lots, 1_000.0, wanted)
    if each.size < wanted:
        assert cost == np.inf
    else:
        assert cost == pytest.approx((each.mean() - 1_000) / 1_000 * 1e4)
