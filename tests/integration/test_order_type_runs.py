"""Every order type at work on a whole market: compiled, batched and chunked runs are one run."""

from __future__ import annotations

import pytest

from framework.core.orders import JournalEvent, OrderType, TimeInForce
from framework.engine.backtest import run_backtest, run_trials
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from framework.strategy import OnFill, OnOrder, OnTimer, Strategy, param
from framework.synthetic import write_demo_market
from framework.synthetic.two_venue import demo_instruments


class EveryType(Strategy):
    """Sends one type of order after the other around the best prices."""

    size: int = param(3, low=1)
    sent: int = 0
    filled: int = 0
    told: int = 0
    wakes = (OnTimer("500ms"), OnFill(), OnOrder())

    def on_timer(self, ctx):
        """Send the next one."""
        if not ctx.has_quote(0) or ctx.n_orders > 40:
            ctx.cancel_all()
            return
        side = 1 if self.sent % 2 else -1
        best = ctx.bid_ticks(0) if side > 0 else ctx.ask_ticks(0)
        kind = self.sent % 7
        later = ctx.now_ns + 3_000_000_000
        if kind == 0:
            ctx.submit(0, side, self.size, best, expires_ns=later)
        elif kind == 1:
            ctx.stop(0, side, self.size, best + 3 * side)
        elif kind == 2:
            ctx.stop(0, side, self.size, best + 2 * side, limit_ticks=best + 4 * side)
        elif kind == 3:
            ctx.submit(0, side, self.size, best + side, hidden=True)
        elif kind == 4:
            ctx.peg_mid(0, side, self.size)
        elif kind == 5:
            ctx.peg_mid(0, side, self.size, limit_ticks=best, expires_ns=later)
        else:
            ctx.submit(0, side, 4 * self.size, best, peak_lots=self.size)
        self.sent += 1

    def on_fill(self, ctx, order: int, px_ticks: int, lots: int):
        """Count."""
        self.filled += lots

    def on_order(self, ctx, order: int, event: int):
        """Count."""
        self.told += event


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    root = tmp_path_factory.mktemp("lake")
    version = write_demo_market(root, rows=30_000, seed=7)
    location = Lake(root).uri(TableName("gold", "demo"))
    return [
        GoldStream(location=location, table="demo", version=version, instrument=item)
        for item in demo_instruments()
    ]


@pytest.fixture(scope="module")
def whole(streams: list[GoldStream]) -> Result:
    return run_backtest(EveryType(), streams)


def test_every_type_is_accepted_and_filled(whole: Result):
    rows = whole.journal.to_pylist()
    for event in (JournalEvent.ACCEPTED, JournalEvent.FILLED):
        seen = {row["order_type"] for row in rows if row["event"] == event}
        assert seen == set(OrderType) - {OrderType.MARKET}
    events = {row["event"] for row in rows}
    special = (JournalEvent.TRIGGERED, JournalEvent.REFRESHED, JournalEvent.REPRICED)
    assert events.issuperset((*special, JournalEvent.EXPIRED))
    assert TimeInForce.GTD in {row["time_in_force"] for row in rows}


def test_compiled_chunked_and_batched_runs_are_the_same(whole: Result, streams: list[GoldStream]):
    for config in (BacktestConfig(compiled=True), BacktestConfig(chunk_rows=1_000)):
        assert run_backtest(EveryType(), streams, config).journal_hash == whole.journal_hash
    batch = run_trials([EveryType(size=1), EveryType(), EveryType(size=9)], streams)
    assert batch[1].journal_hash == whole.journal_hash
    assert batch[2].journal_hash == run_backtest(EveryType(size=9), streams).journal_hash


@pytest.mark.parametrize("rule", ["cancel_oldest", "cancel_both", "decrement"])
def test_each_self_trade_rule_finds_work(rule: str, whole: Result, streams: list[GoldStream]):
    result = run_backtest(EveryType(), streams, BacktestConfig(self_trade=rule))
    assert result.journal_hash != whole.journal_hash
