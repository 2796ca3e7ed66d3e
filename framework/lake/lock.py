"""One writer per dataset at a time, held by the operating system so that a kill releases it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framework.core.errors import DataError

try:
    import fcntl
except ImportError:  # Windows: Delta's own conflict check is the only guard there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def sole_writer(folder: Path, name: str) -> Iterator[None]:
    """Hold the right to write a dataset.

    Parameters
    ----------
    folder
        Where the lock's file lives; made where it is missing.
    name
        Name of the dataset.

    Raises
    ------
    DataError
        Where another process holds it, or the folder cannot be written.
    """
    path = folder / f"{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DataError(
            f"the lake must be writable, {path} cannot be opened: {error.strerror}",
            remedy="pass another folder with --lake, or correct its permissions",
        ) from error
    try:
        _acquire(descriptor, name)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, name: str) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DataError(
            f"only one process may write {name!r} at a time, another one is writing it now",
            remedy="wait until it has ended and run the command again",
        ) from error
