"""Which code a run was made with: commit, uncommitted changes, package versions."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from experiments.record.redaction import without_secrets

PACKAGES: Final = ("crossbook", "numpy", "numba", "polars", "pyarrow", "deltalake")
_GIT_SECONDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """The state of a git checkout.

    Parameters
    ----------
    commit
        Full hash; ``""`` outside a checkout.
    diff
        What differs from the commit in tracked files, and the names of untracked ones. What looks
        like a secret is taken out.
    fingerprint
        SHA-256 of the diff as it was, secrets included; ``""`` where nothing differs.
    """

    commit: str = ""
    diff: str = ""
    fingerprint: str = ""

    @property
    def dirty(self) -> bool:
        """True where the commit alone does not describe the code."""
        return bool(self.diff or self.fingerprint)

    def __str__(self) -> str:
        """Short form for a report, such as ``"1a2b3c4d5e6f with uncommitted changes"``."""
        if not self.commit:
            return "not in a git checkout"
        return self.commit[:12] + (" with uncommitted changes" if self.dirty else "")


def code_state(folder: Path) -> CodeState:
    """Ask git about the checkout around a folder; without git, or outside one, the answer is empty.

    The diff runs neither external diff programs nor text filters of the checkout's configuration.
    """
    commit = _git(folder, "rev-parse", "HEAD").strip()
    if not commit:
        return CodeState()
    diff = _git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv")
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", ":/")
    untracked = "".join(f"# untracked: {name}\n" for name in new.splitlines())
    whole = untracked + diff
    fingerprint = hashlib.sha256(whole.encode()).hexdigest() if whole else ""
    return CodeState(commit=commit, diff=without_secrets(whole), fingerprint=fingerprint)


def package_versions(*more: str) -> dict[str, str]:
    """Name the versions of what can change a result, of Python, the platform and more packages."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in (*PACKAGES, *more):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
