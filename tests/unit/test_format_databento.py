"""DBN files: quotes, trades and depth, compressed or not, whole or cut."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import databento_dbn as dbn
import polars as pl
import pytest

from framework.core.errors import DataError
from framework.core.events import EventKind
from framework.lake.formats.base import (
    DEPTH_SCHEMA,
    ORDER_SCHEMA,
    QUOTE_SCHEMA,
    TRADE_SCHEMA,
    Parsed,
)
from framework.lake.formats.base import SourceContext as Context
from framework.lake.formats.databento import DatabentoFormat

TS_NS = 1_700_000_000_000_000_000
FUTURES = "futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst"


def ingest(path: Path, context: Context | None = None) -> Parsed:
    context = context or Context()
    bronze = pl.concat(list(DatabentoFormat().read(path, context)))
    return DatabentoFormat().parse(bronze, context)


def write_dbn(path: Path, schema: str, *records: object) -> Path:
    metadata = dbn.Metadata(
        dataset="XNAS.ITCH",
        start=TS_NS,
        stype_in=dbn.SType.from_str("raw_symbol"),
        stype_out=dbn.SType.from_str("instrument_id"),
        schema=dbn.Schema.from_str(schema),
        symbols=["MSFT"],
    )
    path.write_bytes(bytes(metadata) + b"".join(bytes(record) for record in records))
    return path


def record(kind: type, action: str, side: str, price: int, size: int, **more: object) -> object:
    return kind(
        publisher_id=2,
        instrument_id=10,
        ts_event=TS_NS,
        ts_recv=TS_NS + 500,
        action=dbn.Action(action),
        side=dbn.Side(side),
        price=price,
        size=size,
        depth=0,
        sequence=5,
        **more,
    )


def level(bid: int, ask: int, **more: int) -> dbn.BidAskPair:
    return dbn.BidAskPair(bid_px=bid * 10**9, ask_px=ask * 10**9, **more)


@pytest.mark.captures
def test_reads_quotes_and_trades_of_a_future(captures: Path) -> None:
    path = captures / "databento" / FUTURES
    parsed = ingest(path)

    assert parsed.rejects.is_empty()
    assert parsed.depth.is_empty()
    assert parsed.quotes.height == 2_168
    assert parsed.trades.height == 120
    # Record 1 is a trade, record 2 the cancel that takes its size off the ask.
    assert parsed.trades.row(0) == (
        "GLBX.MDP3",
        "ESU4",
        9_060_643,
        None,
        1_719_878_281_218_218_853,
        1_719_878_281_218_485_389,
        1,
        5528.75,
        2.0,
        False,
        FUTURES,
        1,
    )
    assert parsed.quotes.row(0) == (
        "GLBX.MDP3",
        "ESU4",
        9_060_644,
        1_719_878_281_218_218_853,
        1_719_878_281_218_493_289,
        5528.5,
        29.0,
        5528.75,
        4.0,
        None,
        None,
        FUTURES,
        2,
    )
    assert (parsed.quotes["ask_price"] - parsed.quotes["bid_price"]).min() >= 0.25
    assert (parsed.quotes["bid_price"] * 4 % 1 == 0).all()


@pytest.mark.captures
def test_trades_met_the_quote_before_them(captures: Path) -> None:
    """The aggressor's side is right only if buyers pay the ask and sellers hit the bid."""
    parsed = ingest(captures / "databento" / FUTURES)
    met = parsed.trades.join_asof(
        parsed.quotes, on="source_row", suffix="_quote", check_sortedness=False
    ).drop_nulls("bid_price")
    met = met.filter(
        pl.col("sequence") != pl.col("sequence").shift(),
        pl.col("exchange_timestamp_ns") != pl.col("exchange_timestamp_ns").shift(),
    )
    touched = pl.when(pl.col("side") == 1).then("ask_price").otherwise("bid_price")
    assert met.height > 50
    assert met.filter(pl.col("price") == touched).height == met.height


@pytest.mark.captures
def test_plain_and_compressed_read_alike(captures: Path, tmp_path: Path) -> None:
    packed = captures / "databento" / FUTURES
    decoder = dbn.DBNDecoder(compression=dbn.Compression.from_str("zstd"))
    decoder.write(packed.read_bytes())
    plain = tmp_path / "futures.dbn"
    plain.write_bytes(b"".join(bytes(item) for item in decoder.decode()))
    one, two = ingest(packed), ingest(plain)
    assert one.quotes.drop("source_file").equals(two.quotes.drop("source_file"))
    assert one.trades.drop("source_file").equals(two.trades.drop("source_file"))


def test_undefined_prices_are_missing_sides_and_negative_ones_are_prices(tmp_path: Path) -> None:
    path = write_dbn(
        tmp_path / "spread.dbn",
        "mbp-1",
        record(dbn.MBP1Msg, "A", "B", -5, 1, levels=dbn.BidAskPair(bid_px=-250_000_000, bid_sz=3)),
        record(dbn.MBP1Msg, "R", "N", dbn.UNDEF_PRICE, 0),
    )
    quotes = ingest(path).quotes
    assert quotes.schema == QUOTE_SCHEMA
    assert quotes.select("bid_price", "bid_volume", "ask_price", "ask_volume").rows() == [
        (-0.25, 3.0, None, None),
        (None, None, None, None),
    ]
    assert set(quotes["symbol"]) == {"10"}, "no mapping: the instrument's number"
    assert set(quotes["exchange"]) == {"XNAS.ITCH"}


def test_tbbo_is_a_trade_and_the_quote_it_met(tmp_path: Path) -> None:
    path = write_dbn(
        tmp_path / "trades.dbn",
        "tbbo",
        record(dbn.MBP1Msg, "T", "A", 10**10, 4, levels=level(10, 11, bid_sz=9, ask_sz=8)),
    )
    parsed = ingest(path, Context(venue="nasdaq", symbol="MSFT"))
    assert parsed.trades.select("side", "price", "volume").rows() == [(-1, 10.0, 4.0)]
    assert parsed.quotes.drop("source_file").rows() == [
        ("nasdaq", "MSFT", 5, TS_NS, TS_NS + 500, 10.0, 9.0, 11.0, 8.0, 10.0, 4.0, 1)
    ]


def test_mbp_10_is_a_snapshot_per_record(tmp_path: Path) -> None:
    levels = [level(10, 11, bid_sz=1, ask_sz=2, bid_ct=1, ask_ct=2), level(9, 12, bid_sz=3)]
    levels += [dbn.BidAskPair()] * 8
    path = write_dbn(
        tmp_path / "depth.dbn",
        "mbp-10",
        record(dbn.MBP10Msg, "A", "B", 10**10, 1, levels=levels),
        record(dbn.MBP10Msg, "T", "B", 11 * 10**9, 2, levels=levels),
        record(dbn.MBP10Msg, "R", "N", dbn.UNDEF_PRICE, 0),
    )
    parsed = ingest(path)
    assert parsed.depth.schema == DEPTH_SCHEMA
    columns = ["source_row", "is_bid", "price", "volume", "num_order", "is_snapshot"]
    assert parsed.depth.select(columns).rows() == [
        (1, True, 10.0, 1.0, 1, True),
        (1, False, 11.0, 2.0, 2, True),
        (1, True, 9.0, 3.0, 0, True),
        (1, False, 12.0, 0.0, 0, True),
        (3, None, None, None, None, True),
    ]
    assert parsed.trades.select("side", "price", "volume").rows() == [(1, 11.0, 2.0)]


def test_bad_trades_are_refused(tmp_path: Path) -> None:
    path = write_dbn(
        tmp_path / "trades.dbn",
        "trades",
        record(dbn.TradeMsg, "T", "B", dbn.UNDEF_PRICE, 1),
        record(dbn.TradeMsg, "T", "B", 10**9, 0),
        record(dbn.TradeMsg, "T", "N", 10**9, 1),
    )
    parsed = ingest(path)
    assert parsed.rejects.select("source_row", "reason").rows() == [
        (1, "a trade must have a price"),
        (2, "a trade's size must be above zero"),
    ]
    assert parsed.trades.schema == TRADE_SCHEMA
    assert parsed.trades["source_row"].to_list() == [3]


@pytest.mark.captures
@pytest.mark.parametrize("lost", [10, 100, 40_000])
def test_a_truncated_file_is_refused(captures: Path, tmp_path: Path, lost: int) -> None:
    content = (captures / "databento" / FUTURES).read_bytes()
    path = tmp_path / "cut.dbn.zst"
    path.write_bytes(content[:-lost])
    with pytest.raises(DataError, match=r"cut\.dbn\.zst: cannot be read to its end"):
        ingest(path)


def test_half_a_record_is_refused(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "cut.dbn", "trades", record(dbn.TradeMsg, "T", "B", 10**9, 1))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match=r"must end with a whole record, found 41 bytes of one"):
        ingest(path)


@pytest.mark.parametrize("content", [b"", b"DBN", b"time,price\n1,2\n", b"DBN\x03\xff\x00\x00\x00"])
def test_a_wrong_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.dbn"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"wrong\.dbn: must b"):
        ingest(path)


def test_an_unknown_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the schema must be mbo, mbp-1, tbbo, mbp-10, trades"):
        ingest(write_dbn(tmp_path / "bars.dbn", "ohlcv-1s"))


def order(
    action: str, order_id: int, side: str, price: int, size: int, at_ns: int, **more: int
) -> object:
    return dbn.MBOMsg(
        publisher_id=2,
        instrument_id=10,
        ts_event=TS_NS + at_ns,
        ts_recv=TS_NS + at_ns + 500,
        order_id=order_id,
        action=dbn.Action(action),
        side=dbn.Side(side),
        price=price * 10**9,
        size=size,
        sequence=1,
        **more,
    )


def order_events(parsed: Parsed) -> list[tuple[object, ...]]:
    columns = ["source_row", "action", "order_id", "side", "price", "volume"]
    return [
        (row[0], EventKind(row[1]).name, *row[2:]) for row in parsed.orders.select(columns).rows()
    ]


def test_orders_say_what_they_moved(tmp_path: Path) -> None:
    path = write_dbn(
        tmp_path / "orders.dbn",
        "mbo",
        order("A", 1, "B", 10, 100, 1),
        order("A", 2, "A", 11, 50, 2),
        order("T", 0, "A", 10, 30, 3),
        order("F", 1, "B", 10, 30, 3),
        order("C", 1, "B", 10, 30, 3),
        order("C", 1, "B", 10, 20, 4),
        order("M", 2, "A", 11, 40, 5),
        order("M", 2, "A", 12, 40, 6),
        order("M", 2, "A", 12, 60, 7),
        order("C", 2, "A", 12, 60, 8),
        order("T", 0, "B", 11, 5, 9),
        order("C", 1, "B", 10, 50, 10),
    )
    parsed = ingest(path)
    assert parsed.rejects.is_empty()
    assert parsed.trades.is_empty()
    assert parsed.orders.schema == ORDER_SCHEMA
    assert parsed.orders["sequence"].equals(parsed.orders["source_row"])
    assert order_events(parsed) == [
        (1, "ORDER_ADD", 1, 1, 10.0, 100.0),
        (2, "ORDER_ADD", 2, -1, 11.0, 50.0),
        (4, "ORDER_EXECUTE", 1, 1, 10.0, 30.0),
        (6, "ORDER_REDUCE", 1, 1, 10.0, 20.0),
        (7, "ORDER_REDUCE", 2, -1, 11.0, 10.0),
        (8, "ORDER_DELETE", 2, -1, 11.0, 40.0),
        (8, "ORDER_ADD", 2, -1, 12.0, 40.0),
        (9, "ORDER_DELETE", 2, -1, 12.0, 40.0),
        (9, "ORDER_ADD", 2, -1, 12.0, 60.0),
        (10, "ORDER_DELETE", 2, -1, 12.0, 60.0),
        (11, "HIDDEN_TRADE", 0, -1, 11.0, 5.0),
        (12, "ORDER_DELETE", 1, 1, 10.0, 50.0),
    ]


def test_a_fill_and_the_modification_after_it_take_the_shares_once(tmp_path: Path) -> None:
    path = write_dbn(
        tmp_path / "orders.dbn",
        "mbo",
        order("A", 1, "A", 10, 100, 1),
        order("F", 1, "A", 10, 30, 2),
        order("F", 1, "A", 10, 10, 2),
        order("M", 1, "A", 10, 60, 2),
        order("F", 1, "A", 10, 60, 3),
        order("C", 1, "A", 10, 60, 3),
    )
    assert order_events(ingest(path)) == [
        (1, "ORDER_ADD", 1, -1, 10.0, 100.0),
        (2, "ORDER_EXECUTE", 1, -1, 10.0, 30.0),
        (3, "ORDER_EXECUTE", 1, -1, 10.0, 10.0),
        (5, "ORDER_EXECUTE", 1, -1, 10.0, 60.0),
    ]


def test_a_clear_forgets_the_orders_and_a_snapshot_has_one_time(tmp_path: Path) -> None:
    snapshot = {"flags": dbn.F_SNAPSHOT | dbn.F_BAD_TS_RECV}
    path = write_dbn(
        tmp_path / "orders.dbn",
        "mbo",
        order("A", 1, "B", 9, 1, 1),
        order("R", 0, "N", 0, 0, 1000, **snapshot),
        order("A", 2**63 + 1, "B", 10, 2, 400, **snapshot),
        order("C", 1, "B", 9, 1, 2000),
    )
    parsed = ingest(path)
    assert parsed.depth.select("source_row", "is_bid", "price", "is_snapshot").rows() == [
        (2, None, None, True)
    ]
    assert parsed.orders["order_id"].to_list() == [1, -(2**63) + 1]
    assert parsed.orders["exchange_timestamp_ns"].to_list() == [TS_NS + 1, TS_NS + 900]
    assert parsed.rejects.select("source_row", "reason").rows() == [
        (4, "the order must have been added before in this file and have shares left")
    ]


def random_session(seed: int) -> list[tuple[str, int, str, int, int, int]]:
    """Records of a small market: adds, fills with their cancels, cancels and modifications."""
    draw = random.Random(seed)
    live: dict[int, tuple[str, int, int]] = {}
    records: list[tuple[str, int, str, int, int, int]] = []
    for at_ns in range(400):
        if len(live) < 3 or draw.random() < 0.4:
            side, px, size = draw.choice("BA"), draw.randint(1, 5), draw.randint(1, 9)
            live[at_ns + 1] = (side, px, size)
            records.append(("A", at_ns + 1, side, px, size, at_ns))
            continue
        order_id = draw.choice(list(live))
        side, px, size = live.pop(order_id)
        step = draw.randint(1, size)
        what = draw.choice(["fill", "fill and modify", "cancel", "modify"])
        if what.startswith("fill"):
            records.append(("T", 0, "A" if side == "B" else "B", px, step, at_ns))
            records.append(("F", order_id, side, px, step, at_ns))
        left = size - step
        if what in ("fill", "cancel"):
            records.append(("C", order_id, side, px, step, at_ns))
        elif what == "fill and modify" and left:
            records.append(("M", order_id, side, px, left, at_ns))
        elif what == "fill and modify":
            records.append(("C", order_id, side, px, step, at_ns))
        else:
            px, left = draw.randint(1, 5), draw.randint(1, 9)
            records.append(("M", order_id, side, px, left, at_ns))
        if left:
            live[order_id] = (side, px, left)
    return records


def plain_books(records: list[tuple[str, int, str, int, int, int]]) -> list[Counter[object]]:
    """Keep every order the way DBN's documentation says; the levels after each record."""
    orders: dict[int, tuple[str, int, int]] = {}
    books = []
    for action, order_id, side, px, size, _ in records:
        if action in "AM":
            orders[order_id] = (side, px, size)
        elif action == "C":
            orders[order_id] = (side, px, orders[order_id][2] - size)
        book: Counter[object] = Counter()
        for held_side, held_px, held in orders.values():
            book[held_side, held_px] += held
        books.append(+book)
    return books


@pytest.mark.parametrize("seed", range(8))
def test_order_rows_build_the_book_that_the_records_describe(tmp_path: Path, seed: int) -> None:
    records = random_session(seed)
    path = write_dbn(tmp_path / "orders.dbn", "mbo", *(order(*record) for record in records))
    parsed = ingest(path)
    assert parsed.rejects.is_empty()
    events = parsed.orders.select("source_row", "action", "side", "price", "volume").rows()
    book: Counter[object] = Counter()
    at = 0
    for row, (record, truth) in enumerate(zip(records, plain_books(records), strict=True), 1):
        while at < len(events) and events[at][0] <= row:
            _, action, side, price, volume = events[at]
            level = ("B" if side == 1 else "A", int(price))
            book[level] += int(volume) if action == EventKind.ORDER_ADD else -int(volume)
            assert book[level] >= 0
            at += 1
        # A fill is taken at once here, in DBN with the record that follows it.
        if record[0] != "F":
            assert +book == truth
    assert at == len(events)
