"""Ten faults planted one by one in the simulated exchange, and what must catch each.

A test that no fault can fail proves nothing. For each fault

    python -m tests.mutants

copies the project to a temporary folder, replaces one piece of text there, and demands that the
test named beside it then fails, and that ``crossbook regress`` ends with 1 and names the first
event that differs. Without a fault the tests and the gate must pass in such a copy. ``--gate``
leaves the tests out, ``--tests`` the gate.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from framework.core.errors import CrossbookError

ROOT: Final = Path(__file__).resolve().parent.parent
PLANTED_IN: Final = Path("framework", "venue")
"""A fault is found by its text, in whatever file of this folder, so that code may move."""

_COPIED: Final = (
    *("framework", "research", "strategies", "experiments", "tests"),
    *("pyproject.toml", "data_catalog.yaml"),
)
_PASSED, _FAILED, _UNNAMED = 0, 1, 3
"""Exit codes of pytest and of the gate; others mean that they could not run."""
Check = Callable[[Path], tuple[int, str]]


class StaleFaultError(CrossbookError):
    """A fault's text must stand in the code exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A replacement of text that a test must notice.

    Attributes
    ----------
    name
        What goes wrong.
    text, planted
        The right code and the wrong.
    test
        Node id of the smallest test that catches it.
    """

    name: str
    text: str
    planted: str
    test: str


_QUEUE: Final = "tests/unit/test_queue.py::"
_MATCHING: Final = "tests/unit/test_matching.py::"
_RIVALS: Final = "tests/unit/test_rival_faults.py::"

FAULTS: Final = (
    Fault(
        name="a shrinking level does not move the queue",
        text="if cancelled < 0.0:",
        planted="if cancelled > 0.0:",
        test=_QUEUE + "test_a_cancellation_is_shared",
    ),
    Fault(
        name="who is ahead counts as behind",
        text="back = before - front",
        planted="back = before + front",
        test=_QUEUE + "test_a_cancellation_is_shared",
    ),
    Fault(
        name="half a millionth of a fee rounds down",
        text="(size % 1000 * rate + 500) // 1000",
        planted="(size % 1000 * rate - 500) // 1000",
        test=_MATCHING + "test_inverse_cash_and_fees_are_exact",
    ),
    Fault(
        name="fees are paid out, rebates collected",
        text="(value < 0) == (rate_ppb < 0)",
        planted="(value < 0) != (rate_ppb < 0)",
        test=_MATCHING + "test_inverse_cash_and_fees_are_exact",
    ),
    Fault(
        name="new size at a level taken from is withheld",
        text="if lots < memory[i].lots:",
        planted="if lots > memory[i].lots:",
        test=_RIVALS + "test_what_is_displayed_is_handed_out_once",
    ),
    Fault(
        name="what is taken twice is handed out again",
        text="memory[i].lots += lots",
        planted="memory[i].lots -= lots",
        test=_MATCHING + "test_a_level_taken_is_not_handed_out_twice",
    ),
    Fault(
        name="the market never meets an order at the very price",
        text="own_top_of(world)[h] >= z",
        planted="own_top_of(world)[h] > z",
        test=_MATCHING + "test_a_trade_at_the_price_fills_what_outlasts_the_queue",
    ),
    Fault(
        name="a new order overtakes our earlier one",
        text="orders[o].front = max(orders[o].front, orders[live[i - 1]].front)",
        planted="orders[o].front = min(orders[o].front, orders[live[i - 1]].front)",
        test=_MATCHING + "test_a_later_order_waits_behind_our_own_when_the_level_is_out_of_view",
    ),
    Fault(
        name="a trade passes by whom it reaches",
        text="reached = int(0.5 - order.front)",
        planted="reached = int(0.5 + order.front)",
        test=_MATCHING + "test_a_trade_at_the_price_fills_what_outlasts_the_queue",
    ),
    Fault(
        name="a crossing level fills the same lots again",
        text="left = lots - consumed_lots(world, k, h, z)",
        planted="left = lots + consumed_lots(world, k, h, z)",
        test=_RIVALS + "test_a_level_that_crosses_fills_no_more_than_it_shows",
    ),
)


def place_of(fault: Fault, root: Path = ROOT) -> Path:
    """Find the one file that holds a fault's text.

    Raises
    ------
    StaleFaultError
        Where the text stands nowhere, or more than once.
    """
    files = sorted((root / PLANTED_IN).rglob("*.py"))
    found = [path for path in files for _ in range(path.read_text("utf-8").count(fault.text))]
    if len(found) != 1:
        where = ", ".join(path.name for path in found) or "nowhere"
        raise StaleFaultError(
            f"{fault.text!r} must stand once below {PLANTED_IN}, found {len(found)} times: {where}",
            remedy="bring FAULTS in tests/mutants.py and the list in CONTRIBUTING.md up to date",
        )
    return found[0]


def plant(fault: Fault, root: Path) -> None:
    """Put a fault into a copy of the project."""
    path = place_of(fault, root)
    path.write_text(path.read_text("utf-8").replace(fault.text, fault.planted), "utf-8")


def _copy(to: Path) -> None:
    """Copy what the tests need; neither lakes nor environments nor caches."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to / name)


def _environment(folder: Path) -> dict[str, str]:
    """A copy's own code, and kernels compiled for it alone."""
    return os.environ | {
        "CROSSBOOK_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _pytest(folder: Path, tests: list[str]) -> tuple[int, str]:
    """Run tests in a copy; exit code and a word of why."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    told = [line for line in lines if line.startswith("E  ")]
    return done.returncode, (told or lines or [done.stderr])[0].removeprefix("E").strip()


def _regress(folder: Path) -> tuple[int, str]:
    """Run the regression gate in a copy; exit code and the first event it names, if any."""
    program = "from experiments.cli import main; main()"
    command = [sys.executable, "-c", program, "regress", "tests/golden", "--json"]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    if done.returncode not in (_PASSED, _FAILED):
        return done.returncode, (done.stderr.splitlines() or ["nothing said"])[-1]
    runs = json.loads(done.stdout)["runs"]
    named = [
        f"{Path(run['spec']).stem} {run['difference']['event']}"
        for run in runs
        if run.get("difference") and run["difference"]["row"] is not None
    ]
    if done.returncode == _FAILED and not named:
        return _UNNAMED, "the gate failed without naming an event"
    return done.returncode, named[0] if named else ""


def _try(faults: tuple[Fault, ...], check: Callable[[Path], tuple[int, str]]) -> tuple[int, str]:
    with tempfile.TemporaryDirectory(prefix="crossbook-mutant-") as name:
        folder = Path(name)
        _copy(folder)
        for fault in faults:
            plant(fault, folder)
        return check(folder)


def _plant_all(console: Console, title: str, checks: dict[str, Check]) -> int:
    """Plant every fault before its check; how many survived."""
    table = Table("fault", "in", "outcome", title=title)
    survived = 0
    for fault in FAULTS:
        code, why = _try((fault,), checks[fault.name])
        caught = code == _FAILED
        survived += not caught
        outcome = f"caught: {why}" if caught else f"SURVIVED ({code}): {why}"
        table.add_row(fault.name, place_of(fault).name, outcome)
        console.print(f"{title}: {fault.name}: {'caught' if caught else 'SURVIVED'}")
    console.print(table)
    return survived


def main(arguments: list[str]) -> int:
    """Plant every fault, print what became of it; 1 where one survives."""
    console = Console()
    survived = 0
    if "--gate" not in arguments:
        every = sorted({fault.test for fault in FAULTS})
        code, why = _try((), lambda folder: _pytest(folder, every))
        if code != _PASSED:
            console.print(f"Without a fault the tests must pass, pytest ended with {code}: {why}")
            return 1
        tests = {f.name: partial(_pytest, tests=[f.test]) for f in FAULTS}
        survived += _plant_all(console, "tests", tests)
    if "--tests" not in arguments:
        code, why = _try((), _regress)
        if code != _PASSED:
            console.print(f"Without a fault the gate must pass, it ended with {code}: {why}")
            return 1
        survived += _plant_all(console, "regress", {f.name: _regress for f in FAULTS})
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
