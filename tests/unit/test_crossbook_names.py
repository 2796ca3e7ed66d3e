"""``import crossbook as cb``: every name leads somewhere, nothing is imported before its time."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import crossbook as cb
from crossbook.lazy import PLACES


@pytest.mark.parametrize("name", PLACES)
def test_a_name_leads_to_what_it_names(name: str) -> None:
    assert getattr(cb, name) is getattr(importlib.import_module(PLACES[name]), name)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'run_backtst'"):
        cb.run_backtst  # noqa: B018


def test_the_import_brings_nothing_heavy() -> None:
    program = (
        "import sys, crossbook; "
        "print(sorted({'numba', 'polars', 'mlflow', 'optuna', 'framework'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(PLACES) <= set(dir(cb))
