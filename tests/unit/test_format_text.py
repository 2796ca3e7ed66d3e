"""Text lines to fields: numbering, quotes, odd bytes, odd archives."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from framework.core.errors import DataError
from framework.lake.formats import fields
from framework.lake.formats.lines import line_batches, open_text, zip_members


def bronze(*payloads: str) -> pl.DataFrame:
    return pl.concat(list(line_batches(iter(payloads), "x.csv")))


def test_lines_are_numbered_across_batches_and_blank_ones_counted() -> None:
    lines = io.StringIO("a\n\nb\r\n  \nc")
    batches = list(line_batches(lines, "x.csv", first_row=2, batch_rows=2))
    rows = pl.concat(batches)
    assert rows["payload"].to_list() == ["a", "b", "c"]
    assert rows["source_row"].to_list() == [2, 4, 6]


def test_bytes_that_are_no_text_stay_visible(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"1,\xff,3\n")
    with open_text(path) as lines:
        assert list(lines) == ["1,\\xff,3\n"]


@pytest.mark.parametrize(
    ("payload", "cells", "reason"),
    [
        ("1,2,3", ("1", "2", "3"), None),
        (" 1 ,2\t, ,", (None, None, None), "3 fields must stand in a row, found 4"),
        ("1, ,3", ("1", None, "3"), None),
        ('1,"2,5",3', ("1", "2,5", "3"), None),
        ('1,"say ""no""",3', ("1", 'say "no"', "3"), None),
        ('1,"2,3', (None, None, None), "3 fields must stand in a row, found 2"),
        ('"' + "9" * 200_000 + ",2,3", (None, None, None), "3 fields must stand in a row, found 0"),
    ],
)
def test_fields_of_a_line(payload: str, cells: tuple[str | None, ...], reason: str | None) -> None:
    split = fields.split_fields(bronze(payload, '7,"8",9'), ["a", "b", "c"])
    assert split.select("a", "b", "c").rows() == [cells, ("7", "8", "9")]
    assert split["reason"].to_list() == [reason, None]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), ("1e3", 1000.0), ("nan", None), ("inf", None), ("1e999", None), ("0x1", None)],
)
def test_a_number_is_finite(text: str, value: float | None) -> None:
    assert pl.DataFrame({"a": [text]}).select(fields.number("a"))["a"].to_list() == [value]


def test_quotients_are_rounded_once() -> None:
    """Each must be the double nearest to the decimal, which is what Python's own parser gives."""
    cents = pl.Series(range(2_200_000, 2_260_000, 7))
    expected = [float(f"{value // 10_000}.{value % 10_000:04}") for value in cents]
    assert fields.scaled(cents, 10_000).to_list() == expected


def test_the_first_reason_is_told(tmp_path: Path) -> None:
    split = fields.split_fields(bronze("x,-1", "2,3"), ["a", "b"])
    good, rejects = fields.partition(split, [*fields.price_checks("a"), *fields.price_checks("b")])
    assert good["source_row"].to_list() == [2]
    assert rejects.rows() == [("x.csv", 1, "a must be a finite number", "x,-1")]


def test_shadow_files_of_macos_are_not_members(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.csv", "1")
        archive.writestr("a.CSV", "1")
        archive.writestr("__MACOSX/._b.csv", "1")
    assert zip_members(path, ".csv") == ["a.CSV", "b.csv"]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "1")
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1  # the flags of the central directory's entry
    path.write_bytes(content)
    with (
        pytest.raises(DataError, match=r"a\.csv must not be encrypted"),
        open_text(path, "a.csv") as lines,
    ):
        list(lines)
