"""`crossbook tca` and `crossbook pretrade`: one run, from its journal to the next run's costs."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from mlflow.tracking import MlflowClient

from experiments.cli import main
from experiments.record.journal_file import read_journal
from framework.catalog import load_catalog
from framework.core.clock import NS_PER_S
from framework.core.orders import JournalEvent
from framework.lake.desk import COST_SCHEMA, DESK_EXECUTION_SCHEMA, DESK_ORDER_SCHEMA
from framework.lake.formats.base import QUOTE_SCHEMA
from framework.lake.store import Lake, TableName
from framework.replay import open_streams
from framework.synthetic import demo_instruments, write_demo_market
from framework.synthetic.planted import (
    Level,
    PlantedMarket,
    planted_instruments,
    write_planted_market,
)
from research.crossed import stream_quotes
from research.tca import IdentityError, Trading, from_journal, learn_impact, read_costs
from research.tca.cost_table import cost_table

_SPEC = """\
name: small
strategy: strategies.crossed_arbitrage:CrossedArbitrage
data: [{table: demo}]
"""
_TAKER = """\
from framework.strategy import Context, OnTimer, Strategy


class TakesTurns(Strategy):
    \"""Buy and sell at the market, one to ten lots as far as displayed, a second apart.\"""

    turn: int = 0
    wakes = (OnTimer("1s"),)

    def on_timer(self, ctx: Context) -> None:
        book, side = self.turn % 2, 1 - self.turn // 2 % 2 * 2
        self.turn += 1
        if ctx.has_quote(book):
            shown = ctx.ask_lots(book) if side > 0 else ctx.bid_lots(book)
            ctx.market(book, side, min(1 + self.turn % 10, shown))
"""
_CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"


def _crossbook(folder: Path, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        given = [*arguments, "--lake", "lake", "--catalog", str(_CATALOG), "--json"]
        return CliRunner().invoke(main, given)


def _answer(folder: Path, *arguments: str) -> dict[str, object]:
    done = _crossbook(folder, *arguments)
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tca")
    write_demo_market(home / "lake", rows=200_000, seed=5)
    (home / "spec.yaml").write_text(_SPEC)
    return home


@pytest.fixture(scope="module")
def run(folder: Path) -> dict[str, object]:
    return _answer(folder, "run", "spec.yaml")


@pytest.fixture(scope="module")
def analysed(folder: Path, run: dict[str, object]) -> dict[str, object]:
    return _answer(folder, "tca", str(run["run_id"]), "--merge", "--by", "venue")


def _home(folder: Path, run: dict[str, object]) -> Path:
    return folder / "out" / "small" / str(run["run_id"])


def _trading(folder: Path, run: dict[str, object]) -> Trading:
    journal, instruments, key = read_journal(_home(folder, run) / "journal.arrow")
    return from_journal(journal, instruments, journal_hash=key, strategy="CrossedArbitrage")


def test_it_costs_every_fill_of_the_run(
    folder: Path, run: dict[str, object], analysed: dict[str, object]
) -> None:
    assert (analysed["fills"], analysed["key"]) == (run["fills"], run["journal_hash"])
    fills = pl.read_parquet(_home(folder, run) / "fills.parquet")
    costed = pl.read_parquet(_home(folder, run) / "tca" / "fills.parquet")
    assert fills.height > 50
    theirs = fills.sort("ts_ns", "order_id", "slippage_bps")["slippage_bps"]
    ours = costed.with_columns(pl.col("order_id").cast(pl.Int64)).sort(
        "ts_ns", "order_id", "slippage_bps"
    )
    assert ours["slippage_bps"].to_list() == pytest.approx(theirs.to_list())
    page = (_home(folder, run) / "tca" / "report.html").read_text("utf-8")
    for title in ("Markouts", "Slippage by volatility regime", "Worst fills", "--explain"):
        assert title in page
    assert 'src="http' not in page


def test_it_stands_in_the_runs_record(
    folder: Path, run: dict[str, object], analysed: dict[str, object]
) -> None:
    assert analysed["tracked"] is True
    client = MlflowClient(f"sqlite:///{folder / 'out' / 'mlflow.db'}")
    run_id, figures = str(run["run_id"]), analysed["figures"]
    assert isinstance(figures, dict)
    logged = client.get_run(run_id).data.metrics
    told = {name.removeprefix("tca."): v for name, v in logged.items() if name.startswith("tca.")}
    assert told == pytest.approx(figures)
    assert {"slippage_bps", "shortfall_bps", "markout_1ms_bps"} <= told.keys()
    names = {Path(item.path).name for item in client.list_artifacts(run_id, "tca")}
    assert {"report.html", "markouts.csv", "costs_by_regime.csv", "worst_fills.csv"} <= names


def test_merging_again_writes_nothing(
    folder: Path, run: dict[str, object], analysed: dict[str, object]
) -> None:
    assert analysed["merged_version"] == 0
    again = _answer(folder, "tca", str(_home(folder, run)), "--merge", "--no-track")
    assert again["merged_version"] is None
    rows, version = read_costs(Lake(folder / "lake"))
    assert version == 0
    assert rows.collect()["order_id"].is_unique().all()


@pytest.fixture(scope="module")
def desk(folder: Path, run: dict[str, object]) -> dict[str, str]:
    """The run's trading as a desk's tables beside quotes, by the option that names each."""
    trading, lake = _trading(folder, run), Lake(folder / "lake")
    instruments = {number: item for number, item in enumerate(trading.instruments)}
    orders = [
        {
            "exchange": instruments[row["book"]].venue,
            "symbol": "XYZ",
            "order_id": row["order_id"],
            "side": row["side"],
            "order_type": row["order_type"],
            "strategy": row["strategy"],
            "volume": float(row["filled_lots"] + row["unfilled_lots"]),
            "decision_timestamp_ns": row["decided_ns"],
            "arrival_timestamp_ns": row["arrived_ns"],
            "end_timestamp_ns": row["ended_ns"],
        }
        for row in trading.orders.iter_rows(named=True)
    ]
    fills = [
        {
            "exchange": instruments[row["book"]].venue,
            "symbol": "XYZ",
            "execution_id": str(number),
            "order_id": row["order_id"],
            "side": row["side"],
            "exchange_timestamp_ns": row["ts_ns"],
            "price": row["px_hticks"] / 200,
            "volume": float(row["qty_lots"]),
            "liquidity": row["liquidity"],
            "fee": row["fee_micro"] / 1e8,
        }
        for number, row in enumerate(trading.executions.iter_rows(named=True))
    ]
    streams = open_streams(lake, "demo", catalog=load_catalog(_CATALOG))
    quotes = stream_quotes(streams).select(
        exchange=pl.col("stream").str.split(":").list.first(),
        symbol=pl.lit("XYZ"),
        sequence=pl.int_range(pl.len(), dtype=pl.Int64),
        exchange_timestamp_ns="ts_exch_ns",
        received_timestamp_ns="ts_recv_ns",
        bid_price="bid",
        bid_volume="bid_quantity",
        ask_price="ask",
        ask_volume="ask_quantity",
    )
    blank = pl.DataFrame(schema=QUOTE_SCHEMA)
    for name, frame in (
        ("my_orders", pl.DataFrame(orders, schema=DESK_ORDER_SCHEMA)),
        ("my_fills", pl.DataFrame(fills, schema=DESK_EXECUTION_SCHEMA)),
        ("my_quotes", pl.concat([blank, quotes], how="diagonal")),
    ):
        lake.append(TableName("silver", name), frame, transaction="made")
    return {"--executions": "my_fills", "--orders": "my_orders", "--quotes": "my_quotes"}


def test_a_desk_with_the_same_fills_has_the_same_slippage(
    folder: Path, analysed: dict[str, object], desk: dict[str, str]
) -> None:
    """One trading through both doors: as a journal, and as a desk's tables beside quotes."""
    tables = [word for pair in desk.items() for word in pair]
    found = _answer(folder, "tca", *tables, "--by", "venue", "--merge", "--costs", "of_desk")
    assert found["source"] == "desk"
    theirs, ours = analysed["figures"], found["figures"]
    assert isinstance(theirs, dict)
    assert isinstance(ours, dict)
    for name in ("slippage_bps", "improvement_bps", "fee_bps", "markout_1s_bps"):
        assert ours[name] == pytest.approx(theirs[name], abs=1e-9), name
    assert found["fills"] == analysed["fills"]


def test_a_journal_that_lost_a_fill_is_refused(folder: Path, run: dict[str, object]) -> None:
    journal, instruments, key = read_journal(_home(folder, run) / "journal.arrow")
    rows = pl.from_arrow(journal)
    assert isinstance(rows, pl.DataFrame)
    partly = rows.filter(pl.col("event") == int(JournalEvent.FILLED))["order_id"]
    twice = partly.filter(partly.is_duplicated())[0]
    lost = rows.with_row_index().filter(
        pl.col("order_id") == twice, pl.col("event") == int(JournalEvent.FILLED)
    )["index"][0]
    kept = pl.concat([rows[:lost], rows[lost + 1 :]]).to_arrow().cast(journal.schema)
    with pytest.raises(IdentityError, match=f"sent - filled = left.*of order {twice}"):
        from_journal(kept, instruments, journal_hash=key, strategy="x")


def test_a_desks_table_that_grows_is_merged_in_place(folder: Path, desk: dict[str, str]) -> None:
    """The orders of yesterday are not there twice, nor when fills are analysed without orders."""
    lake = Lake(folder / "lake")
    grown = TableName("silver", "grown_fills")
    before = lake.scan(TableName("silver", desk["--executions"])).collect()
    lake.append(grown, before, transaction="a day")
    tables = ("--executions", grown.name, "--quotes", desk["--quotes"], "--costs", "grown")
    first = _answer(folder, "tca", *tables, "--merge", "--orders", desk["--orders"])
    assert first["key"] == "desk:grown_fills"
    told = lake.scan(grown).tail(1).collect()
    later = told.with_columns(execution_id=pl.lit("new"), order_id=pl.lit("new"))
    lake.append(grown, later, transaction="a day later")
    _answer(folder, "tca", *tables, "--merge")
    rows, version = read_costs(lake, "grown")
    ids = rows.collect()["order_id"]
    assert version == 1
    assert ids.is_unique().all()
    assert "new" in ids


def test_a_desks_tables_that_do_not_fit_say_so(folder: Path, desk: dict[str, str]) -> None:
    lake = Lake(folder / "lake")
    seconds = lake.scan(TableName("silver", "my_fills")).collect()
    seconds = seconds.with_columns(pl.col("exchange_timestamp_ns") // NS_PER_S)
    lake.append(TableName("silver", "in_seconds"), seconds, transaction="made")
    for arguments, words in (
        (("in_seconds", "--quotes", "my_quotes"), "has none for any of"),
        (("my_fills", "--quotes", "my_orders"), "silver/my_orders must hold exchange"),
        (("my_fills", "--quotes", "my_quotes", "--trades", "my_quotes"), "it lacks price, volume"),
    ):
        done = _crossbook(folder, "tca", "--executions", *arguments)
        assert done.exit_code == 2, done.output
        assert words in json.loads(done.stdout)["error"]


def test_of_a_stream_in_two_tables_the_latest_book_counts(
    folder: Path, analysed: dict[str, object]
) -> None:
    other = ("XYZ", "buy", "5", "--book", "demo")
    alone = _answer(folder, "pretrade", *other)
    write_demo_market(folder / "lake", rows=20_000, seed=6, name="earlier")
    both = _answer(folder, "pretrade", *other, "--book", "earlier")
    assert both["sweep"] == alone["sweep"]
    assert both["schedule"] == alone["schedule"]


def test_a_book_without_costs_is_swept(folder: Path) -> None:
    write_planted_market(
        folder / "lake",
        PlantedMarket(0.5, 1, instruments=planted_instruments(1)),
        levels=(Level.QUOTES,),
    )
    done = _crossbook(folder, "pretrade", "PLT", "buy", "5")
    assert "holds no order of PLT" in done.stderr
    answer = json.loads(done.stdout)
    assert "expected" not in answer
    assert answer["sweep"][0]["venue"] == "ash"


def test_pretrade_reads_costs_book_and_schedule(folder: Path, analysed: dict[str, object]) -> None:
    answer = _answer(folder, "pretrade", "XYZ", "buy", "40", "--slices", "4", "--horizon", "2m")
    expected, swept = answer["expected"], answer["sweep"]
    assert isinstance(expected, dict)
    assert isinstance(swept, list)
    low, high = expected["error_bps"]
    assert low < expected["expected_bps"] < high
    assert expected["expected_bps"] == pytest.approx(
        expected["slippage_bps"] + expected["fees_bps"]
    )
    last = stream_quotes(open_streams(Lake(folder / "lake"), "demo", catalog=_CATALOG))
    for row in swept:
        best = last.filter(pl.col("stream") == f"{row['venue']}:XYZ").row(-1, named=True)
        assert row["average_price"] >= best["ask"]
        if best["ask_quantity"] >= 40:
            assert row["average_price"] == best["ask"]
        mid = (best["bid"] + best["ask"]) / 2
        assert row["cost_bps"] == pytest.approx((row["average_price"] - mid) / mid * 1e4)
    assert [row["cost_bps"] for row in swept] == sorted(row["cost_bps"] for row in swept)
    schedule = answer["schedule"]
    assert isinstance(schedule, dict)
    for name in ("almgren_chriss", "obizhaeva_wang", "even"):
        assert (len(schedule[name]), sum(schedule[name])) == (4, 40.0)
    assert schedule["risk_bps"] <= schedule["even_risk_bps"]
    assert schedule["cost_bps"] >= schedule["even_cost_bps"]


def test_the_regime_now_is_that_of_the_books_volatility(
    folder: Path, analysed: dict[str, object]
) -> None:
    answer = _answer(folder, "pretrade", "XYZ", "buy", "5", "--regime", "now")
    expected = answer["expected"]
    assert isinstance(expected, dict)
    (regime,) = [c for c in expected["conditions"] if c.startswith("regime=")]
    named = _answer(folder, "pretrade", "XYZ", "buy", "5", "--regime", regime[len("regime=") :])
    assert named["expected"] == expected


def test_what_was_learned_is_what_the_next_run_pays(folder: Path) -> None:
    """A desk paid 2 bp times the root of its size beyond the touch; so does the next backtest."""
    sizes = [float(1 + row % 10) for row in range(60)]
    rows = pl.DataFrame(
        {
            "run_key": "taught",
            "source": "desk",
            "symbol": "XYZ",
            "venue": venue,
            "liquidity": "taker",
            "quantity": size,
            "beyond_touch_bps": 2.0 * size**0.5,
            "is_within_touch": True,
        }
        for venue in ("alpha", "beta")
        for size in sizes
    )
    lake = Lake(folder / "lake")
    lake.replace(
        cost_table("taught"),
        pl.concat([pl.DataFrame(schema=COST_SCHEMA), rows], how="diagonal"),
        column="run_key",
        value="taught",
        content=1,
    )
    (folder / "taker.py").write_text(_TAKER)
    costs = "costs={table: taught, half_life: 1ms}"
    run = _answer(
        folder,
        "run",
        "spec.yaml",
        "--set",
        costs,
        "--no-track",
        "--set",
        "name=taught",
        "--set",
        "strategy=taker.py:TakesTurns",
    )
    data = run["data"]
    assert isinstance(data, list)
    assert ("silver/taught", 0) in [(item["table"], item["version"]) for item in data]
    _answer(folder, "tca", str(run["run_id"]), "--merge", "--costs", "after", "--no-track")
    after, _ = read_costs(lake, "after")
    paid = learn_impact(after.collect(), demo_instruments()[0], NS_PER_S)
    reference = float(paid.impact.reference_quantity)
    coefficient = float(paid.impact.coefficient_bps)
    # Fills are whole ticks of one basis point: half of one either way.
    assert coefficient == pytest.approx(2.0 * reference**0.5, abs=0.5)
    assert paid.impact.kind.name == "SQUARE_ROOT"


def test_an_order_is_explained(folder: Path, run: dict[str, object]) -> None:
    worst = _trading(folder, run).orders["order_id"][0]
    answer = _answer(folder, "tca", str(run["run_id"]), "--explain", str(worst))
    life = answer["life"]
    assert isinstance(life, list)
    assert life[0]["what"] == "we: submitted"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tca",), "exactly one of both"),
        (("tca", "nosuch"), "nosuch is neither"),
        (("tca", "--executions", "nosuch"), "the quotes they met"),
        (("tca", "--executions", "nosuch", "--quotes", "q"), "silver/nosuch must exist"),
        (
            ("tca", "--executions", "demo", "--quotes", "q", "--explain", "1"),
            "running its backtest",
        ),
        (("pretrade", "ABC", "buy", "1"), "symbol=ABC"),
        (("pretrade", "XYZ", "buy", "1", "--regime", "stormy"), "regime=stormy"),
        (("pretrade", "XYZ", "buy", "1", "--costs", "none", "--venue", "x"), "neither"),
        (("run", "spec.yaml", "--set", "costs={table: none}"), "silver/none must exist"),
        (("run", "spec.yaml", "--set", "costs={source: desk}"), "the table has 0"),
    ],
)
def test_mistakes_say_what_to_do(
    folder: Path, analysed: dict[str, object], arguments: tuple[str, ...], words: str
) -> None:
    done = _crossbook(folder, *arguments)
    assert done.exit_code == 2, done.output
    answer = json.loads(done.stdout)
    assert words in answer["error"]
    assert answer["remedy"]
