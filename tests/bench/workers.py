"""Processes that are asked to work: Crossbook's, and the peers' in their own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = CHECKOUT / ".venv-peers"
_HERE: Final = Path(__file__).parent

COMMANDS: Final = {
    "crossbook": [sys.executable, "-m", "tests.bench.ours"],
    "hftbacktest": [str(PEERS / "bin" / "python"), str(_HERE / "peer_hftbacktest.py")],
    "nautilus_trader": [str(PEERS / "bin" / "python"), str(_HERE / "peer_nautilus.py")],
}


def peers_missing() -> list[str]:
    """Name the simulators that the peers' environment lacks."""
    packages = PEERS.glob("lib/python*/site-packages/*.dist-info")
    found = {path.name.partition("-")[0] for path in packages}
    return sorted({"hftbacktest", "nautilus_trader"} - found)


class WorkerError(RuntimeError):
    """A worker could not do what it was asked; the message holds its traceback."""


class Worker:
    """One process; it ends with the ``with`` block.

    Parameters
    ----------
    name
        Key of `COMMANDS`.
    environment
        Variables to set besides those of this process.
    """

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._process = subprocess.Popen(
            COMMANDS[name],
            cwd=CHECKOUT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the process end and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def ask(self, work: str, **request: Any) -> dict[str, Any]:
        """Have something done and wait for the answer.

        Raises
        ------
        WorkerError
            Where the work failed, or the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"work": work, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.name} ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name}: {answer['error']}")
        return answer


class Workers:
    """Hands out workers.

    Parameters
    ----------
    shared
        True for one process a program that lives until `close`, which saves starting and
        compiling; figures of memory and of starting then mean nothing. Else every worker is a new
        process, as always is one with an environment of its own.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self._shared = shared
        self._kept: dict[str, Worker] = {}

    @contextmanager
    def __call__(self, name: str, environment: Mapping[str, str] | None = None) -> Iterator[Worker]:
        """Lend a worker for the ``with`` block."""
        if not self._shared or environment:
            with Worker(name, environment) as worker:
                yield worker
            return
        if name not in self._kept:
            self._kept[name] = Worker(name)
        yield self._kept[name]

    def close(self) -> None:
        """End the processes that are shared."""
        for worker in self._kept.values():
            worker.close()
        self._kept.clear()
