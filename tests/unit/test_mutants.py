"""The list of planted faults is not stale; ``make mutants`` shows that each is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import FAULTS, PLANTED_IN, ROOT, Fault, StaleFaultError, place_of, plant

NAMES = [fault.name for fault in FAULTS]


def test_there_are_ten_of_them() -> None:
    assert len(set(NAMES)) == len({fault.text for fault in FAULTS}) == len(FAULTS) == 10


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_the_text_stands_once_and_the_test_exists(fault: Fault) -> None:
    assert fault.text in place_of(fault).read_text("utf-8")
    file, _, test = fault.test.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_the_fault_is_listed(fault: Fault) -> None:
    _, _, test = fault.test.partition("::")
    row = f"| {fault.name} | `{fault.text}` | `{fault.planted}` | `{test}` |"
    assert row in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()


def test_planting_changes_one_line_of_a_copy(tmp_path: Path) -> None:
    folder = tmp_path / PLANTED_IN
    folder.mkdir(parents=True)
    fault = FAULTS[0]
    (folder / "queue.py").write_text(f"before\n{fault.text}\nafter\n")
    plant(fault, tmp_path)
    assert (folder / "queue.py").read_text() == f"before\n{fault.planted}\nafter\n"
    with pytest.raises(StaleFaultError, match="found 0 times: nowhere"):
        plant(fault, tmp_path)


def test_a_text_that_stands_twice_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / PLANTED_IN
    folder.mkdir(parents=True)
    for name in ("one.py", "two.py"):
        (folder / name).write_text("a < b\n")
    with pytest.raises(StaleFaultError, match=r"found 2 times: one\.py, two\.py"):
        place_of(replace(FAULTS[0], text="a < b"), tmp_path)
