"""`verify` on tables small enough to know every answer."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from framework.catalog import Catalog, load_catalog
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.lake.dataset import Dataset
from framework.lake.formats.binance import BinanceFormat
from framework.lake.formats.lobster import LobsterFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake
from framework.lake.verify import VerifyReport, verify

ROOT = Path(__file__).resolve().parents[2]
T0_MS = 1_723_161_256_000
OFFSET_NS = 1_276_800_000
"""The catalog's clock offset of binance_usdm."""
LAST = int(EventFlag.LAST)
SNAPSHOT = int(EventFlag.SNAPSHOT)


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(ROOT / "data_catalog.yaml")


class Capture:
    """Lines of a USD-M capture; every message arrives 5 ms after it happened."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.last = 0

    def _line(self, ms: int, message: dict[str, object], late_ms: int = 5) -> None:
        received_ns = (T0_MS + ms + late_ms) * NS_PER_MS - OFFSET_NS
        text = json.dumps(message, separators=(",", ":"))
        self.lines.append(f"{received_ns} {text}")

    def snapshot(self, ms: int, update: int, bids: list[list[str]], asks: list[list[str]]) -> None:
        body: dict[str, object] = {"lastUpdateId": update, "E": T0_MS + ms, "T": T0_MS + ms}
        self._line(ms, body | {"bids": bids, "asks": asks})
        self.last = update

    def diff(
        self,
        ms: int,
        update: int,
        bids: list[list[str]],
        asks: list[list[str]],
        *,
        prev: int | None = None,
        late_ms: int = 5,
    ) -> None:
        prev = self.last if prev is None else prev
        data = {
            **{"e": "depthUpdate", "E": T0_MS + ms, "T": T0_MS + ms, "s": "BTCUSDT"},
            **{"U": prev + 1, "u": update, "pu": prev, "b": bids, "a": asks},
        }
        self._line(ms, {"stream": "btcusdt@depth@0ms", "data": data}, late_ms)
        self.last = update

    def ticker(self, ms: int, update: int, bid: tuple[str, str], ask: tuple[str, str]) -> None:
        data = {
            **{"e": "bookTicker", "u": update, "s": "BTCUSDT", "b": bid[0], "B": bid[1]},
            **{"a": ask[0], "A": ask[1], "T": T0_MS + ms, "E": T0_MS + ms},
        }
        self._line(ms, {"stream": "btcusdt@bookTicker", "data": data})

    def trade(self, ms: int, number: int, px: str, qty: str) -> None:
        data = {
            **{"e": "trade", "E": T0_MS + ms, "T": T0_MS + ms, "s": "BTCUSDT", "t": number},
            **{"p": px, "q": qty, "X": "MARKET", "m": False},
        }
        self._line(ms, {"stream": "btcusdt@trade", "data": data})

    def ingest(self, folder: Path, catalog: Catalog, name: str = "capture.txt") -> Lake:
        path = folder / name
        path.write_text("\n".join(self.lines) + "\n")
        lake = Lake(folder / "lake")
        report = ingest(lake, "made", BinanceFormat(), [path], catalog)
        assert report.failures == []
        return lake


def opened() -> Capture:
    """A book of 99.9 × 1 / 100.1 × 2 at update 10, told by snapshot and ticker alike."""
    capture = Capture()
    capture.snapshot(0, 10, [["99.9", "1"], ["99.8", "3"]], [["100.1", "2"], ["100.2", "4"]])
    capture.ticker(0, 10, ("99.9", "1"), ("100.1", "2"))
    return capture


def check(lake: Lake, catalog: Catalog) -> VerifyReport:
    return verify(lake, Dataset("made"), catalog)


def rows_of(report: VerifyReport, finding: str) -> list[tuple[str | None, int | None]]:
    rows = report.findings.filter(pl.col("finding") == finding)
    return list(rows.select("source_file", "source_row").iter_rows())


def test_book_is_compared_in_price_and_size(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.ticker(10, 12, ("100.0", "5"), ("100.1", "2"))
    capture.diff(11, 13, [["100.0", "5"]], [])  # equal
    capture.diff(20, 16, [["100.0", "6"]], [])  # the ticker still says 5
    capture.ticker(30, 18, ("100.0", "6"), ("100.2", "4"))
    capture.diff(31, 19, [], [["100.1", "0"]])  # equal
    capture.ticker(40, 30, ("1.0", "1"), ("2.0", "1"))  # later than every diff: not looked at
    report = check(capture.ingest(tmp_path, catalog), catalog)
    assert (report.truth_checked, report.truth_equal) == (3, 2)
    assert report.streams[0].truth_source == "bookTicker"
    row = report.findings.row(0, named=True)
    assert (row["finding"], row["source_file"], row["source_row"]) == ("truth", "capture.txt", 5)
    assert row["detail"] == (
        "book 100.0 × 6.0 / 100.1 × 2.0, bookTicker 100.0 × 5.0 / 100.1 × 2.0 at update 12"
    )


def test_no_ticker_before_a_diff_means_no_comparison(tmp_path: Path, catalog: Catalog) -> None:
    capture = Capture()
    capture.snapshot(0, 10, [["99.9", "1"]], [["100.1", "2"]])
    capture.diff(10, 12, [["99.9", "2"]], [])
    capture.ticker(20, 13, ("99.9", "3"), ("100.1", "2"))
    capture.diff(30, 14, [["99.9", "3"]], [])
    report = check(capture.ingest(tmp_path, catalog), catalog)
    assert (report.truth_checked, report.truth_equal) == (1, 1)


def test_crossed_locked_and_one_sided_books(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.diff(10, 11, [["100.3", "1"]], [])  # row 3: crossed
    capture.diff(20, 12, [["100.3", "0"], ["100.1", "1"]], [])  # row 4: locked
    capture.diff(30, 13, [["100.1", "0"]], [["100.1", "0"], ["100.2", "0"]])  # row 5: no ask
    capture.diff(40, 14, [], [["100.2", "1"]])  # sound again
    report = check(capture.ingest(tmp_path, catalog), catalog)
    totals = report.totals()
    assert (totals["crossed"], totals["locked"], totals["one_sided"]) == (1, 1, 1)
    assert rows_of(report, "crossed") == [("capture.txt", 3)]
    assert rows_of(report, "locked") == [("capture.txt", 4)]
    assert rows_of(report, "one_sided") == [("capture.txt", 5)]
    detail = report.findings.filter(pl.col("finding") == "crossed")["detail"][0]
    assert detail == "bid 1003 × 1000 lots, ask 1001 × 2000 lots, in ticks"


def test_what_an_invalid_book_shows_is_not_counted(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.diff(10, 15, [["100.3", "1"]], [], prev=14)  # 11..14 are lost
    capture.diff(20, 16, [["100.4", "1"]], [])
    capture.snapshot(30, 16, [["99.9", "1"]], [["100.1", "2"]])
    capture.ticker(31, 17, ("99.9", "1"), ("100.1", "2"))
    capture.diff(40, 18, [], [["100.5", "1"]])
    report = check(capture.ingest(tmp_path, catalog), catalog)
    totals = report.totals()
    assert (totals["gaps"], totals["untrusted"], totals["crossed"]) == (1, 2, 0)
    assert rows_of(report, "gap") == [("capture.txt", 3)]
    assert (report.truth_checked, report.truth_equal) == (1, 1)


def test_diffs_before_the_snapshot_are_compared_after_it(tmp_path: Path, catalog: Catalog) -> None:
    capture = Capture()
    capture.last = 8
    capture.diff(0, 10, [["99.0", "9"]], [])  # contained in the snapshot
    capture.diff(10, 12, [["100.0", "5"]], [])
    capture.last = 12
    capture.ticker(10, 12, ("100.0", "5"), ("100.1", "2"))
    line = len(capture.lines)
    capture.snapshot(5, 11, [["99.9", "1"]], [["100.1", "2"]])
    capture.lines[line] = capture.lines[line].replace(
        capture.lines[line].split(" ")[0], str((T0_MS + 30) * NS_PER_MS - OFFSET_NS)
    )
    capture.last = 12
    capture.diff(40, 14, [["99.9", "0"]], [])
    report = check(capture.ingest(tmp_path, catalog), catalog)
    assert (report.truth_checked, report.truth_equal) == (2, 2)
    # The snapshot's and the waiting diff's delays are not the feed's.
    latency = report.latency["binance_usdm"]
    assert (latency.messages, latency.max_ns) == (1, 5 * NS_PER_MS)


def test_clocks_that_run_backwards_are_found_by_row(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.diff(20, 11, [["99.9", "2"]], [])
    capture.diff(15, 12, [["99.9", "3"]], [], late_ms=12)  # row 4: exchange time
    capture.diff(25, 13, [["99.9", "4"]], [], late_ms=1)  # row 5: received time
    report = check(capture.ingest(tmp_path, catalog), catalog)
    totals = report.totals()
    assert (totals["exchange_backwards"], totals["received_backwards"]) == (1, 1)
    assert totals["backwards"] == 2
    assert rows_of(report, "exchange_backwards") == [("capture.txt", 4)]
    assert rows_of(report, "received_backwards") == [("capture.txt", 5)]


def test_off_tick_rows_are_counted_in_quarantine(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.diff(10, 11, [["99.95", "1"]], [])
    capture.diff(20, 12, [["99.9", "1.0005"]], [])
    report = check(capture.ingest(tmp_path, catalog), catalog)
    totals = report.totals()
    assert (totals["off_tick"], totals["off_lot"], totals["quarantined"]) == (1, 1, 2)
    assert rows_of(report, "off_tick") == [("capture.txt", 3)]
    assert rows_of(report, "off_lot") == [("capture.txt", 4)]


def gold_row(
    venue: str, ms: float, late_ms: float, kind: EventKind, **values: int
) -> dict[str, object]:
    ts_exch_ns = T0_MS * NS_PER_MS + int(ms * NS_PER_MS)
    row: dict[str, object] = {
        "venue": venue,
        "symbol": "XYZ",
        "ts_exch_ns": ts_exch_ns,
        "ts_recv_ns": ts_exch_ns + int(late_ms * NS_PER_MS),
        "seq": int(ms * 1000),
        "kind": int(kind),
        "side": 0,
        "flags": LAST,
        "px_ticks": 100,
        "qty_lots": 1,
        "order_id": 0,
    }
    return row | values


def gold_only(folder: Path, rows: list[dict[str, object]]) -> Lake:
    lake = Lake(folder)
    table = pl.DataFrame(rows).to_arrow().cast(GOLD_SCHEMA)
    lake.append(Dataset("made").gold, table, transaction="made", partition_by=("venue", "symbol"))
    return lake


def test_congestion_of_one_venue_stands_alone(tmp_path: Path, catalog: Catalog) -> None:
    rows = []
    for second in range(60):
        for venue in ("alpha", "beta"):
            late_ms = 1.0
            if second in (20, 21) and venue == "beta":
                late_ms = 40.0
            if second == 40:  # both: our own line
                late_ms = 40.0
            ms = 1000 * second + 500
            rows.append(gold_row(venue, ms, late_ms, EventKind.TRADE, side=1))
    report = check(gold_only(tmp_path, rows), catalog)
    alpha, beta = report.latency["alpha"], report.latency["beta"]
    assert (alpha.spikes, alpha.spikes_alone) == (1, 0)
    assert (beta.spikes, beta.spikes_alone) == (2, 1)
    assert (beta.min_ns, beta.p50_ns, beta.max_ns) == (NS_PER_MS, NS_PER_MS, 40 * NS_PER_MS)
    assert beta.messages == 60


def test_gold_alone_is_verified_without_truth(tmp_path: Path, catalog: Catalog) -> None:
    depth = EventKind.DEPTH
    rows = [
        gold_row("alpha", 0, 1, EventKind.CLEAR, flags=SNAPSHOT),
        gold_row("alpha", 0, 1, depth, side=1, flags=SNAPSHOT),
        gold_row("alpha", 0, 1, depth, side=-1, px_ticks=102, flags=SNAPSHOT | LAST),
        gold_row("alpha", 1, -1, depth, side=1, px_ticks=103),
    ]
    report = check(gold_only(tmp_path, rows), catalog)
    totals = report.totals()
    assert (totals["rows"], totals["messages"], totals["crossed"], totals["early"]) == (4, 2, 1, 1)
    assert (report.truth_checked, report.streams[0].truth_source) == (0, "")
    assert rows_of(report, "crossed") == [(None, None)]


def test_days_are_rebuilt_as_one_stream(tmp_path: Path, catalog: Catalog) -> None:
    depth = EventKind.DEPTH
    day_ms = 86_400 * NS_PER_S // NS_PER_MS
    rows = [
        gold_row("alpha", 0, 1, EventKind.CLEAR, flags=SNAPSHOT),
        gold_row("alpha", 0, 1, depth, side=1, flags=SNAPSHOT),
        gold_row("alpha", 0, 1, depth, side=-1, px_ticks=102, flags=SNAPSHOT | LAST),
        gold_row("alpha", 2 * day_ms, 1, depth, side=1, px_ticks=101),
        gold_row("alpha", 3 * day_ms, 1, depth, side=1, px_ticks=102),
    ]
    totals = check(gold_only(tmp_path, rows), catalog).totals()
    assert (totals["one_sided"], totals["locked"], totals["crossed"]) == (0, 1, 0)


def test_a_feed_of_snapshots_has_a_latency(tmp_path: Path, catalog: Catalog) -> None:
    both = SNAPSHOT | LAST
    rows = [gold_row("alpha", ms, 2, EventKind.CLEAR, flags=both) for ms in (0, 100, 200)]
    latency = check(gold_only(tmp_path, rows), catalog).latency["alpha"]
    assert (latency.messages, latency.p50_ns) == (3, 2 * NS_PER_MS)


def lobster_day(folder: Path, messages: list[str], book: list[str]) -> Path:
    path = folder / "lobster.zip"
    stem = "AMZN_2012-06-21_34200000_57600000"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}_message_1.csv", "\n".join(messages) + "\n")
        archive.writestr(f"{stem}_orderbook_1.csv", "\n".join(book) + "\n")
    return path


def test_orderbook_rows_must_move_by_the_message_size(tmp_path: Path, catalog: Catalog) -> None:
    messages = [
        "34200.1,1,11,100,2238000,1",  # add 100 bid
        "34200.2,1,12,50,2238000,1",  # add 50 behind it
        "34200.3,4,11,30,2238000,1",  # 30 executed, the orderbook row says 20
        "34200.4,5,0,10,2238500,1",  # hidden: no change
        "34200.5,2,11,70,2238000,1",  # 70 cancelled
    ]
    sizes = [100, 150, 130, 130, 60]
    book = [f"2239000,7,2238000,{size}" for size in sizes]
    lake = Lake(tmp_path / "lake")
    path = lobster_day(tmp_path, messages, book)
    assert ingest(lake, "made", LobsterFormat(), [path], catalog).failures == []
    report = check(lake, catalog)
    assert (report.truth_checked, report.truth_equal) == (4, 3)
    row = report.findings.filter(pl.col("finding") == "truth").row(0, named=True)
    assert row["source_row"] == 3
    assert row["detail"].startswith("a message of -30.0 at 223.8 moved the level from 150 to 130")


def run(*arguments: str | Path) -> Result:
    catalog = ROOT / "data_catalog.yaml"
    return CliRunner().invoke(main, ["verify", *map(str, arguments), "--catalog", str(catalog)])


def test_command_reports_in_json_and_exits_0(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.diff(10, 11, [["99.8", "2"]], [])
    capture.ingest(tmp_path, catalog)
    result = run("made", "--lake", tmp_path / "lake", "--json")
    assert result.exit_code == 0, result.output
    payload = json.loads(result.stdout)
    wanted = {"rows", "gaps", "crossed", "off_tick", "truth_checked", "truth_equal", "latency"}
    assert wanted <= payload.keys()
    assert (payload["truth_checked"], payload["truth_equal"], payload["gaps"]) == (1, 1, 0)
    assert payload["latency"]["binance_usdm"]["p50_ns"] == 5 * NS_PER_MS
    assert payload["findings"] == []


def test_command_exits_1_and_names_the_rows_that_differ(tmp_path: Path, catalog: Catalog) -> None:
    capture = opened()
    capture.diff(10, 11, [["99.9", "2"]], [])
    capture.ingest(tmp_path, catalog)
    findings = tmp_path / "findings.csv"
    result = run("made", "--lake", tmp_path / "lake", "--findings", findings)
    assert result.exit_code == 1, result.output
    assert "capture.txt" in result.stdout
    assert "bookTicker 99.9 × 1.0" in result.stdout
    written = pl.read_csv(findings)
    assert written.select("finding", "source_row").rows() == [("truth", 3)]


def test_command_says_when_no_snapshot_ever_came(tmp_path: Path, catalog: Catalog) -> None:
    capture = Capture()
    capture.last = 10
    capture.diff(0, 11, [["99.9", "2"]], [["100.1", "1"]])
    capture.ticker(0, 11, ("99.9", "2"), ("100.1", "1"))
    capture.trade(1, 7, "100.1", "0.5")
    capture.diff(2, 12, [["99.9", "3"]], [])
    capture.ingest(tmp_path, catalog)
    result = run("made", "--lake", tmp_path / "lake", "--json")
    assert result.exit_code == 0, result.output
    assert "binance_usdm:BTCUSDT: nothing was compared" in result.stderr
    payload = json.loads(result.stdout)
    assert (payload["rows"], payload["truth_checked"]) == (1, 0)


def test_command_exits_2_for_a_missing_table(tmp_path: Path) -> None:
    result = run("nothing", "--lake", tmp_path, "--json")
    assert result.exit_code == 2
    payload = json.loads(result.stdout)
    assert "gold/nothing must exist" in payload["error"]
    assert payload["remedy"]
    assert "Traceback" not in result.stderr


def test_command_exits_2_where_findings_cannot_be_written(tmp_path: Path, catalog: Catalog) -> None:
    opened().ingest(tmp_path, catalog)
    result = run("made", "--lake", tmp_path / "lake", "--findings", tmp_path / "no" / "f.csv")
    assert result.exit_code == 2
    assert "must be writable" in result.stderr


def test_an_earlier_version_is_compared_with_what_was_there_then(
    tmp_path: Path, catalog: Catalog
) -> None:
    capture = opened()
    capture.diff(10, 11, [["99.8", "2"]], [])
    capture.ingest(tmp_path, catalog)
    later = Capture()
    later.last = 11
    later.diff(20, 12, [["99.9", "7"]], [])
    lake = later.ingest(tmp_path, catalog, "later.txt")
    now, before = (verify(lake, Dataset("made"), catalog, version=v) for v in (None, 0))
    assert (now.version, now.truth_checked, now.truth_equal) == (1, 2, 1)
    assert (before.version, before.truth_checked, before.truth_equal) == (0, 1, 1)
