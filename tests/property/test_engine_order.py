"""The order in which data is given, cut or stored cannot be seen in a result."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from framework.core.events import GOLD_SCHEMA, EventFlag
from framework.engine.backtest import run_backtest, run_trials
from framework.engine.config import BacktestConfig
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from framework.strategy import OnFill, OnTimer
from tests.oracle.engine.compare import Case, random_case, run_both
from tests.oracle.engine.market import gold_columns
from tests.oracle.engine.script import random_script, scripted

SEEDS = (3, 11, 25, 31)


def _case(seed: int) -> Case:
    """A case of more than one book."""
    rng = random.Random(seed)
    while True:
        case = random_case(rng.randrange(10**6), 300, 200)
        if len(case.books) > 1:
            return case


def _table(case: Case, book: int) -> pa.Table:
    item, n = case.instruments[book], len(case.books[book])
    names = {"venue": pa.array([item.venue] * n), "symbol": pa.array([item.symbol] * n)}
    return pa.table(names | gold_columns(case.books[book])).cast(GOLD_SCHEMA)


def _stored(case: Case, root: Path, order: random.Random) -> list[GoldStream]:
    """Write the case's rows to Delta, cut into files that are committed in a random order."""
    lake, name = Lake(root), TableName("gold", "cut")
    parts = []
    for b, rows in enumerate(case.books):
        ends = [i + 1 for i, event in enumerate(rows) if event.flags & EventFlag.LAST]
        cuts = sorted({0, len(rows), *order.sample(ends, 5)})
        table = _table(case, b)
        parts += [table.slice(start, stop - start) for start, stop in itertools.pairwise(cuts)]
    order.shuffle(parts)
    for i, part in enumerate(parts):
        lake.append(name, part, transaction=str(i), partition_by=("venue", "symbol"))
    version = lake.version(name)
    assert version == len(parts) - 1
    streams = [
        GoldStream(location=lake.uri(name), table="cut", version=version, instrument=item)
        for item in case.instruments
    ]
    order.shuffle(streams)
    return streams


@pytest.mark.parametrize("seed", SEEDS)
def test_streams_may_be_given_in_any_order(seed: int) -> None:
    case = _case(seed)
    result, _ = run_both(case)
    turned = run_backtest(case.strategy, case.streams()[::-1], case.config)
    assert turned.journal_hash == result.journal_hash
    assert turned.journal.equals(result.journal)
    assert result.journal.num_rows > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_files_may_be_written_in_any_order(seed: int, tmp_path: Path) -> None:
    case = _case(seed)
    result, _ = run_both(case)
    stored = _stored(case, tmp_path, random.Random(seed))
    again = run_backtest(case.strategy, stored, case.config)
    assert again.journal.equals(result.journal)
    assert again.journal_hash == result.journal_hash
    assert again.samples.equals(result.samples)


@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_may_be_of_any_size(seed: int) -> None:
    case = _case(seed)
    hashes = {
        run_backtest(
            case.strategy, case.streams(), replace(case.config, chunk_rows=rows)
        ).journal_hash
        for rows in (1, 2, 50, 1000, 1 << 18)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_trials_together_equal_trials_alone(seed: int) -> None:
    case = _case(seed)
    rng = random.Random(seed)
    strategies = [
        case.strategy,
        scripted(random_script(rng, 150)),
        scripted(random_script(rng, 150), (OnTimer("3ns"), OnFill())),
        scripted([]),
    ]
    together = run_trials(strategies, case.streams(), case.config)
    for strategy, result in zip(strategies, together, strict=True):
        alone = run_backtest(strategy, case.streams(), case.config)
        assert alone.journal_hash == result.journal_hash
        assert alone.samples.equals(result.samples)
        assert alone.counters == result.counters
    assert together[0].journal_hash != together[1].journal_hash
    assert together[3].journal.num_rows == 0


def test_a_repeated_run_starts_afresh() -> None:
    case = _case(7)
    hashes = [run_backtest(case.strategy, case.streams(), case.config).journal_hash for _ in "ab"]
    assert hashes[0] == hashes[1]


def test_the_defaults_replay_every_row(tmp_path: Path) -> None:
    case = _case(8)
    result = run_backtest(case.strategy, _stored(case, tmp_path, random.Random(1)))
    assert result.events == len(case.events)
    assert BacktestConfig().chunk_rows >= len(case.events)
