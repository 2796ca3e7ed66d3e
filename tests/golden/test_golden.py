"""Both shipped strategies leave the journals they left before, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.runs import STORED, STRATEGIES, golden_run


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_journal_is_the_stored_one(name: str, tmp_path: Path) -> None:
    stored = json.loads(STORED.read_text())
    assert stored["reason"]
    expected = stored["journals"][name]
    result = golden_run(name, tmp_path)
    assert result.journal.num_rows == expected["rows"]
    assert result.counters["fills"] == expected["fills"] > 0
    assert result.journal_hash == expected["journal_hash"], (
        'where the change is meant: python -m tests.golden.runs "why"'
    )
