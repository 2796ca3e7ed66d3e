"""Write the results of the comparison with hftbacktest into docs/fidelity.md.

Run it with ``python -m tests.differential.table``; it needs the peers' environment (``make peers``)
and the captures.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from framework.core.clock import NS_PER_MS
from tests.differential.cases import Case
from tests.differential.compare import Comparison, compare_all
from tests.differential.markets import captured_market, synthetic_market

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = _CHECKOUT / "docs" / "fidelity.md"
BEGIN: Final = "<!-- made by python -m tests.differential.table: begin -->"
END: Final = "<!-- end -->"


def _queue(case: Case) -> str:
    return f"power {case.power:g}" if case.queue == "power" else case.queue.replace("_", "-")


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _setting(case: Case) -> tuple[str, str]:
    return case.exchange.replace("_", " "), f"{case.latency_ns // NS_PER_MS} ms"


def _small_quotes(comparisons: Sequence[Comparison]) -> list[str]:
    """One line a venue model and latency, one column a queue model."""
    lines: list[str] = []
    mine = [c for c in comparisons if c.case.strategy == "join_best" and c.case.lots == (1,)]
    for interval_ns, group in itertools.groupby(mine, lambda c: c.case.interval_ns):
        chosen = list(group)
        queues = list(dict.fromkeys(_queue(c.case) for c in chosen))
        rows: dict[tuple[str, str], list[str]] = {}
        for c in chosen:
            cell = f"{c.fills_equal} of {c.our_fills}"
            if c.our_fills != c.peer_fills:
                cell += f" (theirs {c.peer_fills})"
            rows.setdefault(_setting(c.case), []).append(cell)
        lines += [
            "",
            f"Quotes of one lot every {interval_ns // NS_PER_MS:,} ms on "
            f"{chosen[0].case.books[0]}, {chosen[0].orders:,} orders in each run; fills equal:",
            "",
            *_table(["venue", "latency", *queues], [(*key, *cells) for key, cells in rows.items()]),
        ]
    return lines


def _others(comparisons: Sequence[Comparison]) -> list[str]:
    rows = []
    for c in comparisons:
        if c.case.strategy == "join_best" and c.case.lots == (1,):
            continue
        what = f"quotes, {_queue(c.case)}" if c.case.strategy == "join_best" else "crosses"
        size = " / ".join(f"{lots:,}" for lots in c.case.lots)
        rules = "; ".join(f"{name}: {count}" for name, count in c.rules.items()) or "none"
        fills = f"{c.fills_equal} of {c.our_fills} / {c.peer_fills}"
        rows.append(
            (what, size, *_setting(c.case), f"{c.orders_equal} of {c.orders}", fills, rules)
        )
    return [
        "",
        "Larger quotes, and crosses taken in two books, immediate or cancel:",
        "",
        *_table(
            [
                "orders",
                "lots",
                "venue",
                "latency",
                "orders equal",
                "fills equal of ours / theirs",
                "orders that differ, by rule",
            ],
            rows,
        ),
    ]


def render(parts: Sequence[tuple[str, Sequence[Comparison]]]) -> str:
    """Lay out the results of every market."""
    everything = [c for _, comparisons in parts for c in comparisons]
    rules: Counter[str] = Counter()
    for c in everything:
        rules.update(c.rules)
    orders = sum(c.orders for c in everything)
    equal = sum(c.orders_equal for c in everything)
    stopped = sum(c.stopped for c in everything)
    by_rule = [(name, f"{count:,}") for name, count in rules.most_common()]
    lines = [
        f"{len(everything)} runs, {orders:,} orders: {equal:,} are equal, {orders - equal:,} "
        f"differ, {sum(c.unexplained for c in everything)} of them unexplained. In {stopped} runs "
        "hftbacktest stops early unless its orders are trimmed.",
        "",
        *_table(["orders that differ, by rule", "count"], [*by_rule]),
    ]
    for title, comparisons in parts:
        lines += ["", f"### {title}", *_small_quotes(comparisons), *_others(comparisons)]
    return "\n".join(lines) + "\n"


def section(page: str) -> str:
    """The part of the page that is made here."""
    return page.partition(BEGIN)[2].partition(END)[0].strip() + "\n"


@click.command()
@click.option(
    "--captures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of the market captures.",
)
def main(captures: Path) -> None:
    """Run every case on both simulators and write the table."""
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for market in (captured_market(captures, work / "lake"), synthetic_market(work / "lake")):
            click.echo(f"{market.title}: {len(market.cases)} runs on each simulator", err=True)
            parts.append((market.title, compare_all(market.cases, market.streams, work)))
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{render(parts)}\n{END}{after}", "utf-8")
    click.echo(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
