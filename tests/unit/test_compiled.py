"""Compiled strategies: the context's twins, and what leaving the subset says."""

from __future__ import annotations

import inspect
import linecache
import math
from pathlib import Path

import pytest

from framework.core.errors import StrategyError
from framework.strategy import Context, OnTimer, Strategy, param
from framework.strategy.actions import ACTIONS
from framework.strategy.compiled import compile_strategy

EDGE = 3


class Counter(Strategy):
    """Counts with a global, a module and a method of its own."""

    step: int = param(2, low=1)
    wide: bool = param(True)
    seen: int = 0
    root: float = 0.0
    wakes = (OnTimer("1s"),)

    def on_timer(self, ctx):
        """Add and take a root."""
        self.seen += self.add(ctx, self.step)
        if self.wide:
            self.root = math.sqrt(self.seen)

    def add(self, ctx, step: int):
        """Return the step and the edge."""
        total: int = step + EDGE
        return total


def test_every_member_of_the_context_has_a_kernel_or_belongs_to_on_start():
    members = {name for name in dir(Context) if not name.startswith("_")}
    assert members - set(ACTIONS) == {"book", "instrument", "signal"}
    assert set(ACTIONS) <= members


def test_kernels_take_the_same_arguments_as_the_context():
    for name, action in ACTIONS.items():
        member = getattr(Context, name)
        if isinstance(member, property):
            continue
        wanted = list(inspect.signature(member).parameters)[1:]
        assert list(inspect.signature(action.py_func).parameters)[1:] == wanted, name


def test_a_record_holds_parameters_and_notes():
    compiled = compile_strategy(Counter)
    assert dict(compiled.dtype.fields or {}).keys() == {"step", "wide", "seen", "root"}
    record = compiled.record(Counter(step=5))
    assert record["step"][0] == 5
    assert record["wide"][0] == 1
    assert compile_strategy(Counter) is compiled


_IN = "\n        "
_BAD = {
    "x = [1, 2]": ("use list here", "keep numbers in attributes"),
    "self.other = 1": ("use self.other, which the class does not declare", "other: int = 0"),
    "print(1)": ("use print from outside the class", "run it interpreted"),
    "x = ctx.instrument(0)": ("use ctx.instrument", "on_start"),
    "x = 'text'": ("use 'text'", "use numbers"),
    "x = None": ("use None", "use numbers"),
    "x = self": ("hand self on", "use self.name"),
    "x = self.missing(ctx)": ("call self.missing", "methods of the class"),
    "try:\n            pass\n        except ValueError:\n            pass": (
        "use try",
        "catch nothing",
    ),
    "x = 1\n        y = (1, 2)\n        x = y\n        self.note = x": (
        "kinds of value",
        "one kind",
    ),
}


@pytest.mark.parametrize("body", _BAD)
def test_leaving_the_subset_names_the_line_and_the_remedy(body: str, tmp_path: Path):
    found, remedy = _BAD[body]
    file = tmp_path / "mine.py"
    file.write_text(
        "from framework.strategy import OnTimer, Strategy\n"
        "class Mine(Strategy):\n"
        "    note: int = 0\n"
        "    wakes = (OnTimer('1s'),)\n"
        "    def on_timer(self, ctx):\n"
        f"        {body}\n"
    )
    space: dict[str, type[Strategy]] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    with pytest.raises(StrategyError) as caught:
        compile_strategy(space["Mine"])
    assert found in caught.value.message
    assert remedy in caught.value.remedy
    number = int(caught.value.message.split("line ")[1].split(":")[0])
    assert 6 <= number <= 9
    assert file.read_text().splitlines()[number - 1].strip() in caught.value.message


def test_a_class_of_a_notebook_cell_compiles():
    cell = (
        "from framework.strategy import OnTimer, Strategy\n"
        "class Cell(Strategy):\n"
        "    n: int = 0\n"
        "    wakes = (OnTimer('1s'),)\n"
        "    def on_timer(self, ctx):\n"
        "        self.n += 1\n"
    )
    name = "<ipython-input-1-cell>"
    linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
    space: dict[str, type[Strategy]] = {"__name__": "__main__"}  # type: ignore[dict-item]
    exec(compile(cell, name, "exec"), space)
    assert compile_strategy(space["Cell"]).address != 0


def test_a_class_without_source_is_refused():
    space: dict[str, type[Strategy]] = {}
    exec(
        "from framework.strategy import OnTimer, Strategy\n"
        "class Lost(Strategy):\n"
        "    wakes = (OnTimer('1s'),)\n"
        "    def on_timer(self, ctx):\n"
        "        pass\n",
        space,
    )
    with pytest.raises(StrategyError, match=r"Lost\.on_timer must be readable"):
        compile_strategy(space["Lost"])


def test_a_method_means_by_a_name_what_its_own_file_means(tmp_path: Path):
    """A class may inherit from another file, whose numbers and kernels its methods keep using."""
    first = tmp_path / "first.py"
    first.write_text(
        "import math as m\n"
        "from framework.strategy import OnTimer, Strategy\n"
        "STEP = 3\n"
        "class Base(Strategy):\n"
        "    n: int = 0\n"
        "    wakes = (OnTimer('1s'),)\n"
        "    def on_timer(self, ctx):\n"
        "        self.n += STEP + int(m.sqrt(4.0))\n"
    )
    spaces: list[dict[str, object]] = [{}, {}]
    exec(compile(first.read_text(), str(first), "exec"), spaces[0])
    second = tmp_path / "second.py"
    second.write_text("class Derived(Base):\n    def other(self, ctx):\n        return STEP\n")
    spaces[1] = {"Base": spaces[0]["Base"], "STEP": 4}
    exec(compile(second.read_text(), str(second), "exec"), spaces[1])
    assert compile_strategy(spaces[1]["Derived"]).address != 0  # type: ignore[arg-type]
    clash = tmp_path / "clash.py"
    clash.write_text(
        "class Clash(Base):\n"
        "    def on_timer(self, ctx):\n"
        "        self.n += self.more(ctx) + STEP\n"
        "    def more(self, ctx):\n"
        "        return 0\n"
    )
    exec(compile(clash.read_text(), str(clash), "exec"), spaces[1])
    assert compile_strategy(spaces[1]["Clash"]).address != 0  # type: ignore[arg-type]
    mixed = tmp_path / "mixed.py"
    mixed.write_text(
        "class Mixed(Base):\n"
        "    def on_timer(self, ctx):\n"
        "        self.n += self.old(ctx) + STEP\n"
        "    old = Base.on_timer\n"
    )
    exec(compile(mixed.read_text(), str(mixed), "exec"), spaces[1])
    with pytest.raises(StrategyError, match="mean 3 by STEP, which is 4"):
        compile_strategy(spaces[1]["Mixed"])  # type: ignore[arg-type]
