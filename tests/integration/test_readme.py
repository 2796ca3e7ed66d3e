"""The README does what it says: its first Python block runs as printed, its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from experiments.cli import main
from experiments.spec.load import load_plan
from framework.engine import Result
from framework.lake.formats import FORMATS

_ROOT = Path(__file__).resolve().parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_DOCUMENTS = sorted([_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *_ROOT.glob("docs/*.md")])


def _block(language: str, number: int = 0) -> str:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", _README, re.MULTILINE | re.DOTALL)
    indent, text = found[number]
    return re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def first_result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, str]:
    """What the first block leaves in `result`, and what it prints."""
    printed: list[str] = []
    names: dict[str, object] = {
        "__name__": "readme",
        "print": lambda *values: printed.append(" ".join(map(str, values))),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("first"))
        exec(compile(_block("python"), "README.md", "exec"), names)
    result = names["result"]
    assert isinstance(result, Result)
    return result, "\n".join(printed)


def test_the_first_strategy_trades_both_venues(first_result: tuple[Result, str]) -> None:
    result = first_result[0]
    assert set(result.fills["venue"]) == {"alpha", "beta"}
    assert result.fills["position"].abs().max() <= result.parameters["limit"]


def test_the_first_strategy_prints_what_the_readme_shows(
    first_result: tuple[Result, str],
) -> None:
    # Where a change of the engine or of the demo market moves these figures, show the new ones.
    assert first_result[1] == _block("text").rstrip("\n")


def test_every_command_and_format_is_in_the_readme() -> None:
    assert isinstance(main, click.Group)
    told = set(re.findall(r"^\| `crossbook (\w+)", _README, re.MULTILINE))
    context = click.Context(main)
    assert told == set(main.list_commands(context))
    for name in told:
        command = main.get_command(context, name)
        assert command is not None
        row = next(line for line in _README.splitlines() if f"| `crossbook {name}" in line)
        parts = [command]
        if isinstance(command, click.Group):
            parts += command.commands.values()
        flags = {option for part in parts for p in part.params for option in p.opts}
        assert set(re.findall(r"`(--[\w-]+)", row)) <= flags
    for name in FORMATS:
        assert f"`{name}`" in _README


def test_the_spec_shown_is_one(tmp_path: Path) -> None:
    path = tmp_path / "my_run.yaml"
    path.write_text(_block("yaml", 1), encoding="utf-8")
    assert len(load_plan(path).runs) == 3


def test_the_catalog_entries_shown_are_the_catalogs() -> None:
    catalog = (_ROOT / "data_catalog.yaml").read_text(encoding="utf-8")
    for line in _block("yaml", 0).splitlines():
        assert line.partition("#")[0].strip() in catalog


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    broken = [
        link for link in links if "://" not in link and not (path.parent / link).resolve().exists()
    ]
    assert broken == []
