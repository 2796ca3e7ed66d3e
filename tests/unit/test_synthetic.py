"""The synthetic market: rows that a replay accepts, from a seed, with a market's stylised facts."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from framework.core.errors import DataError, SpecError
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.synthetic import MarketModel, demo_instruments, generate, generate_stream
from research.crossed import EpisodeKind, episodes, top_of_book

ROWS = 300_000
LEVELS = 10


@pytest.fixture(scope="module")
def market() -> dict[str, pa.Table]:
    return generate(ROWS, seed=11)


@pytest.fixture(scope="module")
def frames(market: dict[str, pa.Table]) -> dict[str, pl.DataFrame]:
    return {name: pl.DataFrame(pl.from_arrow(table)) for name, table in market.items()}


@pytest.fixture(scope="module")
def tops(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {item.name: top_of_book(frames[item.name], [item]) for item in demo_instruments()}


def test_rows_are_gold_and_as_many_as_asked(market: dict[str, pa.Table]) -> None:
    assert list(market) == ["alpha:XYZ", "beta:XYZ"]
    for name, table in market.items():
        table.validate(full=True)
        assert table.schema.equals(GOLD_SCHEMA)
        assert table["venue"].unique().to_pylist() == [name.split(":")[0]]
    total = sum(table.num_rows for table in market.values())
    assert ROWS - 3 * LEVELS < total <= ROWS


def test_the_same_seed_gives_the_same_bytes(market: dict[str, pa.Table]) -> None:
    again = generate(ROWS, seed=11)
    assert all(again[name].equals(table) for name, table in market.items())
    other = generate(ROWS, seed=12)
    assert not other["alpha:XYZ"].equals(market["alpha:XYZ"])


@pytest.mark.parametrize("chunk_rows", [1_000, 77_777])
def test_where_chunks_are_cut_changes_nothing(market: dict[str, pa.Table], chunk_rows: int) -> None:
    pieces = list(generate_stream(ROWS, seed=11, chunk_rows=chunk_rows))
    for name, table in market.items():
        joined = pa.concat_tables([piece[name] for piece in pieces]).combine_chunks()
        assert joined.equals(table)
    assert max(sum(t.num_rows for t in piece.values()) for piece in pieces) <= chunk_rows


def test_messages_are_whole_ordered_and_numbered(frames: dict[str, pl.DataFrame]) -> None:
    for frame in frames.values():
        seq = frame["seq"].to_numpy()
        assert seq[0] == 1
        assert set(np.unique(np.diff(seq))) == {0, 1}
        ends = (frame["flags"].to_numpy() & EventFlag.LAST) != 0
        assert np.array_equal(ends, np.append(np.diff(seq) > 0, True))
        assert (np.diff(frame["ts_exch_ns"].to_numpy()) >= 0).all()
        per_message = frame.group_by("seq").agg(pl.col("ts_exch_ns", "ts_recv_ns").n_unique())
        assert per_message["ts_exch_ns"].max() == per_message["ts_recv_ns"].max() == 1


def test_feeds_are_late_and_never_overtake_themselves(frames: dict[str, pl.DataFrame]) -> None:
    for frame in frames.values():
        latency_ms = (frame["ts_recv_ns"] - frame["ts_exch_ns"]).to_numpy() / 1e6
        assert latency_ms.min() > 0
        assert 0.4 < np.median(latency_ms) < 0.6
        assert (np.diff(frame["ts_recv_ns"].to_numpy()) >= 0).all()


def test_each_stream_begins_with_a_snapshot(frames: dict[str, pl.DataFrame]) -> None:
    for frame in frames.values():
        rows = 1 + 2 * LEVELS
        assert frame["kind"][0] == EventKind.CLEAR
        assert (frame["kind"][1:rows] == EventKind.DEPTH).all()
        assert (frame["flags"][:rows] & EventFlag.SNAPSHOT != 0).all()
        assert not (frame["flags"][rows:] & EventFlag.SNAPSHOT != 0).any()
        assert frame["seq"][:rows].n_unique() == 1


def test_the_book_stays_full_uncrossed_and_consistent(frames: dict[str, pl.DataFrame]) -> None:
    columns = ("kind", "side", "flags", "px_ticks", "qty_lots")
    for frame in frames.values():
        book: dict[int, dict[int, int]] = {1: {}, -1: {}}
        for kind, side, flags, px_ticks, qty_lots in frame.select(columns).iter_rows():
            if kind == EventKind.DEPTH:
                if qty_lots:
                    book[side][px_ticks] = qty_lots
                else:
                    del book[side][px_ticks]  # fails where nothing stood there
            if flags & EventFlag.LAST:
                assert len(book[1]) == len(book[-1]) == LEVELS
                assert max(book[1]) < min(book[-1])
                assert min(*book[1].values(), *book[-1].values()) > 0


def test_trades_take_exactly_what_the_levels_lose(frames: dict[str, pl.DataFrame]) -> None:
    columns = ("seq", "kind", "side", "px_ticks", "qty_lots", "ts_exch_ns")
    for frame in frames.values():
        book: dict[tuple[int, int], int] = {}
        traded: dict[tuple[int, int], int] = {}
        at_ns = trade_seq = 0
        for seq, kind, side, px_ticks, qty_lots, ts_ns in frame.select(columns).iter_rows():
            if kind == EventKind.TRADE:
                assert qty_lots > 0
                assert side in (1, -1)
                traded[-side, px_ticks] = qty_lots
                at_ns, trade_seq = ts_ns, seq
            elif kind == EventKind.DEPTH:
                level = (side, px_ticks)
                if level in traded:
                    assert (ts_ns, seq) == (at_ns, trade_seq + 1)
                    assert book[level] - qty_lots == traded.pop(level)
                book[level] = qty_lots
        assert not traded


def test_spread_and_share_of_trades_are_plausible(
    frames: dict[str, pl.DataFrame], tops: dict[str, pl.DataFrame]
) -> None:
    for name, frame in frames.items():
        assert 0.07 < (frame["kind"] == EventKind.TRADE).mean() < 0.12
        assert frame.filter(kind=EventKind.TRADE)["side"].mean() == pytest.approx(0, abs=0.1)
        top = tops[name]
        spread = ((top["ask"] - top["bid"]) / 0.01).round().to_numpy()
        assert spread.min() >= 1
        lived_ns = np.diff(top["ts_exch_ns"].to_numpy())
        assert 1.5 < np.average(spread[:-1], weights=lived_ns) < 3.0


def test_market_orders_know_something(
    frames: dict[str, pl.DataFrame], tops: dict[str, pl.DataFrame]
) -> None:
    for name, frame in frames.items():
        trades = frame.filter(kind=EventKind.TRADE)
        top = tops[name]
        times_ns = top["ts_exch_ns"].to_numpy()
        mid = ((top["bid"] + top["ask"]) / 2).to_numpy()
        trade_ns = trades["ts_exch_ns"].to_numpy()
        before = mid[np.searchsorted(times_ns, trade_ns) - 1]
        after = mid[np.searchsorted(times_ns, trade_ns + 10**9, side="right") - 1]
        side = trades["side"].to_numpy()
        impact_ticks = (side * (after - before)).mean() / 0.01
        half_spread_ticks = (side * (trades["px_ticks"].to_numpy() - before / 0.01)).mean()
        # Makers lose part of the half spread to what takers know, and keep the rest.
        assert 0.1 < impact_ticks < 0.7 * half_spread_ticks


def test_venues_cross_often_briefly_and_at_times_for_long(tops: dict[str, pl.DataFrame]) -> None:
    top = pl.concat(tops.values())
    minutes = (top["ts_exch_ns"].max() - top["ts_exch_ns"].min()) / 60e9
    found = episodes(top)
    assert 10 < found.height / minutes < 60
    share = {kind: (found["kind"] == str(kind)).mean() for kind in EpisodeKind}
    assert 0.15 < share[EpisodeKind.NOISE] < 0.6
    assert 0.005 < share[EpisodeKind.STRUCTURAL] < 0.15
    assert found["max_edge_bps"].max() > 3
    assert set(found["buy"]) == {"alpha:XYZ", "beta:XYZ"}


def test_more_venues_and_fewer_levels() -> None:
    pieces = generate_stream(20_000, seed=1, venues=3, levels=4, chunk_rows=5_000)
    seen = {name: 0 for name in ("alpha:XYZ", "beta:XYZ", "gamma:XYZ")}
    for piece in pieces:
        for name, table in piece.items():
            seen[name] += table.num_rows
    assert min(seen.values()) > 5_000


def test_prices_start_where_the_model_says_and_fall_no_further_than_the_floor() -> None:
    model = MarketModel(start_price_ticks=1_000, jump_share=0.02, jump_excitation=0.3)
    frame = pl.concat(
        pl.DataFrame(pl.from_arrow(table)) for table in generate(100_000, 3, model=model).values()
    )
    prices = frame.filter(kind=EventKind.DEPTH)["px_ticks"]
    assert prices.min() > 800


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="need at least 72 rows"):
        generate(71, seed=1)
    assert sum(table.num_rows for table in generate(72, seed=1).values()) >= 42


def test_differing_ticks_are_refused() -> None:
    coarse = Instrument(venue="v", symbol="S", tick=Decimal("0.05"), lot=Decimal(1))
    with pytest.raises(DataError, match="share one tick"):
        generate(1_000, seed=1, instruments=[*demo_instruments(), coarse])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": 2}, "3 to 50 levels"),
        ({"venues": ()}, "at least one venue model"),
        ({"move_excitation": 0.03}, "less than one further move"),
        ({"start_price_ticks": 10}, "starts at 1000 ticks"),
    ],
)
def test_impossible_models_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        MarketModel(**change)  # type: ignore[arg-type]


def test_names_run_out() -> None:
    with pytest.raises(DataError, match="1 to 8 venues"):
        demo_instruments(9)
