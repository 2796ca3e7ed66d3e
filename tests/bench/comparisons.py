"""The comparisons with hftbacktest in which both simulate the same: fills are compared too."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

from tests.bench.measure import in_turn, rounds_of
from tests.bench.outcome import Bar, Outcome
from tests.bench.session import INTERVAL_NS, Session, Sets
from tests.bench.stream import Stream

_QUOTES: Final[dict[str, Any]] = {"offset_ticks": 0, "lots_per_tick": 4, "max_position": 20}
_CROSSES: Final[dict[str, Any]] = {
    "edge_ticks": 1,
    "least_lots": 500,
    "pause_ns": 5_000_000,
    "max_position": 1_000,
}


def quotes(stream: Stream, offsets: int = 1, leans: int = 1, limits: int = 1) -> Sets:
    """Parameter sets of the market maker: every combination, the plain one first."""
    common = {"interval_ns": INTERVAL_NS, "start_ns": stream.start_ns(INTERVAL_NS)}
    return [
        {
            **common,
            "offset_ticks": _QUOTES["offset_ticks"] + offset,
            "lots_per_tick": _QUOTES["lots_per_tick"] + lean,
            "max_position": _QUOTES["max_position"] + 10 * limit,
        }
        for offset, lean, limit in product(range(offsets), range(leans), range(limits))
    ]


def crosses(stream: Stream) -> Sets:
    """The one parameter set of the arbitrage."""
    return [{**_CROSSES, "start_ns": stream.start_ns(INTERVAL_NS)}]


def market_making(session: Session) -> Outcome:
    """Quote both books every 100 ms, compiled."""
    stream = session.stream(session.large)
    return _compared(session, "market_making", "quote_both_sides", quotes(stream), stream, (4, 6))


def arbitrage(session: Session) -> Outcome:
    """Take crosses on every change of a best price, compiled."""
    stream = session.stream(session.large)
    return _compared(session, "arbitrage", "take_crosses", crosses(stream), stream, (3,))


def sweep_20(session: Session) -> Outcome:
    """Run twenty parameter sets in one replay, against twenty runs in a row."""
    stream = session.stream(session.small)
    sets = quotes(stream, offsets=4, leans=5)
    return _compared(
        session, "sweep_20", "quote_both_sides", sets, stream, (40, 70), journal="fills"
    )


def _compared(
    session: Session,
    name: str,
    strategy: str,
    sets: Sets,
    stream: Stream,
    bars: tuple[int, ...],
    journal: str = "all",
) -> Outcome:
    with (
        session.workers("hftbacktest") as peer,
        session.workers("crossbook") as us,
        session.workers("crossbook") as us_held,
    ):
        n_fills, n_differ = session.fills(peer, stream, strategy, sets)
        times = in_turn(
            {
                "theirs": session.hftbacktest(peer, stream, strategy, sets),
                "ours": session.ours(us, stream, strategy, sets, journal=journal),
                "held": session.ours(us_held, stream, strategy, sets, held=True, journal=journal),
                "files": session.hftbacktest(peer, stream, strategy, sets, from_files=True),
            },
            session.rounds,
        )
    ours, theirs, held, files = (times[name] for name in ("ours", "theirs", "held", "files"))
    ratio = theirs.median / ours.median
    rows = int(ours.answer["events"])
    return Outcome(
        name=name,
        rows=rows,
        seconds=ours.median,
        peer="hftbacktest",
        peer_seconds=theirs.median,
        ratio=ratio,
        fills_equal=n_differ == 0 and n_fills > 0,
        peak_rss_mb=ours.answer["peak_rss_mb"],
        bars=tuple(Bar(told=f"≥ {bar} ×", met=ratio >= bar) for bar in bars),
        more={
            "trials": len(sets),
            "orders": ours.answer["orders"],
            "fills": n_fills,
            "fills_differing": n_differ,
            "rows_per_second": rows * len(sets) / ours.median,
            "seconds_in_memory": held.median,
            "ratio_in_memory": theirs.median / held.median,
            "cpu_ratio_in_memory": theirs.cpu_median / held.cpu_median,
            "peer_seconds_from_files": files.median,
            "ratio_from_files": files.median / ours.median,
            "peer_peak_rss_mb": theirs.answer["peak_rss_mb"],
            **rounds_of(ours, theirs),
        },
    )


def sweep_100(session: Session) -> Outcome:
    """Run a hundred parameter sets in one replay, against one."""
    stream = session.stream(session.small)
    sets = quotes(stream, offsets=4, leans=5, limits=5)
    with session.workers("crossbook") as us, session.workers("crossbook") as alone:
        times = in_turn(
            {
                "one": session.ours(alone, stream, "quote_both_sides", sets[:1], journal="fills"),
                "all": session.ours(us, stream, "quote_both_sides", sets, journal="fills"),
            },
            session.rounds,
        )
    every, one = times["all"], times["one"]
    rows = int(every.answer["events"])
    times_one = every.median / one.median
    return Outcome(
        name="sweep_100",
        rows=rows,
        seconds=every.median,
        peer="crossbook, 1 trial",
        peer_seconds=one.median,
        ratio=len(sets) / times_one,
        peak_rss_mb=every.answer["peak_rss_mb"],
        bars=(Bar(told=f"≤ 5 × one trial ({times_one:.1f})", met=times_one <= 5),),
        more={
            "trials": len(sets),
            "times_one_trial": times_one,
            "orders": every.answer["orders"],
            "rows_per_second": rows * len(sets) / every.median,
            **rounds_of(every, one),
        },
    )
