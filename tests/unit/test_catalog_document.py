"""YAML documents: values as written, and the line of each."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given
from hypothesis import strategies as st

from framework.catalog import Document, read_document
from framework.core.errors import SpecError

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))
    | st.sampled_from(["NO", "on", "yes", "-05:00", "12:30:45", "2014-05-01", "1e5", "0x10", "~"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcxyz", min_size=1), inner),
    max_leaves=20,
)


def read(text: str, *, exact_decimals: bool = False) -> Document:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return read_document(path, error=SpecError, exact_decimals=exact_decimals)


@given(_VALUES)
def test_what_is_dumped_is_read(value: object) -> None:
    # Quoted, a scalar is text; what is not text stands plain.
    text = yaml.dump(value, Dumper=_QuotingDumper)
    assert read(text).data == value


class _QuotingDumper(yaml.SafeDumper):
    """Quotes every text, so that only what is written plain is a number, a truth or nothing."""


_QuotingDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), st.integers(0, 3), min_size=1))
def test_each_key_knows_its_line(blank_lines_before: dict[str, int]) -> None:
    text, expected, line = "", {}, 1
    for key, blanks in blank_lines_before.items():
        text += "\n" * blanks + f"{key}: [1,\n 2]\n"
        line += blanks
        expected[key] = line
        line += 2
    document = read(text)
    assert {key: document.line((key,)) for key in expected} == expected
    assert all(document.line((key, 1)) == expected[key] + 1 for key in expected)
    assert all(document.line((key, 7, "no such")) == expected[key] for key in expected)


def test_plain_scalars_are_what_a_trader_means() -> None:
    text = "[NO, on, -10:00, 2014-05-01, 1e-5, 0.1, 1_000, -3, true, ~, null, 010]"
    assert read(text).data == [
        *("NO", "on", "-10:00", "2014-05-01"),
        *(1e-5, 0.1, 1000, -3, True, None, None, 10),
    ]


def test_exact_decimals_never_were_floats() -> None:
    written = "0.1000000000000000055511151231257827"
    value = read(f"[{written}, 2]", exact_decimals=True).data
    assert value == [Decimal(written), 2]
    assert math.isclose(float(Decimal(written)), 0.1)
