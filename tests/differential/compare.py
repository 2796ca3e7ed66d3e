"""Order by order: where the two simulators agree, and which rule they differ by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from framework.engine.result import Result
from framework.replay.stream import GoldStream
from tests.differential.cases import Case
from tests.differential.ours import OUTCOME, orders_over, run_case
from tests.differential.peer import PeerRun, peer_runs
from tests.differential.plain import OURS, SWITCHED, THEIRS, Rules, expected

_COLUMNS: Final = [name for name in OUTCOME if name != "order_id"]
_Row = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A case on both simulators.

    Attributes
    ----------
    orders, orders_equal
        Orders over on either, and those with the same book, side, limit, end, time of the end,
        last price and filled quantity.
    our_fills, peer_fills, fills_equal
        Orders filled at least in part, and those of them that are equal.
    rules
        Orders that differ, by the rule that accounts for it.
    unexplained
        Orders that differ without a rule that accounts for it. A rule counts only where the plain
        venue gives every order's outcome, with our rules ours and with theirs theirs.
    stopped
        True where hftbacktest stops unless orders are trimmed.
    """

    case: Case
    orders: int
    orders_equal: int
    our_fills: int
    peer_fills: int
    fills_equal: int
    rules: dict[str, int]
    unexplained: int
    stopped: bool


def compare_all(
    cases: Sequence[Case], streams: Sequence[GoldStream], folder: Path
) -> list[Comparison]:
    """Run every case on both simulators; `folder` is for the files they exchange."""
    peers = peer_runs(cases, streams, folder)
    return [_compare(case, streams, run_case(case, streams), peers[case.name]) for case in cases]


def _compare(
    case: Case, streams: Sequence[GoldStream], result: Result, peer: PeerRun
) -> Comparison:
    chosen = case.streams(streams)
    last_ns = max(max(stream.files()["last_ns"].to_pylist()) for stream in chosen)
    # We stop at the market's last event; over there, what is on its way still arrives.
    ours, theirs = _until(orders_over(result), last_ns), _until(peer.outcomes, last_ns)
    pairs = ours.join(theirs, on="order_id", how="full", coalesce=True, suffix="_peer")
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_peer") for name in _COLUMNS)
    equal = pairs.select(same.fill_null(False)).to_series()
    differ = pairs.filter(~equal)["order_id"].to_list()
    rules: dict[str, int] = {}
    unexplained = len(differ)
    if differ:

        def plain(rule: Rules) -> dict[int, _Row]:
            return _rows(_until(expected(case, streams, result, rule), last_ns))

        if plain(OURS) == _rows(ours) and plain(THEIRS) == _rows(theirs):
            rules = _by_rule(plain, _rows(ours), differ)
            unexplained -= sum(rules.values())
    return Comparison(
        case=case,
        orders=pairs.height,
        orders_equal=int(equal.sum()),
        our_fills=int((ours["filled_lots"] > 0).sum()),
        peer_fills=int((theirs["filled_lots"] > 0).sum()),
        fills_equal=int((equal & (pairs["filled_lots"] > 0)).sum()),
        rules=rules,
        unexplained=unexplained,
        stopped=peer.stopped,
    )


def _until(outcomes: pl.DataFrame, last_ns: int) -> pl.DataFrame:
    return outcomes.filter(pl.col("ts_ns") <= last_ns)


def _rows(outcomes: pl.DataFrame) -> dict[int, _Row]:
    return {row[0]: row for row in outcomes.select(OUTCOME.names()).iter_rows()}


def _by_rule(
    plain: Callable[[Rules], dict[int, _Row]], ours: dict[int, _Row], differ: Sequence[int]
) -> dict[str, int]:
    """Count the orders by the first rule that changes them when it alone is switched."""
    counts: dict[str, int] = {}
    left = list(differ)
    for name, rule in SWITCHED.items():
        if not left:
            break
        switched = plain(rule)
        unchanged = [order for order in left if switched.get(order) == ours.get(order)]
        if len(unchanged) < len(left):
            counts[name] = len(left) - len(unchanged)
        left = unchanged
    return counts
