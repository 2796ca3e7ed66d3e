"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Kernels compile at their first call, so no example has a deadline; CI draws the same ones always.
settings.register_profile("crossbook", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("crossbook")

_CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "captures: needs the real market captures")


@pytest.fixture(scope="session")
def captures() -> Path:
    """Folder of real market captures: CROSSBOOK_TEST_DATA, else beside the checkout."""
    default = _CHECKOUT.parent / "shared" / "data"
    folder = Path(os.environ.get("CROSSBOOK_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no market captures at {folder}: set CROSSBOOK_TEST_DATA to their folder")
    return folder
