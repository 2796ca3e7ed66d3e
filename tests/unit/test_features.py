"""Streaming features against definitions written out slowly, and online against offline."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from framework._jit import array_at, kernel
from framework.core.errors import SpecError
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind, I64Array
from framework.engine import run_backtest
from framework.features import (
    COLUMNS,
    BookFeatures,
    Clock,
    Deviation,
    Ema,
    FeatureSettings,
    OrderFlowImbalance,
    RecoverySpeed,
    TimeEma,
    Vwma,
    When,
    feature_batches,
    feature_frame,
    gap_ticks,
    imbalance,
    sweep_bps,
)
from framework.features.order_flow import ofi_update
from framework.replay import open_streams
from framework.strategy import Context, OnBest, Strategy
from framework.synthetic import write_demo_market
from framework.synthetic.planted import generate_planted

SETTINGS = FeatureSettings(levels=5, depth=10, sweep_lots=60)


@pytest.fixture(scope="module")
def stream() -> pa.Table:
    return generate_planted(0.5, 12).gold["ash:PLT"]


def test_an_average_over_events_is_the_textbook_one() -> None:
    values = np.random.default_rng(1).normal(100.0, 3.0, 500)
    expected = pl.Series(values).ewm_mean(span=20, adjust=False).to_numpy()
    np.testing.assert_allclose(Ema(span=20).over(values), expected, rtol=1e-12)


def _integral(ts_ns: I64Array, values: np.ndarray, at: int, tau_ns: float, power: int) -> float:
    """Exponentially weighted mean of the signal's power, piece by piece, at one of its instants."""
    total = 0.0
    for i in range(at):
        older = math.exp(-(ts_ns[at] - ts_ns[i]) / tau_ns)
        newer = math.exp(-(ts_ns[at] - ts_ns[i + 1]) / tau_ns)
        total += (newer - older) * values[i] ** power
    # Before the first value the signal stood at it.
    return float(total + math.exp(-(ts_ns[at] - ts_ns[0]) / tau_ns) * values[0] ** power)


def test_averages_over_time_are_the_integrals_they_stand_for() -> None:
    rng = np.random.default_rng(2)
    ts_ns = np.cumsum(rng.integers(0, 80_000_000, 60)).astype(np.int64)
    values = rng.normal(0.0, 2.0, ts_ns.size)
    means = TimeEma(tau_ns=1e8).over(ts_ns, values)
    deviations = Deviation().over(ts_ns, values)
    for at in range(ts_ns.size):
        mean = _integral(ts_ns, values, at, 1e8, 1)
        square = _integral(ts_ns, values, at, 1e8, 2)
        assert means[at] == pytest.approx(mean, abs=1e-9)
        assert deviations[at] == pytest.approx(math.sqrt(max(square - mean**2, 0)), abs=1e-6)


def test_a_moving_average_forgets_what_leaves_its_window() -> None:
    rng = np.random.default_rng(3)
    px_ticks, lots = rng.integers(90, 110, 200), rng.integers(1, 50, 200)
    found = Vwma(n_trades=7).over(px_ticks, lots)
    for at in range(px_ticks.size):
        window = slice(max(0, at - 6), at + 1)
        expected = (px_ticks[window] * lots[window]).sum() / lots[window].sum()
        assert found[at] == expected


def test_order_flow_adds_up_to_the_change_of_a_standing_quote() -> None:
    """While no price moves, the flow is the change of bid less ask size (Cont et al., eq. 3)."""
    rng = np.random.default_rng(4)
    bid_lots, ask_lots = rng.integers(1, 100, 50), rng.integers(1, 100, 50)
    prices = np.full(50, 100)
    flow = OrderFlowImbalance()
    flow.over(prices, bid_lots, prices + 1, ask_lots)
    assert flow.total == (bid_lots[-1] - bid_lots[0]) - (ask_lots[-1] - ask_lots[0])


def test_a_side_that_empties_takes_its_size_along() -> None:
    flow = OrderFlowImbalance()
    flow.update(100, 10, 101, 20)
    assert flow.update(0, 0, 101, 20) == -10
    assert flow.update(99, 7, 101, 20) == 7
    assert flow.update(99, 7, 0, 0) == 20


def test_depth_features_of_thin_books() -> None:
    none = np.zeros(3, np.int64)
    some = np.array([100, 98, 0])
    assert math.isnan(imbalance(none, none, 3))
    assert gap_ticks(some, np.array([5, 5, 0]), 3) == 1
    assert sweep_bps(some, np.array([5, 5, 0]), 101.0, 11) == math.inf
    assert sweep_bps(some, np.array([5, 5, 0]), 101.0, 0) == math.inf
    assert sweep_bps(some, np.array([5, 5, 0]), 100.0, 10) == pytest.approx(100.0)


def test_recovery_is_measured_from_the_lowest_point() -> None:
    second = 1_000_000_000
    recovery = RecoverySpeed(tau_ns=second, low=0.5, high=0.9)
    for at, lots in ((0, 100), (100, 100), (100, 40), (101, 20), (105, 100)):
        speed = recovery.update(at * second, lots)
    assert recovery.times == 1
    assert speed == pytest.approx(0.8 / 4)
    # Not low enough to count as want.
    assert recovery.update(106 * second, 60) == speed
    assert recovery.times == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: TimeEma(tau_ns=0),
        lambda: Vwma(n_trades=0),
        lambda: RecoverySpeed(low=0.9, high=0.5),
        lambda: FeatureSettings(levels=5, depth=3),
    ],
)
def test_impossible_settings_are_refused(wrong: object) -> None:
    with pytest.raises(SpecError):
        wrong()  # type: ignore[operator]


@kernel
def _through_an_address(address: int, n_words: int, lots: int) -> int:
    state = array_at(address, n_words, np.int64)
    return ofi_update(state, 100, lots, 101, 10)


def test_a_kernel_reaches_a_feature_through_its_address() -> None:
    flow = OrderFlowImbalance()
    flow.update(100, 10, 101, 10)
    assert _through_an_address(flow.state.ctypes.data, flow.state.size, 25) == 15
    assert flow.total == 15


def test_how_a_stream_is_cut_changes_no_bit(stream: pa.Table) -> None:
    whole = feature_frame(stream, SETTINGS)
    assert whole.height > 5_000
    for step in (1_000, 7_777):
        pieces = [stream.slice(at, step) for at in range(0, stream.num_rows, step)]
        assert pl.concat(feature_batches(pieces, SETTINGS)).equals(whole)


def test_a_frame_is_what_the_features_say_one_by_one(stream: pa.Table) -> None:
    """The replay feeds `BookFeatures`; here the book is a dictionary and the feeding by hand."""
    rows = pl.DataFrame(pl.from_arrow(stream)).head(6_000)
    last = rows["seq"][-1]
    rows = rows.filter(pl.col("seq") < last)
    features = BookFeatures(SETTINGS)
    book: dict[int, dict[int, int]] = {1: {}, -1: {}}
    by_hand = []
    columns = ("ts_recv_ns", "kind", "side", "flags", "px_ticks", "qty_lots")
    for ts_ns, kind, side, flags, px_ticks, lots in rows.select(columns).iter_rows():
        if kind == EventKind.ORDER_EXECUTE:
            features.on_trade(px_ticks, lots)
        if kind == EventKind.ORDER_ADD:
            book[side][px_ticks] = book[side].get(px_ticks, 0) + lots
        elif kind in (
            EventKind.ORDER_EXECUTE,
            EventKind.ORDER_REDUCE,
            EventKind.ORDER_DELETE,
        ):
            book[side][px_ticks] -= lots
            if not book[side][px_ticks]:
                del book[side][px_ticks]
        if flags & EventFlag.LAST:
            _fill(features, book)
            assert features.on_book(ts_ns)
            by_hand.append((ts_ns, *features.row))
    frame = feature_frame(rows.to_arrow().cast(GOLD_SCHEMA), SETTINGS)
    assert frame.height == len(by_hand)
    np.testing.assert_array_equal(frame.to_numpy(), np.array(by_hand, np.float64))


def _fill(features: BookFeatures, book: dict[int, dict[int, int]]) -> None:
    for side, px, qty in (
        (1, features.bid_ticks, features.bid_lots),
        (-1, features.ask_ticks, features.ask_lots),
    ):
        px[:], qty[:] = 0, 0
        best = sorted(book[side], key=lambda price: -side * price)[: px.size]
        px[: len(best)] = best
        qty[: len(best)] = [book[side][price] for price in best]


class Watching(Strategy):
    """Compute the features of the first book at each change of its best price."""

    wakes = (OnBest(),)

    def on_start(self, ctx: Context) -> None:
        self.features = BookFeatures(SETTINGS)
        self.rows: list[tuple[int, list[float]]] = []
        _seen.append(self)

    def on_best(self, ctx: Context, book: int) -> None:
        if book != 0 or not ctx.has_quote(book):
            return
        features = self.features
        for side, px, qty in (
            (1, features.bid_ticks, features.bid_lots),
            (-1, features.ask_ticks, features.ask_lots),
        ):
            px[:], qty[:] = 0, 0
            for n in range(px.size):
                px_ticks = ctx.level_ticks(book, side, n)
                lots = ctx.level_lots(book, side, px_ticks)
                if lots <= 0:
                    break
                px[n], qty[n] = px_ticks, lots
        features.on_book(ctx.now_ns)
        self.rows.append((ctx.now_ns, features.row.tolist()))


_seen: list[Watching] = []


def test_a_strategy_sees_the_very_bits_that_a_study_computes(tmp_path: Path) -> None:
    write_demo_market(tmp_path / "lake", rows=30_000, seed=5)
    streams = open_streams(tmp_path / "lake", "demo")
    run_backtest(Watching(), streams)
    online = _seen[-1].rows
    offline = feature_frame(streams[0], SETTINGS, clock=Clock.RECEIVED, when=When.BEST)
    assert len(online) > 500
    times = [ts_ns for ts_ns, _ in online]
    assert offline["ts_ns"].to_list() == times
    found = np.array([row for _, row in online])
    names = [name for name in COLUMNS if name not in ("vwap_ticks", "vwma_ticks")]
    for name in names:
        np.testing.assert_array_equal(
            found[:, COLUMNS.index(name)], offline[name].to_numpy(), err_msg=name
        )


def test_nothing_is_told_while_the_book_is_invalid_or_one_sided() -> None:
    def table(rows: list[tuple[int, int, int, int, int, int]]) -> pa.Table:
        names = ("ts_recv_ns", "kind", "side", "flags", "px_ticks", "qty_lots")
        columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        rest = {"venue": "v", "symbol": "s", "seq": 0, "order_id": 0}
        n = len(rows)
        return (
            pa.table(
                columns
                | {name: [value] * n for name, value in rest.items()}
                | {"ts_exch_ns": columns["ts_recv_ns"]},
            )
            .select(GOLD_SCHEMA.names)
            .cast(GOLD_SCHEMA)
        )

    depth, last = int(EventKind.DEPTH), int(EventFlag.LAST)
    rows = [
        (1, depth, 1, last, 100, 5),
        (2, depth, -1, last, 101, 5),
        (3, int(EventKind.GAP), 0, last, 0, 0),
        (4, depth, -1, last, 102, 5),
    ]
    frame = feature_frame(table(rows))
    assert frame["ts_ns"].to_list() == [2]
    assert frame["spread_pct"][0] == pytest.approx(100 / 100.5)


def test_the_page_names_every_column_and_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "features.md").read_text("utf-8")
    section = page.partition("gives a column for each:")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", section) == list(COLUMNS)
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code[1], names)
    assert isinstance(names["table"], pl.DataFrame)
    assert names["table"].columns == ["ts_ns", *COLUMNS]
