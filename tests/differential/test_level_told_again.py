"""A level told again at the same size settles the trades there: found against hftbacktest."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.events import ASK, BID, GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from framework.strategy import Context, OnTimer, Strategy

_INSTRUMENT = Instrument(venue="hand", symbol="XYZ", tick=Decimal(1), lot=Decimal(1))
_DEPTH, _TRADE = int(EventKind.DEPTH), int(EventKind.TRADE)


class JoinOnce(Strategy):
    """Join the bid with one lot at the first second."""

    wakes = (OnTimer("1s"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns == NS_PER_S:
            ctx.buy(0, 1, ctx.bid_ticks(0), post_only=True)


def _market(folder: Path, rows: list[tuple[int, int, int, int, int]]) -> GoldStream:
    """Store rows of (milliseconds, kind, side, price, lots)."""
    table = pa.Table.from_pylist(
        [
            {
                "venue": _INSTRUMENT.venue,
                "symbol": _INSTRUMENT.symbol,
                "ts_exch_ns": at_ms * NS_PER_MS,
                "ts_recv_ns": at_ms * NS_PER_MS,
                "seq": n,
                "kind": kind,
                "side": side,
                "flags": int(EventFlag.LAST),
                "px_ticks": px,
                "qty_lots": lots,
                "order_id": 0,
            }
            for n, (at_ms, kind, side, px, lots) in enumerate(rows)
        ],
        schema=GOLD_SCHEMA,
    )
    lake, name = Lake(folder), TableName("gold", "hand")
    lake.append(name, table, transaction="rows", partition_by=("venue", "symbol"))
    return GoldStream(location=lake.uri(name), table="hand", version=0, instrument=_INSTRUMENT)


@pytest.mark.parametrize(
    ("told_again", "ahead"),
    [
        # 4 traded and 4 joined behind us; of the 5 cancelled, 6/10 were ahead: 6 - 3 = 3
        (True, 3.0),
        # 4 traded, 1 was cancelled: 6 - 0.6 = 5.4, and no more than the 5 that are shown
        (False, 5.0),
    ],
)
def test_the_queue_ahead_follows_what_the_data_explains(
    tmp_path: Path, told_again: bool, ahead: float
) -> None:
    rows = [
        (900, _DEPTH, BID, 100, 10),
        (900, _DEPTH, ASK, 102, 10),
        (1100, _TRADE, ASK, 100, 4),
        *([(1200, _DEPTH, BID, 100, 10)] if told_again else []),
        (1300, _DEPTH, BID, 100, 5),
        (1400, _TRADE, ASK, 100, 6),
    ]
    config = BacktestConfig(queue_model="power", queue_power=1.0)
    fills = run_backtest(JoinOnce(), [_market(tmp_path, rows)], config).fills
    assert fills["ts_ns"].to_list() == [1400 * NS_PER_MS]
    assert fills["queue_ahead"].to_list() == pytest.approx([ahead])
