"""Run the engine and its twin on one random case and hold them against each other."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from framework.core.instrument import Instrument
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.engine.result import JOURNAL_SCHEMA, Result
from framework.strategy import OnFill, OnOrder, OnTimer, Strategy
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import (
    ListedStream,
    random_events,
    random_instruments,
    with_random_links_and_costs,
)
from tests.oracle.engine.script import ALL_WAKES, random_script, scripted
from tests.oracle.engine.simulation import Row, Simulation

SELF_TRADE = ("cancel_newest", "cancel_oldest", "cancel_both", "decrement")
MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2")


@dataclass
class Case:
    """A market, a strategy and the settings of a run."""

    instruments: list[Instrument]
    books: list[list[Event]]
    strategy: Strategy
    config: BacktestConfig

    @property
    def events(self) -> list[Event]:
        return [event for book in self.books for event in book]

    def streams(self) -> list[ListedStream]:
        pairs = zip(self.instruments, self.books, strict=True)
        return [ListedStream(item, tuple(rows)) for item, rows in pairs]


def random_case(seed: int, steps: int, actions: int, model: str = "") -> Case:
    """Draw a case; fewer steps or actions keep the beginning of what more would give."""
    rng = random.Random(seed)
    n_books = rng.choice([1, 1, 2, 3])
    config = BacktestConfig(
        queue_model=model or rng.choice(MODELS),
        queue_power=rng.choice([1.0, 2.0, 3.0]),
        exchange_model=rng.choice(["partial_fills"] * 4 + ["no_partial_fills"]),
        self_trade=rng.choice(["allow", *SELF_TRADE]),
        max_orders=rng.choice([128, 128, 64]),
        sample_interval_ns=rng.choice([13, 100]),
        chunk_rows=rng.choice([7, 50, 1 << 18]),
    )
    instruments = random_instruments(rng, n_books)
    wakes = rng.choice([ALL_WAKES, ALL_WAKES, (OnTimer("5ns"), OnFill()), (OnTimer(9), OnOrder())])
    books = random_events(random.Random(rng.random()), n_books, steps)
    strategy = scripted(random_script(random.Random(rng.random()), actions), wakes)
    return Case(instruments, books, strategy, config)


def costly_case(seed: int, steps: int, actions: int) -> Case:
    """Draw a case whose instruments have every kind of latency and cost."""
    case = random_case(seed, steps, actions)
    instruments = with_random_links_and_costs(random.Random(seed), case.instruments)
    # Streams go by name, and a venue may now have several.
    order = sorted(range(len(instruments)), key=lambda b: instruments[b].name)
    books = [
        [event._replace(book=place) for event in case.books[b]] for place, b in enumerate(order)
    ]
    config = replace(case.config, seed=seed)
    return Case([instruments[b] for b in order], books, case.strategy, config)


def journal_rows(result: Result) -> list[Row]:
    """The engine's journal as tuples."""
    columns = [result.journal[field.name].to_pylist() for field in JOURNAL_SCHEMA]
    return list(zip(*columns, strict=True))


def run_both(case: Case) -> tuple[Result, Simulation]:
    """Run a case in the engine and in the twin; assert that they agree in everything."""
    twin = Simulation(case.strategy, case.instruments, case.events, case.config)
    twin.run()
    seen = list(case.strategy.log)
    result = run_backtest(case.strategy, case.streams(), case.config)
    _assert_same("wake-up", list(case.strategy.log), seen)
    rows = [tuple(_rounded(value) for value in row) for row in twin.journal]
    engine = [tuple(_rounded(value) for value in row) for row in journal_rows(result)]
    _assert_same("journal row", engine, rows)
    samples = {}
    for ts_ns, book, *state in result.samples.rows():
        assert samples.setdefault((ts_ns, book), tuple(state)) == tuple(state)
    _assert_same("sample", sorted(samples.items()), sorted(twin.samples.items()))
    assert result.events == len(case.events)
    return result, twin


def _rounded(value: float) -> float:
    """Queue estimates agree to what the order of floating point operations leaves."""
    return round(value, 9) + 0.0 if isinstance(value, float) else value


def _assert_same(what: str, engine: list[object], twin: list[object]) -> None:
    for i, (one, other) in enumerate(zip(engine, twin, strict=False)):
        assert one == other, f"{what} {i}: engine {one}, twin {other}"
    assert len(engine) == len(twin), f"{what}s: engine {len(engine)}, twin {len(twin)}"
