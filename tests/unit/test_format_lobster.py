"""LOBSTER: exact times, order messages, and a book that equals the orderbook file."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.core.events import EventKind
from framework.lake.formats.base import DEPTH_SCHEMA, ORDER_SCHEMA, Parsed, SourceContext
from framework.lake.formats.lobster import LobsterFormat
from framework.lake.formats.lobster_book import read_orderbook

AMZN = "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
GOOG = "LOBSTER_SampleFile_GOOG_2012-06-21_1.zip"
VISIBLE = (
    EventKind.ORDER_ADD,
    EventKind.ORDER_REDUCE,
    EventKind.ORDER_DELETE,
    EventKind.ORDER_EXECUTE,
)


def ingest(path: Path) -> Parsed:
    bronze = pl.concat(list(LobsterFormat().read(path, SourceContext())))
    return LobsterFormat().parse(bronze, SourceContext())


def write_zip(folder: Path, messages: str, orderbook: str, *, levels: int = 1) -> Path:
    path = folder / "LOBSTER_SampleFile_XYZ_2012-06-21.zip"
    stem = "XYZ_2012-06-21_34200000_57600000"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}_message_{levels}.csv", messages)
        archive.writestr(f"{stem}_orderbook_{levels}.csv", orderbook)
    return path


def signed_shares(orders: pl.DataFrame) -> pl.DataFrame:
    """Keep the messages that move the visible book, with the shares they add."""
    adds = pl.col("action") == int(EventKind.ORDER_ADD)
    return orders.filter(pl.col("action").is_in([int(kind) for kind in VISIBLE])).with_columns(
        delta=pl.when(adds).then("volume").otherwise(-pl.col("volume")).cast(pl.Int64),
        px_e4=(pl.col("price") * 1e4).round().cast(pl.Int64),
    )


def shares_at(book: pl.DataFrame, side: str, px_e4: np.ndarray) -> np.ndarray:
    """Size of one price per row, 0 where it is not among the visible levels."""
    found = np.zeros(len(px_e4), np.int64)
    for level in range(1, (book.width - 1) // 4 + 1):
        same = book[f"{side}_px_e4_{level}"].to_numpy() == px_e4
        found += np.where(same, book[f"{side}_shares_{level}"].to_numpy(), 0)
    return found


@pytest.mark.captures
@pytest.mark.parametrize(("name", "visible"), [(AMZN, 153_490), (GOOG, 45_569)])
def test_every_visible_message_changes_the_book_by_exactly_its_size(
    captures: Path, name: str, visible: int
) -> None:
    path = captures / "lobster" / name
    book = read_orderbook(path)
    moves = signed_shares(ingest(path).orders)
    assert moves.height == visible

    # The first message has no row before it; what it did is checked by the rebuilt book.
    moves = moves.filter(pl.col("sequence") > 1)
    n_equal = 0
    for side, label in ((1, "bid"), (-1, "ask")):
        of_side = moves.filter(pl.col("side") == side)
        row = of_side["sequence"].to_numpy() - 1
        px_e4 = of_side["px_e4"].to_numpy()
        after = shares_at(book[row], label, px_e4)
        before = shares_at(book[row - 1], label, px_e4)
        n_equal += int(np.sum(after - before == of_side["delta"].to_numpy()))
    assert n_equal == moves.height


def rebuilt_rows(parsed: Parsed, n_levels: int) -> list[list[int]]:
    """Follow snapshot, corrections and messages the slow way; the visible levels after each."""
    depth = parsed.depth.select("sequence", "is_bid", "price", "volume").rows()
    book: dict[int, Counter[int]] = {1: Counter(), -1: Counter()}
    rows, at = [], 0
    moves = {
        sequence: (side, px_e4, delta)
        for sequence, side, px_e4, delta in signed_shares(parsed.orders)
        .select("sequence", "side", "px_e4", "delta")
        .rows()
    }
    for sequence in parsed.orders["sequence"]:
        while at < len(depth) and depth[at][0] <= sequence:
            _, is_bid, price, volume = depth[at]
            book[1 if is_bid else -1][round(price * 1e4)] = int(volume)
            at += 1
        if sequence in moves:
            side, px_e4, delta = moves[sequence]
            book[side][px_e4] += delta
            assert book[side][px_e4] >= 0
        best = {
            side: sorted((z for z, q in levels.items() if q), key=lambda z: -side * z)[:n_levels]
            for side, levels in book.items()
        }
        for side, levels in book.items():
            book[side] = Counter({px: q for px, q in levels.items() if q})
        row: list[int] = []
        for level in range(n_levels):
            for side in (-1, 1):
                px = best[side][level] if level < len(best[side]) else None
                row += [0, 0] if px is None else [px, book[side][px]]
        rows.append(row)
    return rows


@pytest.mark.captures
@pytest.mark.parametrize(("name", "n_levels", "n_rows"), [(AMZN, 5, 20_000), (GOOG, 1, 49_482)])
def test_snapshot_corrections_and_messages_rebuild_the_orderbook_file(
    captures: Path, name: str, n_levels: int, n_rows: int
) -> None:
    path = captures / "lobster" / name
    bronze = pl.concat(list(LobsterFormat().read(path, SourceContext())))
    parsed = LobsterFormat().parse(bronze.filter(pl.col("source_row") <= n_rows), SourceContext())
    truth = read_orderbook(path)[:n_rows].drop("sequence").fill_null(0)
    assert rebuilt_rows(parsed, n_levels) == [list(row) for row in truth.rows()]


@pytest.mark.captures
def test_amzn_first_rows(captures: Path) -> None:
    parsed = ingest(captures / "lobster" / AMZN)
    orders = parsed.orders

    assert parsed.rejects.is_empty()
    assert parsed.trades.is_empty()
    assert orders.schema == ORDER_SCHEMA
    assert orders["sequence"].equals(pl.int_range(1, 155_936, eager=True).alias("sequence"))
    # Message 1: 34200.017459617,5,0,1,2238200,-1 in New York, four hours behind UTC in June.
    assert format_ns(orders["exchange_timestamp_ns"][0]) == "2012-06-21T13:30:00.017459617Z"
    assert orders.row(0)[5:10] == (int(EventKind.HIDDEN_TRADE), 0, -1, 223.82, 1.0)
    # Message 2: 34200.18960767,1,11885113,21,2238100,1
    assert format_ns(orders["exchange_timestamp_ns"][1]) == "2012-06-21T13:30:00.189607670Z"
    assert orders.row(1)[5:10] == (int(EventKind.ORDER_ADD), 11_885_113, 1, 223.81, 21.0)
    # Message 67,823 is at 43002.632812672004: the last digits are a float's noise.
    assert format_ns(orders["exchange_timestamp_ns"][67_822]) == "2012-06-21T15:56:42.632812672Z"
    assert Counter(orders["action"]) == {
        int(EventKind.ORDER_ADD): 77_381,
        int(EventKind.ORDER_REDUCE): 450,
        int(EventKind.ORDER_DELETE): 66_685,
        int(EventKind.ORDER_EXECUTE): 8_974,
        int(EventKind.HIDDEN_TRADE): 2_445,
    }
    opening = parsed.depth.filter("is_snapshot")
    assert opening["sequence"].to_list() == [0] * 10
    assert opening.filter("is_bid")["price"].to_list() == [223.18, 223.07, 223.04, 223.0, 222.62]
    assert opening.filter(~pl.col("is_bid"))["volume"].to_list() == [100, 100, 220, 100, 547]


@pytest.mark.captures
def test_the_opening_book_is_without_the_first_message(captures: Path) -> None:
    """GOOG begins with 4 of the best bid executed; 496 are left in the first orderbook row."""
    opening = ingest(captures / "lobster" / GOOG).depth.filter("is_snapshot")
    assert opening.select("is_bid", "price", "volume").rows() == [
        (True, 579.4, 500.0),
        (False, 580.23, 100.0),
    ]


@pytest.mark.captures
def test_read_orderbook_gives_integers(captures: Path) -> None:
    book = read_orderbook(captures / "lobster" / AMZN)
    assert book.shape == (155_935, 21)
    assert set(book.dtypes) == {pl.Int64}
    first = book.row(0, named=True)
    assert (first["sequence"], first["ask_px_e4_1"], first["ask_shares_1"]) == (1, 2_239_500, 100)
    assert (first["bid_px_e4_5"], first["bid_shares_5"]) == (2_226_200, 100)


def test_halts_crosses_and_empty_sides(tmp_path: Path) -> None:
    empty = "9999999999,0,-9999999999,0"
    path = write_zip(
        tmp_path,
        "34200.5,1,11,100,1000000,1\n"
        "36023,7,0,0,-1,-1\n"
        "36323,7,0,0,0,-1\n"
        "36723,7,0,0,1,-1\n"
        "36724,6,-1,500,1005000,-1\n"
        "36725,3,11,100,1000000,1\n",
        "9999999999,0,1000000,100\n" * 5 + f"{empty}\n",
    )
    parsed = ingest(path)
    status, hidden = int(EventKind.STATUS), int(EventKind.HIDDEN_TRADE)
    assert parsed.rejects.is_empty()
    assert parsed.depth.is_empty()
    assert parsed.orders.select("action", "side", "price", "volume").rows()[1:5] == [
        (status, 0, None, 0.0),
        (status, 0, None, 0.0),
        (status, 0, None, 1.0),
        (hidden, 0, 100.5, 500.0),
    ]
    assert read_orderbook(path)["ask_px_e4_1"].null_count() == 6


def test_a_level_that_vanished_out_of_sight_is_removed(tmp_path: Path) -> None:
    """The bid at 10.00 is pushed out of a one-level window and is gone when it opens again."""
    path = write_zip(
        tmp_path,
        "34200.1,1,1,100,100000,1\n34200.2,1,2,50,100100,1\n34200.3,3,2,50,100100,1\n",
        "9999999999,0,100000,100\n9999999999,0,100100,50\n9999999999,0,99900,70\n",
    )
    depth = ingest(path).depth
    assert depth.schema == DEPTH_SCHEMA
    assert depth.select("sequence", "is_bid", "price", "volume").sort("price").rows() == [
        (3, True, 9.99, 70.0),
        (3, True, 10.0, 0.0),
    ]


def test_a_level_that_comes_back_unchanged_needs_no_row(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path,
        "34200.1,1,1,100,100000,1\n34200.2,1,2,50,100100,1\n34200.3,3,2,50,100100,1\n",
        "9999999999,0,100000,100\n9999999999,0,100100,50\n9999999999,0,100000,100\n",
    )
    assert ingest(path).depth.is_empty()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("34200.2,1,2,0,100100,1", "size must be above zero"),
        ("34200.2,1,2,-5,100100,1", "size must be above zero"),
        ("34200.2,1,2,nan,100100,1", "size must be a whole number"),
        ("34200.2,1,2,50,-100100,1", "price must be above zero"),
        ("34200.2,9,2,50,100100,1", "type must be 1 to 7"),
        ("34200.2,1,2,50,100100,0", "direction must be 1 or -1"),
        ("34200.2,1,0,50,100100,1", "order_id must be above 0"),
        ("3e4,1,2,50,100100,1", "time must be seconds since midnight, e.g. 34200.017459617"),
        ("34200.2,1,2,50,100100", "6 fields must stand in a row, found 5"),
    ],
)
def test_a_bad_message_is_refused_and_the_book_still_follows(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = write_zip(
        tmp_path,
        f"34200.1,1,1,100,100000,1\n{line}\n34200.3,2,1,40,100000,1\n",
        "9999999999,0,100000,100\n9999999999,0,100100,50\n9999999999,0,100000,60\n",
    )
    parsed = ingest(path)
    assert parsed.rejects.select("source_row", "reason", "payload").rows() == [(2, reason, line)]
    assert parsed.orders["sequence"].to_list() == [1, 3]
    assert rebuilt_rows(parsed, 1)[-1] == [0, 0, 100_000, 60]


def test_a_bad_orderbook_row_takes_its_message_along(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path,
        "34200.1,1,1,100,100000,1\n34200.2,1,2,50,100000,1\n34200.3,2,1,40,100000,1\n",
        "9999999999,0,100000,100\n9999999999,0,x,150\n9999999999,0,100000,110\n",
    )
    parsed = ingest(path)
    assert sorted(parsed.rejects["reason"]) == [
        "every price and size of an orderbook row must be a whole number",
        "the orderbook row of the message must be readable",
    ]
    assert rebuilt_rows(parsed, 1)[-1] == [0, 0, 100_000, 110]
    with pytest.raises(DataError, match="row 2: every price and size"):
        read_orderbook(path)


@pytest.mark.parametrize(
    ("messages", "orderbook", "message"),
    [
        ("", "", "empty file"),
        ("34200.1,1,1,100,100000,1\n" * 2, "1,1,1,1\n", "has 2 rows, its orderbook file 1"),
        ("Time,Type,ID,Size,Price,Dir\n", "1,1,1,1\n", "row 1: 6 numbers and no header"),
        ("34200.1,1,1,100,100000,1\n", "1,1,1,1,1,1,1,1\n", "row 1: 4 numbers and no header"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(
    tmp_path: Path, messages: str, orderbook: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        ingest(write_zip(tmp_path, messages, orderbook))


def test_a_zip_without_a_pair_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lonely.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XYZ_2012-06-21_34200000_57600000_message_1.csv", "1,1,1,1,1,1\n")
    with pytest.raises(
        DataError, match=r"in pairs, found XYZ_2012\S*_orderbook_1\.csv alone or missing"
    ):
        ingest(path)


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path, "34200.1,1,1,100,100000,1\n", "1,1,1,1\n")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="cannot be read to its end"):
        ingest(path)
