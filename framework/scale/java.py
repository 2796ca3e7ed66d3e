"""Find the Java that Spark needs, or say which package brings it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from framework.core.errors import CrossbookError

JAVA_VERSIONS: Final = (17, 21)
"""Major versions Spark 4 runs on."""

_REMEDY: Final = (
    "install one and set JAVA_HOME or PATH: on Debian and Ubuntu the package is "
    "openjdk-17-jre-headless, on Fedora java-21-openjdk-headless, in Homebrew openjdk@17"
)


class ScaleError(CrossbookError):
    """Spark, its Java or its tables are not as they must be."""


def find_java(environment: Mapping[str, str] | None = None) -> Path:
    """Return the Java executable that Spark is to use: JAVA_HOME's, else the first on PATH.

    Parameters
    ----------
    environment
        Environment variables; those of this process if left out.

    Raises
    ------
    ScaleError
        Where there is none, or it is of another version than `JAVA_VERSIONS`.
    """
    known = os.environ if environment is None else environment
    home = known.get("JAVA_HOME")
    found = Path(home) / "bin" / "java" if home else None
    if found is None or not found.is_file():
        on_path = shutil.which("java", path=known.get("PATH", ""))
        found = Path(on_path) if on_path else None
    if found is None:
        raise ScaleError("Spark needs Java 17 or 21, none was found", remedy=_REMEDY)
    version = _major_version(found)
    if version not in JAVA_VERSIONS:
        raise ScaleError(
            f"Spark needs Java 17 or 21, {found} is version {version or 'unknown'}",
            remedy=_REMEDY,
        )
    return found


def _major_version(java: Path) -> int | None:
    """Read ``openjdk version "17.0.15"``, or ``"1.8.0"`` of old."""
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(match[1]) if match else None
