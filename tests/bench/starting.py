"""From the start of a process to its first result, market making over the small market."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from typing import Any

from tests.bench.comparisons import quotes
from tests.bench.measure import in_turn
from tests.bench.outcome import Bar, Outcome
from tests.bench.session import Session
from tests.bench.workers import Worker


def start_warm(session: Session) -> Outcome:
    """Start with machine code on disk, as in every process but the first."""
    return _started(session, "start_warm", (2.5, 1.5), cold=False)


def start_cold(session: Session) -> Outcome:
    """Start with an empty cache, so that everything is compiled."""
    return _started(session, "start_cold", (15.0,), cold=True)


def _started(session: Session, name: str, bars: tuple[float, ...], *, cold: bool) -> Outcome:
    stream = session.stream(session.small)
    sets = quotes(stream)
    theirs_asked = session.peer_request(stream, "quote_both_sides", sets)
    ours_asked = session.our_request(stream, "quote_both_sides", sets)

    def ours() -> dict[str, Any]:
        if not cold:
            return _whole("crossbook", ours_asked)
        with tempfile.TemporaryDirectory() as empty:
            return _whole("crossbook", ours_asked, {"CROSSBOOK_CACHE_DIR": empty})

    _whole("crossbook", ours_asked)  # fills the cache, and reads the files once
    times = in_turn(
        {"theirs": lambda: _whole("hftbacktest", theirs_asked), "ours": ours}, session.rounds
    )
    first, theirs = times["ours"], times["theirs"]
    return Outcome(
        name=name,
        rows=int(first.answer["events"]),
        seconds=first.median,
        peer="hftbacktest",
        peer_seconds=theirs.median,
        ratio=theirs.median / first.median,
        peak_rss_mb=first.answer["peak_rss_mb"],
        bars=tuple(Bar(told=f"≤ {bar:g} s", met=first.median <= bar) for bar in bars),
        more={
            "replay_seconds": first.answer["replay_seconds"],
            "all_seconds": first.seconds,
            "all_peer_seconds": theirs.seconds,
        },
    )


def _whole(
    name: str, request: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Start a process, ask it for one run, and time it all."""
    began = time.perf_counter()
    with Worker(name, environment) as worker:
        answer = worker.ask("simulate", **request)
        seconds = time.perf_counter() - began
    return {**answer, "seconds": seconds, "replay_seconds": answer["seconds"]}
