"""A known book is the venue's of some time ago, however it is kept."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from framework.core.events import EventKind
from framework.engine import backtest
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.replay.market import Chunk, read_market
from framework.strategy import Context, OnTimer, Strategy, param
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import START_NS, ListedStream, random_events, random_instruments

LEVELS = 4
seen: list[tuple[int, ...]] = []


class Reader(Strategy):
    """Writes down whole books, from a late instant on, and quotes now and then."""

    first_read_ns: int = param(0, low=0)
    wakes = (OnTimer("13ns"),)

    def on_timer(self, ctx: Context) -> None:
        for book in range(ctx.n_books):
            seen.append((ctx.now_ns, book, ctx.bid_ticks(book), ctx.ask_ticks(book)))
            if ctx.now_ns < self.first_read_ns:
                continue
            for side in (1, -1):
                for n in range(LEVELS):
                    px_ticks = ctx.level_ticks(book, side, n)
                    seen.append((px_ticks, ctx.level_lots(book, side, px_ticks)))


def _in_turn(rows: Sequence[Event], feed_ns: int, rng: random.Random) -> tuple[Event, ...]:
    """Rows whose trades may overtake, or be overtaken by, what happens to the book."""
    late = []
    for row in rows:
        extra_ns = rng.choice([0, 40]) if row.kind == EventKind.TRADE else 0
        late.append(row._replace(ts_recv_ns=row.ts_exch_ns + feed_ns + extra_ns))
    return tuple(late)


@pytest.mark.parametrize("seed", range(12))
def test_books_brought_along_late_are_those_kept_row_by_row(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    n_books = rng.choice([1, 2, 3])
    feeds_ns = [rng.choice([0, 3, 30, 500]) for _ in range(n_books)]
    books = random_events(random.Random(seed + 100), n_books, 600)
    streams = [
        ListedStream(item, _in_turn(rows, feed_ns, rng))
        for item, rows, feed_ns in zip(
            random_instruments(rng, n_books), books, feeds_ns, strict=True
        )
    ]
    config = BacktestConfig(chunk_rows=rng.choice([5, 40, 200]))
    last_ns = max(row.ts_exch_ns for rows in books for row in rows)
    chosen: set[bool] = set()

    def observe(first_read_ns: int, in_turn: bool) -> tuple[list[tuple[int, ...]], str]:
        def chunks(*args: Any, **kwargs: Any) -> Iterator[Chunk]:
            for chunk in read_market(*args, **kwargs):
                chosen.add(chunk.fifo)
                yield replace(chunk, fifo=chunk.fifo and in_turn)

        monkeypatch.setattr(backtest, "read_market", chunks)
        seen.clear()
        result = run_backtest(Reader(first_read_ns=first_read_ns), streams, config)
        return list(seen), result.journal_hash

    for share in (0.0, 0.3, 0.8):
        late_ns = START_NS + int((last_ns - START_NS) * share)
        assert observe(late_ns, True) == observe(late_ns, False)
    assert chosen == {True}
    assert len(seen) > 50
