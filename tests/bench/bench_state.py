"""Measure the state store: recording, both emulations, and a replay into a real MongoDB."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.replay import open_streams
from framework.state.desk import DeskLayout, set_up
from framework.state.emulation.expected import expected
from framework.state.feed import IssuedWrite, issued_writes, store_rows
from framework.state.mongo import connect
from framework.state.mongo.replay import ReplayReport, serve_replay
from framework.state.view import StoreView, send, settle
from framework.synthetic import write_demo_market
from tests.conformance.mongod import Mongod

_EVENTS = 100_000
_LAG_NS = 5 * NS_PER_MS
_PACE, _PACED = 3_000, 30_000


def _timed(what: str, count: int, run: Callable[[], object]) -> None:
    run()  # compiled, and in memory
    started = time.perf_counter()
    run()
    seconds = time.perf_counter() - started
    print(f"{what:<44} {count / seconds:>12,.0f}/s")


def _served(
    server: Mongod, database: str, tape: Sequence[IssuedWrite], pace: int | None
) -> ReplayReport:
    """Replay a tape, at so many documents a second or as fast as it goes."""
    span_s = (tape[-1].issued_ns - tape[0].issued_ns) / NS_PER_S
    speed = None if pace is None else pace * span_s / len(tape)
    with connect(server.uri, database=database) as store:
        set_up(store)
        return serve_replay(store, tape, speed=speed)


def main() -> None:
    """Print rates."""
    with tempfile.TemporaryDirectory() as folder:
        write_demo_market(Path(folder) / "lake", rows=_EVENTS, seed=2)
        streams = open_streams(Path(folder) / "lake", "demo")
        instruments = [stream.instrument for stream in streams]
        rows = list(store_rows(streams))
        n_rows = sum(len(batch) for batch in rows)
        _timed("market events recorded as rows", _EVENTS, lambda: list(store_rows(streams)))

        def view() -> None:
            seen = StoreView(len(streams))
            for batch in rows:
                for row in batch:
                    settle(seen.handle, send(seen.handle, row, _LAG_NS) - _LAG_NS)

        _timed("rows through the kernels' view, from Python", n_rows, view)
        tape = list(issued_writes(rows, instruments))
        newest = {one.collection: one.document_id() for _, one in tape}
        _timed(
            "documents through the emulated store",
            len(tape),
            lambda: expected(tape, DeskLayout(), newest),
        )
        server = Mongod(Path(folder) / "mongod")
        try:
            server.start()
            reports = {
                "sustained": _served(server, "full", tape, None),
                f"at {_PACE:,}/s": _served(server, "paced", tape[:_PACED], _PACE),
            }
        except pytest.skip.Exception as missing:
            print(missing)
            return
        finally:
            server.kill()
        for name, report in reports.items():
            what = f"documents into a local mongod, {name}"
            print(
                f"{what:<44} {report.documents_per_s:>12,.0f}/s, write latency "
                f"{report.write_ms['p50']:.1f} ms median, {report.write_ms['p99']:.1f} ms p99"
            )


if __name__ == "__main__":
    main()
