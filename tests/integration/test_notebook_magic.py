"""``%%backtest`` in a real IPython shell, and what a prompt shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from framework.core.errors import DataError
from framework.engine import Result
from framework.replay import GoldStream, book_at, open_streams
from framework.synthetic import write_demo_market

_CELL = '''
import crossbook as cb

class JoinsTheBest(cb.Strategy):
    """Rests at the best bid."""

    size: int = cb.param(2, low=1, high=9)
    wakes = (cb.OnTimer("500ms"),)

    def on_timer(self, ctx: cb.Context) -> None:
        if ctx.has_quote(0) and ctx.n_orders == 0:
            ctx.buy(0, self.size, ctx.bid_ticks(0), post_only=True)
'''


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("magic") / "lake"
    write_demo_market(root, rows=6_000, seed=4)
    return root


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    made = InteractiveShell()
    made.run_line_magic("load_ext", "crossbook")
    yield made
    made.history_manager.end_session()


def _backtest(shell: InteractiveShell, line: str, cell: str = _CELL) -> object:
    return shell.run_cell_magic("backtest", line, cell)


def test_a_cell_runs_and_leaves_result_and_streams(shell: InteractiveShell, lake: Path) -> None:
    result = _backtest(shell, f"demo size=3 --lake {lake} --queue power")
    assert isinstance(result, Result)
    assert shell.user_ns["result"] is result
    assert result.parameters == {"size": 3}
    assert [s.instrument.name for s in shell.user_ns["streams"]] == ["alpha:XYZ", "beta:XYZ"]
    assert shell.user_ns["JoinsTheBest"].__name__ == "JoinsTheBest"


def test_compiled_gives_the_same_journal(shell: InteractiveShell, lake: Path) -> None:
    plain = _backtest(shell, f"demo --lake {lake}")
    fast = _backtest(shell, f"demo --lake {lake} --compiled --name fast --venue alpha")
    again = _backtest(shell, f"demo --lake {lake} --venue alpha")
    assert isinstance(plain, Result)
    assert isinstance(fast, Result)
    assert isinstance(again, Result)
    assert fast.journal_hash == again.journal_hash
    assert shell.user_ns["fast"] is fast


@pytest.mark.parametrize(
    ("line", "cell", "told"),
    [
        ("demo size", _CELL, "NAME=VALUE"),
        ("demo size=big", _CELL, "must be a number"),
        ("", _CELL, "required: table"),
        ("demo", "x = 1", "must define a class"),
    ],
)
def test_mistakes_are_told_in_a_line(
    line: str, cell: str, told: str, shell: InteractiveShell
) -> None:
    with pytest.raises(UsageError, match=told):
        _backtest(shell, line, cell)


def test_a_journal_is_shown_in_words(shell: InteractiveShell, lake: Path) -> None:
    result = _backtest(shell, f"demo --lake {lake}")
    assert isinstance(result, Result)
    shown = shell.display_formatter.format(result.journal)[0]["text/html"]
    assert "submitted" in shown
    assert "2024-01-02T14:30" in shown
    other = shell.display_formatter.format(result.journal.select(["ts_ns"]))[0]
    assert "text/html" not in other
    story = result.story.row(0, named=True)
    assert (story["event"], story["venue"], story["side"]) == ("submitted", "alpha", "buy")


def test_a_result_is_shown_with_its_curve(shell: InteractiveShell, lake: Path) -> None:
    result = _backtest(shell, f"demo --lake {lake}")
    assert isinstance(result, Result)
    page = result._repr_html_()
    assert page.count("<svg") == 1
    assert "JoinsTheBest(size=2)" in page


@pytest.fixture
def stream(lake: Path) -> GoldStream:
    return open_streams(lake, "demo", venue="alpha")[0]


def test_a_book_is_rebuilt_as_it_stood(stream: GoldStream) -> None:
    book = book_at(stream, "2024-01-02T14:30:05", levels=4)
    levels = book.levels
    bids, asks = levels.filter(levels["side"] > 0), levels.filter(levels["side"] < 0)
    assert bids["price"].is_sorted(descending=True)
    assert asks["price"].is_sorted()
    assert bids["price"][0] < asks["price"][0]
    assert book.is_valid
    text, page = repr(book).splitlines(), book._repr_html_()
    assert text[0] == "alpha:XYZ at 2024-01-02T14:30:05.000000000Z"
    assert len(text) == 1 + levels.height == 1 + page.count("px'></span>")
    assert [line.split()[0] for line in text[1:]] == ["ask"] * 4 + ["bid"] * 4


def test_a_book_before_the_first_event_does_not_exist(stream: GoldStream) -> None:
    with pytest.raises(DataError, match="must have an event by"):
        book_at(stream, "2024-01-01")
