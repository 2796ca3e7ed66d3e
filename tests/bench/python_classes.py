"""Plain Python classes, not compiled: what a wake-up costs, here and with nautilus_trader."""

from __future__ import annotations

from typing import Any, Final

from tests.bench.comparisons import quotes
from tests.bench.measure import in_turn, rounds_of
from tests.bench.outcome import Bar, Outcome
from tests.bench.peer_files import write_arrow
from tests.bench.session import Session
from tests.bench.stream import LATENCY_NS

_PEER: Final = "nautilus_trader"


def python_timer(session: Session) -> Outcome:
    """Quote both books every 100 ms with a plain class; the peer has the tiny market."""
    large, tiny = session.stream(session.large), session.stream(session.tiny)
    sets = quotes(large)
    depth: dict[str, Any] = {"path": str(write_arrow(tiny)), "latency_ns": LATENCY_NS}
    depth["parameters"] = quotes(tiny)[0]
    with (
        session.workers(_PEER) as peer,
        session.workers("crossbook") as us,
        session.workers("crossbook") as compiled,
    ):
        peer.ask("quote", **depth)
        times = in_turn(
            {
                "theirs": lambda: peer.ask("quote", **depth),
                "ours": session.ours(us, large, "quote_both_sides", sets, compiled=False),
                "compiled": session.ours(compiled, large, "quote_both_sides", sets),
            },
            session.rounds,
        )
    ours, theirs, machine = times["ours"], times["theirs"], times["compiled"]
    rows, peer_rows = int(ours.answer["events"]), tiny.exact_rows()
    ratio = (theirs.median / peer_rows) / (ours.median / rows)
    of_compiled = machine.median / ours.median
    return Outcome(
        name="python_timer",
        rows=rows,
        seconds=ours.median,
        peer=_PEER,
        peer_seconds=theirs.median,
        ratio=ratio,
        peak_rss_mb=ours.answer["peak_rss_mb"],
        bars=(
            Bar(told="≥ 100 ×", met=ratio >= 100),
            Bar(told=f"≥ 0.6 of compiled ({of_compiled:.2f})", met=of_compiled >= 0.6),
        ),
        more={
            "peer_rows": peer_rows,
            "peer_orders": theirs.answer["orders"],
            "orders": ours.answer["orders"],
            "compiled_seconds": machine.median,
            "of_compiled": of_compiled,
            "rows_per_second": rows / ours.median,
            "peer_rows_per_second": peer_rows / theirs.median,
            "peer_peak_rss_mb": theirs.answer["peak_rss_mb"],
            **rounds_of(ours, theirs),
        },
    )


def python_bbo(session: Session) -> Outcome:
    """Wake a plain class on every change of a best price; the peer is given only those quotes."""
    large, small = session.stream(session.large), session.stream(session.small)
    ours_asked = {"folder": str(session.folder), "rows": large.rows}
    quotes_path = session.folder / f"{small.name}.quotes.arrow"
    if not quotes_path.exists():
        with session.workers("crossbook") as us:
            us.ask("list_quotes", **{**ours_asked, "rows": small.rows}, out=str(quotes_path))
    theirs_asked = {"path": str(quotes_path), "latency_ns": LATENCY_NS}
    with session.workers(_PEER) as peer, session.workers("crossbook") as us:
        peer.ask("watch", **theirs_asked)
        us.ask("watch", **{**ours_asked, "rows": session.stream(session.tiny).rows})
        times = in_turn(
            {
                "theirs": lambda: peer.ask("watch", **theirs_asked),
                "ours": lambda: us.ask("watch", **ours_asked),
            },
            session.rounds,
        )
    ours, theirs = times["ours"], times["theirs"]
    wakes = ours.answer["calls"] / ours.median
    calls = theirs.answer["calls"] / theirs.median
    return Outcome(
        name="python_bbo",
        rows=large.exact_rows(),
        seconds=ours.median,
        peer=_PEER,
        peer_seconds=theirs.median,
        ratio=wakes / calls,
        peak_rss_mb=ours.answer["peak_rss_mb"],
        bars=(
            Bar(told=f"≥ 300,000 wakes/s ({wakes:,.0f})", met=wakes >= 300_000),
            Bar(told="≥ 5 ×", met=wakes / calls >= 5),
        ),
        more={
            "wakes": ours.answer["calls"],
            "wakes_per_second": wakes,
            "peer_calls": theirs.answer["calls"],
            "peer_calls_per_second": calls,
            **rounds_of(ours, theirs),
        },
    )
