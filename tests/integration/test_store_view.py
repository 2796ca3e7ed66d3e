"""Strategies that read the market through the state store, on generated markets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest

from framework.core.clock import NS_PER_MS
from framework.core.errors import SpecError, StrategyError
from framework.core.events import NO_PRICE
from framework.core.links import LatencyKind, LatencyModel
from framework.core.orders import JournalEvent, Reason
from framework.engine import BacktestConfig, Result, run_backtest, run_trials
from framework.engine.run import StrategyFailedError
from framework.replay import GoldStream, hold_market, open_streams
from framework.risk import RiskLimits
from framework.state import Lag, StoreLink
from framework.strategy import Context, OnBest, OnIceberg, OnTimer, OnWall, Strategy, param
from framework.synthetic import write_demo_market
from framework.synthetic.planted import (
    EpisodeRates,
    Level,
    PlantedMarket,
    PlantedModel,
    write_planted_market,
)
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.midpoint_quoting import MidpointQuoting

_DRAWN = LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.5)
_LINKS = {
    "none": StoreLink(),
    "constant": StoreLink(write=Lag(ns=5_000_000), notify=Lag(ns=1_000_000), read=Lag(ns=700_000)),
    "drawn": StoreLink(
        write=Lag(ns=3_000_000, model=_DRAWN),
        notify=Lag(ns=1_000_000, model=_DRAWN),
        read=Lag(ns=2_000_000, model=_DRAWN),
    ),
    "from data": StoreLink(
        write=Lag(model=LatencyModel(kind=LatencyKind.FROM_DATA, factor=2.0)),
        read=Lag(model=LatencyModel(kind=LatencyKind.FROM_DATA, factor=0.5)),
    ),
}

_ARBITRAGE = CrossedArbitrage(min_edge_bps=0.1, max_position=50, min_age_ns=0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Sequence[GoldStream]:
    folder = tmp_path_factory.mktemp("demo")
    write_demo_market(folder, rows=30_000, seed=11)
    return open_streams(folder, "demo")


class ReadsAll(Strategy):
    """Quotes by everything that only the store can tell."""

    view = "store"
    every_ns: int = param(20_000_000, low=1)
    wakes = (OnTimer("every_ns"), OnWall(40), OnIceberg(1))
    seen: int = 0

    def on_timer(self, ctx: Context) -> None:
        """Send orders whose price depends on every read."""
        ctx.cancel_all()
        for book in range(ctx.n_books):
            before = ctx.quote_ticks_at(book, 1, ctx.now_ns - 50_000_000)
            true_then = ctx.quote_ticks_at(book, -1, ctx.now_ns - 50_000_000, True)
            bucket = ctx.bucket_ticks(book, 1, 2, 1)
            if before == NO_PRICE or true_then == NO_PRICE or bucket == NO_PRICE:
                continue
            self.seen += ctx.bucket_lots(book, -1, 3) + ctx.quote_lots_at(book, 1, ctx.now_ns)
            age_ns = ctx.now_ns - ctx.quote_recorded_ns(book) + ctx.bucket_ns(book, 2)
            lots = 1 + (self.seen + age_ns) % 7
            ctx.buy(book, lots, min(before, bucket), post_only=True)
            ctx.sell(book, 1, true_then + ctx.depth_lots(book, -1, true_then + 2) % 3)

    def on_wall(self, ctx: Context, book: int, side: int, px_ticks: int) -> None:
        """Lean on the wall."""
        ctx.submit(book, side, 1, px_ticks + side)

    def on_iceberg(self, ctx: Context, book: int, side: int, px_ticks: int) -> None:
        """Trade with it."""
        ctx.take(book, -side, 1, px_ticks)


def _run(strategy: Strategy, streams: Sequence[GoldStream], **config: object) -> Result:
    return run_backtest(strategy, streams, BacktestConfig(seed=3, **config))  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", [_ARBITRAGE, MidpointQuoting()])
def test_without_lags_shipped_strategies_leave_the_same_journal(
    strategy: Strategy, demo: Sequence[GoldStream]
) -> None:
    direct = _run(strategy, demo, compiled=True)
    stored = _run(strategy, demo, compiled=True, view="store", store_bucket_ns=0)
    assert direct.counters["fills"] > 10
    assert stored.journal_hash == direct.journal_hash


@pytest.mark.parametrize("link", _LINKS.values(), ids=_LINKS)
@pytest.mark.parametrize("strategy", [_ARBITRAGE, MidpointQuoting(), ReadsAll()])
def test_compiled_equals_interpreted(
    strategy: Strategy, link: StoreLink, demo: Sequence[GoldStream]
) -> None:
    plain = _run(strategy, demo, view="store", store=link)
    compiled = _run(strategy, demo, view="store", store=link, compiled=True)
    assert plain.counters["orders"] > 10
    assert compiled.journal_hash == plain.journal_hash


def test_a_trial_does_the_same_alone_and_in_company(demo: Sequence[GoldStream]) -> None:
    trials = [
        _ARBITRAGE,
        ReadsAll(),
        ReadsAll(every_ns=70_000_000),
        MidpointQuoting(),
    ]
    config = BacktestConfig(store=_LINKS["drawn"], seed=3)
    alone = [run_backtest(trial, demo, config).journal_hash for trial in trials]
    together = run_trials(trials, hold_market(demo), config)
    assert [result.journal_hash for result in together] == alone
    spread = run_trials(trials, demo, replace(config, compiled=True, threads=2))
    assert [result.journal_hash for result in spread] == alone


def test_lags_open_a_gap_between_what_is_seen_and_what_is_true(
    demo: Sequence[GoldStream],
) -> None:
    ages, gaps = [], []
    for lag_ms in (0, 5, 50):
        link = StoreLink(write=Lag(ns=lag_ms * NS_PER_MS))
        result = _run(MidpointQuoting(), demo, view="store", store=link)
        rows = pl.DataFrame(pl.from_arrow(result.journal))
        sent = rows.filter(event=JournalEvent.SUBMITTED, order_type=1)
        told = rows.filter(~pl.col("event").is_in([1, 6, 9]))
        assert (told["seen_age_ns"] == -1).all()
        assert (told["mid_gap_half_ticks"] == NO_PRICE).all()
        ages.append(sent["seen_age_ns"].min())
        gaps.append(sent["mid_gap_half_ticks"].abs().mean())
    assert 0 < ages[0] < 5 * NS_PER_MS < ages[1] < 50 * NS_PER_MS < ages[2]
    assert gaps[0] < gaps[1] < gaps[2]


class Watcher(Strategy):
    """Writes down what the change stream tells."""

    view = "store"
    wakes = (OnWall(800), OnIceberg(2), OnBest())
    rows: ClassVar[list[tuple[object, ...]]] = []

    def _note(self, ctx: Context, kind: str, book: int, side: int = 0, px_ticks: int = 0) -> None:
        best = ctx.bid_ticks(book) if side > 0 else ctx.ask_ticks(book)
        self.rows.append((kind, ctx.now_ns, book, side, px_ticks, best))

    def on_best(self, ctx: Context, book: int) -> None:
        """Note that the top of a book has moved."""
        self._note(ctx, "best", book)

    def on_wall(self, ctx: Context, book: int, side: int, px_ticks: int) -> None:
        """Note a wall."""
        self._note(ctx, "wall", book, side, px_ticks)

    def on_iceberg(self, ctx: Context, book: int, side: int, px_ticks: int) -> None:
        """Note an iceberg."""
        self._note(ctx, "iceberg", book, side, px_ticks)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market of large orders behind the touch, which leave before they are met, and icebergs."""
    rates = dict.fromkeys((field.name for field in fields(EpisodeRates)), 0.0)
    rates |= {"spoof": 20.0, "iceberg": 12.0}
    model = PlantedModel(episodes=EpisodeRates(**rates))
    folder = tmp_path_factory.mktemp("planted")
    market = PlantedMarket(minutes=1.5, seed=3, model=model)
    write_planted_market(folder, market, levels=(Level.DEPTH,))
    return folder


def test_walls_and_icebergs_wake_before_the_top_reaches_them(planted: Path) -> None:
    streams = open_streams(planted, "planted_depth")
    Watcher.rows.clear()
    lag_ns = 3 * NS_PER_MS
    _run(Watcher(), streams, store=StoreLink(write=Lag(ns=lag_ns // 2), notify=Lag(ns=lag_ns // 2)))
    names = ["kind", "ts_ns", "book", "side", "px_ticks", "best_ticks"]
    told = pl.DataFrame(Watcher.rows, schema=names, orient="row")
    venues = [stream.instrument.venue for stream in streams]
    episodes = pl.read_delta(str(planted / "reference" / "planted_episodes")).filter("is_live")
    walls = episodes.filter(kind="spoof")
    assert walls.height > 15
    for wall in walls.iter_rows(named=True):
        found = _during(told, "wall", venues.index(wall["venue"]), wall).row(0, named=True)
        # A document a hundred milliseconds, the feed and the lags; the order leaves only once the
        # top of the book has come near, so the strategy knew of it while the top was away.
        assert found["ts_ns"] - wall["start_ns"] < 100 * NS_PER_MS + lag_ns + 10 * NS_PER_MS
        assert wall["side"] * (found["best_ticks"] - found["px_ticks"]) >= 1
    hidden = episodes.filter(kind="iceberg")
    icebergs = told.filter(kind="iceberg")
    assert icebergs.height > 0
    for iceberg in icebergs.iter_rows(named=True):
        assert iceberg["px_ticks"] == iceberg["best_ticks"]  # it stands, the top has not moved
    planted_ones = [
        _during(icebergs, "iceberg", venues.index(one["venue"]), one).height
        for one in hidden.iter_rows(named=True)
    ]
    assert sum(planted_ones) >= 0.9 * icebergs.height


def _during(told: pl.DataFrame, kind: str, book: int, episode: dict[str, object]) -> pl.DataFrame:
    ends_ns = episode["actual_end_ns"] or 2**62
    return told.filter(
        (pl.col("kind") == kind)
        & (pl.col("book") == book)
        & (pl.col("side") == episode["side"])
        & pl.col("ts_ns").is_between(pl.lit(episode["start_ns"]), pl.lit(ends_ns))
    )


def test_what_only_the_store_tells_is_refused_without_it(demo: Sequence[GoldStream]) -> None:
    with pytest.raises(StrategyError, match="asks for OnWall, of which the state store tells"):
        _run(ReadsAll(), demo, view="direct")

    class Asks(Strategy):
        wakes = (OnTimer("1s"),)

        def on_timer(self, ctx: Context) -> None:
            ctx.quote_recorded_ns(0)

    with pytest.raises(StrategyFailedError, match="read of the state store only") as refused:
        _run(Asks(), demo)
    assert "view: store" in str(refused.value.remedy)


def test_depth_that_nobody_announced_is_refused(demo: Sequence[GoldStream]) -> None:
    class Hides(Strategy):
        wakes = (OnTimer("1s"),)

        def on_timer(self, ctx: Context) -> None:
            getattr(ctx, "level" + "_ticks")(0, 1, 0)

    with pytest.raises(StrategyFailedError, match="depth documents"):
        _run(Hides(), demo, view="store")


def test_a_view_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SpecError, match="view must be one of direct, store, got 'stor'"):
        BacktestConfig(view="stor")
    with pytest.raises(StrategyError, match="view must be one of direct, store"):
        type("Odd", (Strategy,), {"view": "mongo"})
    with pytest.raises(SpecError, match="must not be negative"):
        BacktestConfig(store_bucket_ns=-1)


def test_the_heartbeat_limit_asks_the_store(demo: Sequence[GoldStream]) -> None:
    limits = RiskLimits(stale_after_ns=200 * NS_PER_MS)
    direct = _run(MidpointQuoting(), demo, risk=limits)
    stored = _run(MidpointQuoting(), demo, risk=limits, view="store")
    assert stored.journal_hash == direct.journal_hash
    # A store so far behind never shows a tick that is young enough: nothing may stand.
    behind = StoreLink(write=Lag(ns=300 * NS_PER_MS))
    late = _run(MidpointQuoting(), demo, risk=limits, view="store", store=behind)
    refused = pl.DataFrame(pl.from_arrow(late.journal)).filter(event=JournalEvent.REJECTED)
    assert refused.height > 10
    assert (refused["reason"] == Reason.RISK_STALE).all()
    assert late.counters["fills"] == 0
