"""The folders that hold compiled kernels, one for each state of their sources."""

from __future__ import annotations

import shutil
from pathlib import Path

from framework._jit import cache


def cache_folder() -> Path:
    """Return the folder of kernels compiled from the sources as they are now."""
    return cache.CACHE_DIR


def kernels_on_disk() -> list[str]:
    """Name the kernels in that folder, ``module.function``, in alphabetical order."""
    found = cache_folder().glob("*/*.nbi")
    return sorted({path.stem.rsplit("-", 1)[0] for path in found})


def prune(keep: int = 2) -> list[Path]:
    """Delete the folders of former sources, all but the newest; the one in use always stays.

    Parameters
    ----------
    keep
        Folders to keep, the one in use among them.

    Returns
    -------
    list of Path
        What was deleted, oldest first.
    """
    current = cache_folder()
    others = [path for path in current.parent.glob("*") if path.is_dir() and path != current]
    others.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
    deleted = others[: max(0, len(others) + 1 - keep)]
    for folder in deleted:
        shutil.rmtree(folder, ignore_errors=True)  # another process may be writing to it
    return deleted
