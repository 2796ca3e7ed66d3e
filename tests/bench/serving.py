"""Work done in a process of its own, on request: one line of JSON asks, one answers.

It needs the standard library alone, so that peers can run it in their own environment.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Work = Callable[[dict[str, Any]], dict[str, Any]]


def serve(works: Mapping[str, Work]) -> None:
    """Answer requests until the input ends; what libraries print goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = works[request["work"]](request)
        except Exception:
            answer = {"error": traceback.format_exc()}
        spent = {"peak_rss_mb": peak_rss_mb(), "process_cpu_seconds": time.process_time()}
        answers.write(json.dumps({**answer, **spent}) + "\n")
        answers.flush()


def peak_rss_mb() -> float:
    """Most memory this process has held so far, in MB of 10**6 bytes.

    Linux tells it per program; what getrusage tells there may be the memory of the process that
    started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))
        if found:
            return round(int(found[1]) * 1024 / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
