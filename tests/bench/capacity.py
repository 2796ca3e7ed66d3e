"""How fast gold is read, and how much memory runs need."""

from __future__ import annotations

from typing import Any

from tests.bench.comparisons import quotes
from tests.bench.measure import in_turn, rounds_of
from tests.bench.outcome import Bar, Outcome
from tests.bench.peer_files import write_compressed
from tests.bench.session import INTERVAL_NS, Session
from tests.bench.stream import Stream

_MOST_MB = 500
_MOST_GROWTH = 0.10


def read_gold(session: Session) -> Outcome:
    """Read gold from Delta and merge it; the peer reads its compressed files, nothing more."""
    large, small = session.stream(session.large), session.stream(session.small)
    ours_asked: dict[str, Any] = {"folder": str(session.folder), "rows": large.rows}
    theirs_asked = {"paths": [str(path) for path in write_compressed(small)]}
    with session.workers("hftbacktest") as peer, session.workers("crossbook") as us:
        us.ask("read", **ours_asked)
        times = in_turn(
            {
                "theirs": lambda: peer.ask("read", **theirs_asked),
                "ours": lambda: us.ask("read", **ours_asked),
            },
            session.rounds,
        )
    ours, theirs = times["ours"], times["theirs"]
    speed = ours.answer["rows"] / ours.median
    peer_speed = theirs.answer["rows"] / theirs.median
    return Outcome(
        name="read_gold",
        rows=ours.answer["rows"],
        seconds=ours.median,
        peer="hftbacktest",
        peer_seconds=theirs.median,
        ratio=speed / peer_speed,
        peak_rss_mb=ours.answer["peak_rss_mb"],
        bars=(Bar(told=f"≥ 20 M rows/s ({speed / 1e6:.1f})", met=speed >= 20e6),),
        more={
            "rows_per_second": speed,
            "peer_rows": theirs.answer["rows"],
            "peer_rows_per_second": peer_speed,
            **rounds_of(ours, theirs),
        },
    )


def memory_10m(session: Session) -> Outcome:
    """Make markets over the large market in a process of its own."""
    stream = session.stream(session.large)
    ours = _alone(session, stream)
    with session.workers("hftbacktest") as peer:
        tiny = session.stream(session.tiny)
        peer.ask("simulate", **session.peer_request(tiny, "quote_both_sides", quotes(tiny)))
        asked = session.peer_request(stream, "quote_both_sides", quotes(stream))
        theirs = peer.ask("simulate", **asked)
    peak_mb = ours["peak_rss_mb"]
    return Outcome(
        name="memory_10m",
        rows=ours["events"],
        seconds=ours["seconds"],
        peer="hftbacktest",
        peer_seconds=theirs["seconds"],
        ratio=theirs["peak_rss_mb"] / peak_mb,
        peak_rss_mb=peak_mb,
        bars=(Bar(told=f"≤ {_MOST_MB} MB", met=peak_mb <= _MOST_MB),),
        more={
            "ratio_of": "memory",
            "peer_peak_rss_mb": theirs["peak_rss_mb"],
            "journal_rows": ours["journal_rows"],
            "journal_mb": ours["journal_mb"],
        },
    )


def memory_100m(session: Session) -> Outcome:
    """Make markets over the huge market, and over the large one to compare the memory of both.

    A journal grows with its orders, so that the huge market is also run over with quotes so much
    rarer that there are as many orders as over the large one: what is left is the market's.
    """
    large = _alone(session, session.stream(session.large))["peak_rss_mb"]
    stream = session.stream(session.huge)
    huge = _alone(session, stream)
    rarer = _alone(session, stream, INTERVAL_NS * session.huge // session.large)["peak_rss_mb"]
    peak_mb = huge["peak_rss_mb"]
    growth, growth_rarer = peak_mb / large - 1, rarer / large - 1
    return Outcome(
        name="memory_100m",
        rows=huge["events"],
        seconds=huge["seconds"],
        peak_rss_mb=peak_mb,
        bars=(
            Bar(told=f"≤ {_MOST_MB} MB", met=peak_mb <= _MOST_MB),
            Bar(told=f"{growth:+.0%} over 10 M rows", met=abs(growth) <= _MOST_GROWTH),
            Bar(
                told=f"{growth_rarer:+.0%} with as many orders",
                met=abs(growth_rarer) <= _MOST_GROWTH,
            ),
        ),
        more={
            "growth": growth,
            "growth_with_as_many_orders": growth_rarer,
            "peak_rss_mb_with_as_many_orders": rarer,
            "journal_rows": huge["journal_rows"],
            "journal_mb": huge["journal_mb"],
            "rows_per_second": huge["events"] / huge["seconds"],
        },
    )


def _alone(session: Session, stream: Stream, interval_ns: int = INTERVAL_NS) -> dict[str, Any]:
    """Run once in a new process, whose machine code another one has made."""
    sets = [{**quotes(stream)[0], "interval_ns": interval_ns}]
    with session.workers("crossbook") as first:
        session.ours(first, stream, "quote_both_sides", sets)
    with session.workers("crossbook") as us:
        return session.ours(us, stream, "quote_both_sides", sets)()
