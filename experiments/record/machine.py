"""What a run was made on, and with which packages."""

from __future__ import annotations

import os
import platform
from importlib.metadata import distributions
from pathlib import Path


def machine() -> dict[str, str]:
    """Describe the machine without naming it: processor, cores, memory, system."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "memory_gb": _memory_gb(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def installed() -> dict[str, str]:
    """Name every installed distribution and its version."""
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gb() -> str:
    try:
        held = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "unknown"
    return f"{held / 2**30:.1f}"
