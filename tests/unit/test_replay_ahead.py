"""Reading ahead: in order, errors in their place, and no thread left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from framework.replay.ahead import read_ahead

CHECKOUT = Path(__file__).resolve().parents[2]


def _readers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "crossbook-reader"]


def _count(end: int, closed: list[bool]) -> Generator[int]:
    try:
        yield from range(end)
        if end == 3:
            raise ValueError("three is the end")
    finally:
        closed.append(True)


def test_all_items_come_in_order_and_the_thread_ends() -> None:
    closed: list[bool] = []
    assert list(read_ahead(lambda: _count(50, closed))) == list(range(50))
    assert closed == [True]
    assert _readers() == []


def test_an_error_comes_after_what_was_made_before_it() -> None:
    closed: list[bool] = []
    items = read_ahead(lambda: _count(3, closed))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three is the end"):
        next(items)
    assert closed == [True]
    assert _readers() == []


def test_closing_it_half_way_closes_the_source_and_ends_the_thread() -> None:
    closed: list[bool] = []
    items = read_ahead(lambda: _count(1_000_000, closed), depth=2)
    assert [next(items), next(items)] == [0, 1]
    assert len(_readers()) == 1
    items.close()
    assert closed == [True]
    assert _readers() == []


def test_no_more_is_made_than_the_shelf_holds() -> None:
    made = []
    gate = threading.Event()

    def source() -> Generator[int]:
        for n in range(100):
            made.append(n)
            if len(made) == 4:  # one taken, two on the shelf, this one in the making
                gate.set()
            yield n

    items = read_ahead(source, depth=2)
    assert next(items) == 0
    assert gate.wait(10)
    items.close()
    assert len(made) <= 6  # the two that closing made room for


def test_an_interpreter_can_end_with_a_half_read_market() -> None:
    text = (
        "from framework.replay.ahead import read_ahead\n"
        "def source():\n"
        "    n = 0\n"
        "    while True:\n"
        "        n += 1\n"
        "        yield n\n"
        "kept = read_ahead(source)\n"
        "print(next(kept))\n"
    )
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout, told.stderr) == (0, "1\n", "")
