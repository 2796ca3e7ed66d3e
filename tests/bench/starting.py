"""From the start of a process to its first result, market making over the small market."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from typing import Any

from tests.bench.comparisons import quotes
from tests.bench.measure import Times, in_turn, rounds_of
from tests.bench.outcome import Bar, Outcome
from tests.bench.session import Session


def starts(session: Session) -> tuple[Outcome, ...]:
    """Start with machine code on disk, as all processes but the first do, and with none."""
    stream = session.stream(session.small)
    sets = quotes(stream)
    theirs_asked = session.peer_request(stream, "quote_both_sides", sets)
    ours_asked = session.our_request(stream, "quote_both_sides", sets)

    def cold() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as empty:
            return _whole(session, "crossbook", ours_asked, {"CROSSBOOK_CACHE_DIR": empty})

    _whole(session, "crossbook", ours_asked)  # fills the cache, and reads the files once
    times = in_turn(
        {
            "theirs": lambda: _whole(session, "hftbacktest", theirs_asked),
            "warm": lambda: _whole(session, "crossbook", ours_asked),
            "cold": cold,
        },
        session.rounds,
    )
    return (
        _outcome("start_warm", times["warm"], times["theirs"], (2.5, 1.5)),
        _outcome("start_cold", times["cold"], times["theirs"], (15.0,)),
    )


def _outcome(name: str, ours: Times, theirs: Times, bars: tuple[float, ...]) -> Outcome:
    return Outcome(
        name=name,
        rows=int(ours.answer["events"]),
        seconds=ours.median,
        peer="hftbacktest",
        peer_seconds=theirs.median,
        ratio=theirs.median / ours.median,
        peak_rss_mb=ours.answer["peak_rss_mb"],
        bars=tuple(Bar(told=f"≤ {bar:g} s", met=ours.median <= bar) for bar in bars),
        more={
            "replay_seconds": ours.answer["replay_seconds"],
            **rounds_of(ours, theirs),
        },
    )


def _whole(
    session: Session,
    name: str,
    request: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Start a process, ask it for one run, and time both."""
    began = time.perf_counter()
    with session.workers(name, environment) as worker:
        answer = worker.ask("simulate", **request)
        seconds = time.perf_counter() - began
    return {
        **answer,
        "seconds": seconds,
        "cpu_seconds": answer["process_cpu_seconds"],
        "replay_seconds": answer["seconds"],
    }
