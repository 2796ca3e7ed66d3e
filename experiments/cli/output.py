"""What a command prints: tables for people, or one JSON object for programs."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, NoReturn, ParamSpec

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framework.core.errors import CrossbookError

EXIT_DONE: Final = 0
EXIT_FINDING: Final = 1
EXIT_ERROR: Final = 2

_DEBUG: Final = "CROSSBOOK_DEBUG"
_PIPE_WIDTH: Final = 240  # what is piped into a file or grep is not to be folded
_JSON_OPTIONS: Final = (
    orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
)

_P = ParamSpec("_P")


class Output:
    """One command's output.

    Plain mode prints tables on standard output. JSON mode prints exactly one object there, in
    `finish` or `fail`; everything else goes to standard error.

    Parameters
    ----------
    json
        True for JSON mode.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.progress_console = _console(stderr=True)
        """Standard error, for progress bars."""
        self._tables = self.progress_console if json else _console(stderr=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; numbers stand right, None is an empty cell."""
        table = Table(title=Text(title), title_justify="left", header_style="bold")
        for index, column in enumerate(columns):
            numeric = any(_is_number(row[index]) for row in rows)
            table.add_column(Text(column), justify="right" if numeric else "left")
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        self._tables.print(table)

    def text(self, text: str) -> None:
        """Print a line that belongs to the result."""
        self._tables.print(Text(text), soft_wrap=True)

    def note(self, text: str) -> None:
        """Tell the reader something on standard error."""
        self.progress_console.print(Text(text), soft_wrap=True)

    def finish(self, payload: Mapping[str, object], exit_code: int = EXIT_DONE) -> NoReturn:
        """End the command: print `payload` in JSON mode and exit.

        Parameters
        ----------
        payload
            The command's answer; `Path` and `Decimal` become strings.
        exit_code
            `EXIT_DONE`, or `EXIT_FINDING` where a gate failed.
        """
        if self.json:
            self._write_json(payload)
        sys.exit(exit_code)

    def fail(self, message: str, *, remedy: str = "") -> NoReturn:
        """End the command with `EXIT_ERROR`, saying what is wrong and what to do."""
        self.progress_console.print(Text(f"error: {message}", style="red"), soft_wrap=True)
        if remedy:
            self.progress_console.print(Text(f"  remedy: {remedy}"), soft_wrap=True)
        if self.json:
            self._write_json({"error": message, "remedy": remedy})
        sys.exit(EXIT_ERROR)

    def fail_with(self, error: Exception) -> NoReturn:
        """End the command because of an exception; `CROSSBOOK_DEBUG=1` shows where it arose."""
        if os.environ.get(_DEBUG):
            traceback.print_exception(error)
        if isinstance(error, CrossbookError):
            self.fail(error.message, remedy=error.remedy)
        self.fail(
            f"{type(error).__name__}: {error}",
            remedy=f"unexpected: set {_DEBUG}=1 to see where, and report it",
        )

    def _write_json(self, payload: Mapping[str, object]) -> None:
        text = orjson.dumps(payload, default=_to_json, option=_JSON_OPTIONS).decode()
        click.echo(text, nl=False)


def output_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--json`` to a command and pass it an `Output` as ``output``.

    A `CrossbookError` becomes a message with its remedy and exit status 2, any other exception a
    message without a traceback (`CROSSBOOK_DEBUG=1` shows it).
    """

    @click.option(
        "--json", "json_mode", is_flag=True, help="Print one JSON object; logs go to stderr."
    )
    @functools.wraps(command)
    def wrapped(*, json_mode: bool, **parameters: object) -> None:
        output = Output(json=json_mode)
        try:
            command(output=output, **parameters)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            output.fail_with(error)

    return wrapped


def spec_options(example: str) -> Callable[[Callable[_P, None]], Callable[_P, None]]:
    """Add the argument SPEC (``spec``, a Path) and ``--set`` (``overrides``), with an example."""

    def add(command: Callable[_P, None]) -> Callable[_P, None]:
        spec = click.argument("spec", type=click.Path(path_type=Path, dir_okay=False))
        overrides = click.option(
            "--set",
            "overrides",
            metavar="PATH=VALUE",
            multiple=True,
            help=f"Override the spec, e.g. --set {example}; may be repeated.",
        )
        return spec(overrides(command))

    return add


def lake_options(command: Callable[_P, None]) -> Callable[_P, None]:
    """Add ``--lake`` (passed as ``lake``, a Path) and ``--catalog`` (``catalog``, Path or None)."""
    lake = click.option(
        "--lake",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("lake"),
        show_default=True,
        help="Folder of the Delta tables.",
    )
    catalog = click.option(
        "--catalog",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="Instruments, venues and tables [default: data_catalog.yaml].",
    )
    return lake(catalog(command))


def _console(*, stderr: bool) -> Console:
    # Made anew for each command, so that it writes to the streams of that moment.
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return str(value)


def _to_json(value: object) -> object:
    if isinstance(value, Path | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
