"""What a command prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from experiments.cli.output import Output, lake_options, output_option
from framework.core.errors import DataError

Body = Callable[[Output], None]


def run(body: Body, *arguments: str) -> Result:
    @click.command()
    @output_option
    def command(*, output: Output) -> None:
        body(output)

    return CliRunner().invoke(command, list(arguments))


def show(output: Output) -> None:
    output.table("fees [bps]", ("venue", "fee"), [("alpha", 1234), ("[red]beta", None)])
    output.note("noted")
    output.finish({"path": Path("a/b"), "fee": Decimal("0.10"), "pnl": np.float64(1.5)}, 1)


def test_plain_mode_prints_the_table() -> None:
    result = run(show)
    assert result.exit_code == 1
    assert "1,234" in result.stdout
    assert "[red]beta" in result.stdout
    assert "fees [bps]" in result.stdout
    assert result.stderr == "noted\n"


def test_json_mode_prints_one_object_and_nothing_else() -> None:
    result = run(show, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"path": "a/b", "fee": "0.10", "pnl": 1.5}
    assert "alpha" in result.stderr


def test_long_rows_are_not_folded_in_a_pipe() -> None:
    digest = "0123456789abcdef" * 8
    result = run(lambda output: output.table("runs", ("hash",), [(digest,)]))
    assert digest in result.stdout


def raise_ours(output: Output) -> None:
    raise DataError("file x.gz must be whole, row 7 is cut", remedy="fetch it again")


def raise_foreign(output: Output) -> None:
    raise ZeroDivisionError("division by zero")


def test_our_error_is_a_message_with_its_remedy() -> None:
    result = run(raise_ours)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "error: file x.gz must be whole, row 7 is cut\n  remedy: fetch it again\n"
    )


def test_our_error_in_json() -> None:
    result = run(raise_ours, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "error": "file x.gz must be whole, row 7 is cut",
        "remedy": "fetch it again",
    }


def test_foreign_error_has_no_traceback_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSSBOOK_DEBUG", raising=False)
    result = run(raise_foreign)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "CROSSBOOK_DEBUG=1" in result.stderr
    monkeypatch.setenv("CROSSBOOK_DEBUG", "1")
    result = run(raise_foreign)
    assert result.exit_code == 2
    assert "raise_foreign" in result.stderr


def test_usage_error_is_2() -> None:
    result = run(show, "--jason")
    assert result.exit_code == 2
    assert "--json" in result.stderr


def test_lake_options() -> None:
    seen: list[tuple[Path, Path | None]] = []

    @click.command()
    @lake_options
    def command(*, lake: Path, catalog: Path | None) -> None:
        seen.append((lake, catalog))

    assert CliRunner().invoke(command, []).exit_code == 0
    assert CliRunner().invoke(command, ["--lake", "a", "--catalog", "b.yaml"]).exit_code == 0
    assert seen == [(Path("lake"), None), (Path("a"), Path("b.yaml"))]
