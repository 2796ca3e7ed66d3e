"""How text files become bronze: lines as received, numbered the way an editor would."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Final, cast

import polars as pl

from framework.core.errors import DataError
from framework.lake.formats.base import BRONZE_SCHEMA

BATCH_ROWS: Final = 200_000
"""Lines of a bronze batch."""

HEADER: Final = "header"
"""Bronze column of formats with a header line: that line, so that every batch explains itself."""

ROWS_A_DAY: Final = 10**9
"""Step from one day's arrival numbers to the next day's, above the rows of any one day's file."""

MEMBER: Final = "::"
"""Stands between an archive and the file inside it, in ``source_file``."""

_FORKS: Final = "__MACOSX/"  # macOS packs a shadow of every file
_ENCRYPTED: Final = 0x1  # general purpose bit 0 of the zip specification
_BROKEN: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a truncated or corrupt container raises into a `DataError` naming the file.

    Raises
    ------
    DataError
        Where the file is missing, truncated, corrupt or no such container.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file", remedy="check the path") from error
    except _BROKEN as error:
        raise DataError(
            f"{path}: cannot be read to its end ({error}): truncated, corrupt or another container",
            remedy="fetch the file again; nothing of it was kept",
        ) from error


def zip_members(path: Path, ending: str) -> list[str]:
    """List the files inside a zip whose names end so, in alphabetical order.

    Raises
    ------
    DataError
        Where the file is no readable zip.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        return sorted(
            name
            for name in archive.namelist()
            if name.lower().endswith(ending) and not name.startswith(_FORKS)
        )


@contextmanager
def open_text(path: Path, member: str = "") -> Iterator[Iterator[str]]:
    """Open a text file (plain or ``.gz``), or one file inside a zip, as lines.

    Bytes that are no UTF-8 stay visible as backslash escapes instead of stopping the file.
    """
    with reading(path), _open_binary(path, member) as binary:
        # newline="\n" keeps everything else as received; a "\r" is dropped when parsing.
        yield io.TextIOWrapper(binary, "utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def _open_binary(path: Path, member: str) -> Iterator[IO[bytes]]:
    if member:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(member).flag_bits & _ENCRYPTED:
                raise DataError(
                    f"{path}: {member} must not be encrypted",
                    remedy="unpack it with its password and pack it again without",
                )
            with archive.open(member) as binary:
                yield binary
    elif path.suffix == ".gz":
        with path.open("rb") as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            yield cast(IO[bytes], unpacked)
    else:
        with path.open("rb") as binary:
            yield binary


def source_name(path: Path, member: str = "") -> str:
    """Name a file, or a file inside an archive, as bronze does: without its folder.

    The same files give the same rows wherever they lie.

    >>> source_name(Path("landing/day.zip"), "day.csv")
    'day.zip::day.csv'
    """
    return f"{path.name}{MEMBER}{member}" if member else path.name


def line_batches(
    lines: Iterator[str], source_file: str, *, first_row: int = 1, batch_rows: int = BATCH_ROWS
) -> Iterator[pl.DataFrame]:
    """Yield lines as bronze frames; blank lines are counted but hold nothing to keep.

    Parameters
    ----------
    lines
        An open text file.
    source_file
        What the rows' ``source_file`` shall be.
    first_row
        Number of the first line, e.g. 2 after a header.
    """
    row = first_row
    while block := list(islice(lines, batch_rows)):
        payload = pl.Series("payload", block, pl.String).str.strip_chars_end("\r\n")
        yield (
            payload.to_frame()
            .with_columns(
                source_file=pl.lit(source_file),
                source_row=pl.int_range(row, row + len(block), dtype=pl.Int64),
            )
            .filter(pl.col("payload").str.strip_chars() != "")
            .select(BRONZE_SCHEMA.names())
        )
        row += len(block)


def read_header(lines: Iterator[str], source_file: str) -> str:
    """Take the header line.

    Raises
    ------
    DataError
        Where the file is empty.
    """
    header = next(lines, "").strip("\ufeff\r\n ")
    if not header:
        raise empty_file(source_file)
    return header


def empty_file(source_file: str) -> DataError:
    """Say that a file holds nothing."""
    return DataError(
        f"{source_file}: must hold at least one row, found an empty file",
        remedy="fetch the file again, or take it out of the folder",
    )
