"""``%%backtest``: write a strategy in a cell and see at once what it would have earned."""

from __future__ import annotations

import argparse
import shlex
import warnings
from typing import NoReturn

import pyarrow as pa
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from framework.engine import BacktestConfig, Result, run_backtest
from framework.engine.result import JOURNAL_SCHEMA
from framework.engine.story import worded
from framework.replay import open_streams
from framework.strategy import Strategy

_SHOWN_ROWS = 20


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%backtest: {message}\n{self.format_usage()}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise UsageError(message or "")


def install(shell: InteractiveShell) -> None:
    """Add the magic, and show journals in words."""

    def backtest(line: str, cell: str) -> Result | None:
        return _backtest(shell, line, cell)

    backtest.__doc__ = _parser().format_help()
    shell.register_magic_function(backtest, "cell", "backtest")
    # Optuna looks for a progress widget as it is imported, which nothing here needs.
    warnings.filterwarnings("ignore", message="IProgress not found")
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(pa.Table, _journal_html)


def _backtest(shell: InteractiveShell, line: str, cell: str) -> Result | None:
    """Run a cell, then the strategy it defines; the result is shown, and kept under a name."""
    given = _parser().parse_args(shlex.split(line, comments=True))
    parameters = dict(map(_value, given.parameters))
    before = dict(shell.user_ns)
    done = shell.run_cell(cell, store_history=False)
    if not done.success:
        return None  # the notebook has shown the error
    owner = _defined(before, shell.user_ns)
    streams = open_streams(
        given.lake,
        given.table,
        catalog=given.catalog,
        venue=given.venue,
        symbols=given.symbols,
        start=given.start,
        end=given.end,
    )
    config = BacktestConfig(queue_model=given.queue, seed=given.seed, compiled=given.compiled)
    result = run_backtest(owner(**parameters), streams, config)
    shell.user_ns |= {given.name: result, "streams": streams}
    return result


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="%%backtest",
        description="Run the strategy that this cell defines and keep the result as a variable.",
        add_help=False,
    )
    parser.add_argument("table", help="gold table, such as demo")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="of the strategy")
    parser.add_argument("--lake", default="lake", help="folder of the Delta tables [lake]")
    parser.add_argument("--catalog", default=None, help="catalog file")
    parser.add_argument("--venue", default=None, help="one venue; all where left out")
    parser.add_argument("--symbols", nargs="+", default=None, help="all where left out")
    parser.add_argument("--start", default=None, help="ISO 8601, UTC")
    parser.add_argument("--end", default=None, help="the first instant no longer in the run")
    parser.add_argument("--queue", default="auto", help="queue model [auto]")
    parser.add_argument("--seed", type=int, default=1, help="of random draws [1]")
    parser.add_argument("--compiled", action="store_true", help="compile the strategy")
    parser.add_argument("--name", default="result", help="variable of the result [result]")
    return parser


def _value(text: str) -> tuple[str, int | float | bool]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"%%backtest: a parameter is NAME=VALUE, got {text!r}")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    try:
        return name, int(value)
    except ValueError:
        pass
    try:
        return name, float(value)
    except ValueError as error:
        raise UsageError(f"%%backtest: {name} must be a number, got {value!r}") from error


def _defined(before: dict[str, object], now: dict[str, object]) -> type[Strategy]:
    """Find the strategy that a cell has defined, the last one of several."""
    new = [
        value
        for name, value in now.items()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value.__module__ == "__main__"
        and before.get(name) is not value
    ]
    if not new:
        raise UsageError("%%backtest: the cell must define a class derived from Strategy")
    return new[-1]


def _journal_html(table: pa.Table) -> str | None:
    """Show a journal's first rows; other tables as they are."""
    if table.schema.names[: len(JOURNAL_SCHEMA)] != JOURNAL_SCHEMA.names:
        return None
    more = f"<p>{table.num_rows:,} rows; result.story has all of them in units of the venue</p>"
    return worded(table[:_SHOWN_ROWS])._repr_html_() + more
