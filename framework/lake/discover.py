"""Find the files of a landing folder and tell them apart by what they hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.core.errors import DataError
from framework.lake.formats.base import SourceFormat

_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to be ingested.

    Parameters
    ----------
    path
        Where it is.
    n_bytes
        Its size.
    sha256
        Hash of its content.
    """

    path: Path
    n_bytes: int
    sha256: str

    @property
    def transaction(self) -> str:
        """What its commits are named by: content and name, but not the folder it lies in."""
        return f"{self.sha256}:{self.path.name}"


def discover(paths: Sequence[Path], source_format: SourceFormat) -> list[SourceFile]:
    """List files, and the files of folders that the format claims, in an order of their own.

    The order is by the time the format finds in a file, then by name, numbers compared as numbers:
    how the paths were listed cannot be seen. A file that is named twice is listed once.

    Raises
    ------
    DataError
        Where a path does not exist or a folder holds no file of the format.
    """
    files: dict[tuple[str, str], Path] = {}
    for path in _expand(paths, source_format):
        digest = _sha256(path)
        known = files.setdefault((digest, path.name), path)
        if str(path) < str(known):
            files[digest, path.name] = path
    found = [
        SourceFile(path=path, n_bytes=path.stat().st_size, sha256=digest)
        for (digest, _), path in files.items()
    ]
    return sorted(found, key=lambda file: file_order(file, source_format))


def _expand(paths: Sequence[Path], source_format: SourceFormat) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in path.rglob("*") if p.is_file() and _claims(source_format, p)]
            if not inside:
                raise DataError(
                    f"{path}: the folder must hold files ending in "
                    f"{', '.join(source_format.suffixes)}, it holds none",
                    remedy="check the path and the format's name",
                )
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise DataError(
                f"{path}: must be a file or a folder, there is none",
                remedy="check the path",
            )
    return files


def _claims(source_format: SourceFormat, path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts[-2:])
    return not hidden and path.name.lower().endswith(tuple(source_format.suffixes))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path}: the file must be readable: {error.strerror}",
            remedy="correct its permissions",
        ) from error


def file_order(file: SourceFile, source_format: SourceFormat) -> tuple[object, ...]:
    """Return what files are sorted by: the time found in the file, then name and content."""
    name = [(int(p), "") if p.isdigit() else (-1, p) for p in _NUMBER.split(file.path.name)]
    return source_format.order_hint_ns(file.path), name, file.sha256
