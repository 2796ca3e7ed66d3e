"""A strategy woken by the market sees the same however the market is cut into chunks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from framework.core.clock import NS_PER_MS
from framework.engine import BacktestConfig, run_backtest
from framework.replay import GoldStream, open_streams
from framework.strategy import Context, OnBest, OnCross, OnTrade, Strategy
from framework.synthetic import write_demo_market


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=40_000, seed=11)
    near, far = open_streams(folder, "demo")
    # Rows of the near venue reach us in a chunk that ends before rows of the far one have.
    return [near, replace(far, feed_ns=20 * NS_PER_MS)]


class _Watcher(Strategy):
    """Write down each wake-up with all that was seen then."""

    seen: list[tuple[int, ...]]

    def on_start(self, ctx: Context) -> None:
        type(self).seen = []

    def _look(self, ctx: Context, *told: int) -> None:
        tops = [
            quote(book)
            for book in range(ctx.n_books)
            for quote in (ctx.bid_ticks, ctx.ask_ticks, ctx.bid_lots, ctx.ask_lots)
        ]
        self.seen.append((ctx.now_ns, *told, *tops))


class _Best(_Watcher):
    wakes = (OnBest(),)

    def on_best(self, ctx: Context, book: int) -> None:
        self._look(ctx, book)


class _Trades(_Watcher):
    wakes = (OnTrade(),)

    def on_trade(self, ctx: Context, book: int) -> None:
        self._look(ctx, book, ctx.trade_px_ticks(book), ctx.trade_lots(book))


class _Crosses(_Watcher):
    wakes = (OnCross(),)

    def on_cross(self, ctx: Context, buy: int, sell: int) -> None:
        self._look(ctx, buy, sell)


@pytest.mark.parametrize("watcher", [_Best, _Trades, _Crosses])
def test_chunks_cannot_be_seen(streams: list[GoldStream], watcher: type[_Watcher]) -> None:
    run_backtest(watcher(), streams)
    whole = watcher.seen
    assert len(whole) > 20
    for chunk_rows in (64, 97, 256, 1_000):
        run_backtest(watcher(), streams, BacktestConfig(chunk_rows=chunk_rows))
        assert watcher.seen == whole, f"chunks of {chunk_rows} rows"
