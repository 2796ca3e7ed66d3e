"""The state store's page: its code runs, its table has the contract's methods."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from framework.state import ChangeStream, Collection, EmulatedStore, StateStore
from framework.state.desk import DeskState
from framework.state.query import _CONDITIONS, _LOGICAL
from framework.state.writes import OPERATORS

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "state-store.md").read_text("utf-8")


def test_the_example_runs() -> None:
    found = re.search(r"^```python\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    exec(compile(found[1], "docs/state-store.md", "exec"), {"__name__": "shown"})


@pytest.mark.parametrize("kind", [StateStore, Collection, ChangeStream])
def test_every_method_of_the_contract_is_told(kind: type[object]) -> None:
    row = next(line for line in _PAGE.splitlines() if line.startswith(f"| `{kind.__name__}` |"))
    told = set(re.findall(r"`(\w+)[(`]", row.partition("|")[2].partition("|")[2]))
    assert told == set(getattr(kind, "__abstractmethods__", ())) | (
        {"insert", "get"} if kind is Collection else set()
    )


def test_every_operator_is_told() -> None:
    told = set(re.findall(r"\$\w+", _PAGE))
    assert told == {*OPERATORS, *_CONDITIONS, *_LOGICAL}


def test_every_collection_and_reading_is_told() -> None:
    names = set(re.findall(r"^\| `(\w+)` \| (?:capped|clustered|plain)", _PAGE, re.MULTILINE))
    assert names == set(DeskState(EmulatedStore()).store.names())
    readings = {name for name, _ in inspect.getmembers(DeskState) if name.endswith("_as_of")}
    assert readings - {"_as_of"} == set(re.findall(r"`(\w+_as_of)`", _PAGE))
