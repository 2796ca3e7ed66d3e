"""The command group: lazy, and honest about how it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.cli.group import LazyGroup

_HEAVY = ("deltalake", "mlflow", "numba", "pandas", "plotly", "polars", "pyspark", "torch")


def imported_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "from click.testing import CliRunner; from experiments.cli import main\n"
        "done = CliRunner().invoke(main, ['--help']); assert done.exit_code == 0\n"
        "assert all(n in done.output for n in 'demo ingest run tables verify'.split())"
    )
    loaded = imported_after(code)
    assert "experiments.cli.group" in loaded
    assert not loaded.intersection(_HEAVY)


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_each_command_exists_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "--json" in result.output


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("crossbook, version ")


def test_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["table"])
    assert result.exit_code == 2
    assert "No such command 'table'" in result.stderr


def test_usage_error_obeys_json() -> None:
    result = CliRunner().invoke(main, ["tables", "--lack", "x", "--json"])
    assert result.exit_code == 2
    assert "--lack" in json.loads(result.stdout)["error"]


def group_of(target: str) -> LazyGroup:
    return LazyGroup("group", lazy_commands={"go": (target, "Go.")})


def test_command_that_cannot_be_imported_is_an_error_without_traceback() -> None:
    result = CliRunner().invoke(group_of("experiments.cli.nowhere:go"), ["go"])
    assert result.exit_code == 2
    assert "No module named 'experiments.cli.nowhere'" in result.stderr
    assert "Traceback" not in result.output


def test_interrupt_ends_with_130() -> None:
    group = LazyGroup("group")

    @group.command("go")
    def go() -> None:
        raise KeyboardInterrupt

    assert CliRunner().invoke(group, ["go"]).exit_code == 130
