"""What docs/alignment.md and docs/scale.md show runs, and names every call and option."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from experiments.cli.scan import scan_command
from framework.align import Aligner

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_ALIGNMENT = (_DOCS / "alignment.md").read_text(encoding="utf-8")
_SCALE = (_DOCS / "scale.md").read_text(encoding="utf-8")


def test_the_example_gives_what_it_says() -> None:
    block = re.search(r"```python\n(.*?)```", _ALIGNMENT, re.DOTALL)
    assert block is not None
    *before, last = block[1].strip().splitlines()
    expression, _, promised = last.partition("  # ")
    names: dict[str, object] = {}
    exec("\n".join(before), names)
    assert eval(expression, names) == ast.literal_eval(promised)


def test_every_operation_is_in_the_table() -> None:
    for name in Aligner.__abstractmethods__:
        assert f"| `{name}` |" in _ALIGNMENT


def test_every_option_of_the_scan_is_told() -> None:
    inherited = {"--lake", "--catalog", "--json", "--version", "--help"}
    for parameter in scan_command.params:
        for option in set(parameter.opts) - inherited:
            assert option.startswith("--") is False or option in _SCALE, option
