"""The proof catches every planted look ahead at its line, and accuses no honest strategy."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from experiments.cli import main
from experiments.lookahead import Cut, Future, prove
from experiments.lookahead.alter import Clock, altered
from framework.core.errors import StrategyError
from framework.replay import open_streams
from framework.strategy import OnTimer, Strategy
from framework.synthetic import write_demo_market

_ROOT = Path(__file__).resolve().parents[2]
_PLANTED = _ROOT / "tests" / "support" / "lookahead"
_MS = 1_000_000


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo market with times in whole milliseconds, so that many events share an instant."""
    root = tmp_path_factory.mktemp("market")
    write_demo_market(root / "lake", rows=16_000, seed=5)
    place = root / "lake" / "gold" / "demo"
    rows = pl.read_delta(str(place)).with_columns(
        pl.col("ts_exch_ns") // _MS * _MS, (pl.col("ts_recv_ns") // _MS + 1) * _MS
    )
    rows = rows.sort("venue", "symbol", "ts_exch_ns", "seq", maintain_order=True)
    shutil.rmtree(place)
    write_deltalake(place, rows.to_arrow(), partition_by=["venue", "symbol"])
    return root


@pytest.fixture
def here(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the lake, the catalog and the planted strategies."""
    (tmp_path / "lake").symlink_to(market / "lake")
    for file in (*_PLANTED.glob("*.py"), _ROOT / "data_catalog.yaml"):
        shutil.copy(file, tmp_path / file.name)
    shutil.copy(_ROOT / "tests" / "golden" / "every_order.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _lookahead(here: Path, strategy: str, points: int) -> Result:
    text = f"name: planted\nstrategy: {strategy}\ndata: [{{table: demo}}]\n"
    (here / "planted.yaml").write_text(text)
    return CliRunner().invoke(main, ["lookahead", "planted.yaml", f"--points={points}", "--json"])


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("PeeksThroughAGlobal", "TRADES.filter"),
        ("PeeksThroughAFeature", "stream_quotes(open_streams"),
        ("PeeksAtThisInstant", "search_sorted(ctx.now_ns"),
        ("PeeksByFailing", "TRADES["),
    ],
)
def test_a_cheater_is_caught_at_its_line(name: str, line: str, here: Path) -> None:
    done = _lookahead(here, f"cheaters.py:{name}", 12)
    assert done.exit_code == 1, done.output
    offence = json.loads(done.stdout)["offence"]
    assert offence["file"] == "cheaters.py"
    lines = (here / "cheaters.py").read_text().splitlines()
    sources = [lines[at - 1] for at in (offence["line"], offence["read_line"]) if at]
    assert any(line in source for source in sources), sources
    assert lines[offence["line"] - 1].strip() == offence["source"]


@pytest.mark.parametrize(
    "strategy",
    [
        "strategies.crossed_arbitrage:CrossedArbitrage",
        "strategies.midpoint_quoting:MidpointQuoting",
        "every_order.py:EveryOrder",
        *(
            f"honest.py:{name}"
            for name in (
                *("FollowsTrades", "ReadsDepth", "Averages", "ReadsThePastOfTheLake"),
                *("SetsAlarms", "TakesCrosses", "WatchesAges"),
            )
        ),
    ],
)
def test_an_honest_strategy_is_not_accused(strategy: str, here: Path) -> None:
    done = _lookahead(here, strategy, 6)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["passed"]
    assert answer["worlds"] >= 8
    assert answer["unaltered"] == []


FUTURE = pl.DataFrame()
NUMBERS: list[int] = list(range(1_000))


class PeeksInANotebook(Strategy):
    """Reads a table that an earlier cell has made of everything."""

    wakes = (OnTimer("500ms"),)

    def on_timer(self, ctx):
        later = FUTURE.filter(pl.col("ts_exch_ns") > ctx.now_ns)
        ctx.market(0, 1 if later["px_ticks"].head(20).sum() > 0 else -1, NUMBERS[1])


def test_a_table_in_a_global_name_is_altered_where_nothing_is_loaded_anew(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trades = pl.read_delta("lake/gold/demo").filter(pl.col("kind") == 2).sort("ts_exch_ns")
    monkeypatch.setitem(globals(), "FUTURE", trades)
    proof = prove(PeeksInANotebook(), open_streams("lake", "demo"), points=2)
    assert proof.offence is not None
    assert proof.offence.source.startswith("ctx.market(0, 1 if later")
    assert proof.offence.read_source.startswith("later = FUTURE")
    assert "side of market" in proof.offence.values
    assert proof.unaltered == ("NUMBERS (list)",)
    assert FUTURE is trades


def _row(venue: str, exch: int, recv: int, px: int = 100) -> dict[str, object]:
    own = {"venue": venue, "symbol": "X", "ts_exch_ns": exch, "ts_recv_ns": recv}
    return {**own, "kind": 1, "side": 1, "px_ticks": px, "qty_lots": 5}


def test_what_is_unknown_follows_the_total_order() -> None:
    clocks = {(v, "X"): Clock(book=b, feed_ns=0, response_ns=20) for b, v in enumerate("ab")}
    rows = pl.DataFrame(
        [
            _row("a", 10, 50),  # known
            _row("a", 90, 100),  # reaches us at this instant, in the book that wakes us
            _row("a", 95, 130, 102),  # has happened, on its way
            _row("a", 120, 150, 103),  # to come
            _row("b", 70, 105),  # has happened, and an answer may have told of it
            _row("b", 90, 100, 101),  # reaches us at this instant, but later in order
            _row("b", 130, 140, 98),
        ]
    )
    cut = Cut(wake=1, now_ns=100, book=0)
    left = altered(rows, cut, Future.MIRRORED, clocks).select("venue", "ts_exch_ns", "px_ticks")
    assert left.rows() == [
        *[("a", 10, 100), ("a", 90, 100), ("a", 95, 98), ("a", 120, 97)],
        *[("b", 70, 100), ("b", 90, 99), ("b", 130, 102)],
    ]
    all_known = Cut(wake=1, now_ns=100)
    left = altered(rows, all_known, Future.MIRRORED, clocks).select("venue", "px_ticks")
    assert ("b", 101) in left.rows()
    gone = altered(rows, cut, Future.REMOVED, clocks).select("venue", "ts_exch_ns")
    assert gone.rows() == [("a", 10), ("a", 90), ("a", 120), ("b", 70), ("b", 130)]


def test_a_removed_future_keeps_only_the_last_event_of_each_stream() -> None:
    clocks = {("a", "X"): Clock(book=0, feed_ns=0, response_ns=0)}
    rows = pl.DataFrame([_row("a", at, at + 1) for at in (10, 20, 30, 40)])
    left = altered(rows, Cut(wake=1, now_ns=15), Future.REMOVED, clocks)
    assert left["ts_exch_ns"].to_list() == [10, 40]


class ThrowsDice(Strategy):
    """Depends on chance."""

    wakes = (OnTimer("500ms"),)

    def on_timer(self, ctx):
        if random.random() < 0.5:
            ctx.market(0, 1, 1)


def test_chance_is_told_apart_from_looking_ahead(here: Path) -> None:
    with pytest.raises(StrategyError, match="run again on the same data"):
        prove(ThrowsDice(), open_streams("lake", "demo"), points=2)


def test_a_spec_that_varies_is_refused(here: Path) -> None:
    (here / "two.yaml").write_text(
        "name: two\nstrategy: honest.py:TakesCrosses\ndata: [{table: demo}]\nvary: {seed: [1, 2]}\n"
    )
    done = CliRunner().invoke(main, ["lookahead", "two.yaml"])
    assert done.exit_code == 2
    assert "leave vary out" in done.output
