"""``crossbook pretrade``: what an order should cost before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
import polars as pl

from experiments.cli.output import Output, lake_options, output_option
from framework.catalog import Catalog, load_catalog
from framework.core.clock import duration_ns, format_ns, instant_ns
from framework.core.errors import DataError
from framework.lake.store import Lake
from framework.replay import GoldStream, open_streams
from research.tca import (
    COSTS,
    BookNow,
    CostEstimate,
    Plan,
    Sweep,
    book_now,
    estimate_cost,
    gold_market,
    nearest_regime,
    rank_venues,
    read_costs,
    spread_order,
)
from research.tca.cost_table import cost_table
from research.tca.readings import MINUTE_NS, Variance, with_mid

_NOW = "now"
_LOOK_BACK_NS = 10 * MINUTE_NS
_STALE_NS = MINUTE_NS


@click.command()
@click.argument("symbol")
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.argument("quantity", type=click.FloatRange(min=0, min_open=True))
@click.option("--venue", default=None, help="Only this venue.")
@click.option(
    "--regime",
    default=None,
    help="Costs of this volatility regime alone; now: of the one nearest to the book's volatility.",
)
@click.option(
    "--liquidity",
    type=click.Choice(["taker", "maker", "any"]),
    default="taker",
    show_default=True,
    help="Costs of orders that took, or that rested.",
)
@click.option("--costs", default=COSTS, show_default=True, help="Silver table of costs.")
@click.option("--costs-version", type=int, default=None, help="Its Delta version [latest].")
@click.option(
    "--book",
    "tables",
    metavar="TABLE",
    multiple=True,
    help="Gold table with the book; may be repeated [default: all that hold SYMBOL].",
)
@click.option("--at", default=None, metavar="INSTANT", help="Book of this instant [the latest].")
@click.option("--horizon", default="10m", show_default=True, help="Time to trade in.")
@click.option("--slices", type=click.IntRange(min=1), default=10, show_default=True)
@click.option(
    "--risk-aversion",
    type=click.FloatRange(min=0),
    default=0.001,
    show_default=True,
    help="Bps of expected cost given for one squared bp of the cost's deviation.",
)
@click.option(
    "--half-life",
    default="5s",
    show_default=True,
    help="In which half of what was taken comes back to the book.",
)
@lake_options
@output_option
def pretrade(
    *,
    symbol: str,
    side: str,
    quantity: float,
    venue: str | None,
    regime: str | None,
    liquidity: str,
    costs: str,
    costs_version: int | None,
    tables: tuple[str, ...],
    at: str | None,
    horizon: str,
    slices: int,
    risk_aversion: float,
    half_life: str,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Estimate the cost of an order: QUANTITY of SYMBOL, SIDE being buy or sell.

    Expected cost from the table of costs that crossbook tca --merge fills, the cost to sweep the
    book now on every venue, and a schedule that spreads the order.
    """
    store, sign = Lake(lake), 1 if side == "buy" else -1
    at_ns = None if at is None else instant_ns(at)
    answer: dict[str, object] = {"symbol": symbol, "side": side, "quantity": quantity}
    streams = _streams(store, load_catalog(catalog), tables, symbol, venue)
    if regime == _NOW:
        regime = _regime_now(output, store, (costs, costs_version), symbol, streams, at_ns)
    estimate = _estimate(
        output,
        store,
        (costs, costs_version),
        symbol,
        sign,
        quantity,
        (venue, regime, None if liquidity == "any" else liquidity),
        has_book=bool(streams),
    )
    if estimate is not None:
        answer["expected"] = asdict(estimate)
    if estimate is None and not streams:
        raise DataError(
            f"an estimate needs costs or a book of {symbol}, the lake has neither",
            remedy="crossbook tca RUN --merge writes costs, crossbook ingest books",
        )
    if streams:
        books = _books(output, streams, at_ns)
        ranked = rank_venues([book for _, book in books.values()], sign, quantity)
        answer["sweep"] = _show_sweep(output, ranked, quantity)
        best = ranked[0][0]
        own, _ = books[best.instrument.name]
        plan = spread_order(
            best,
            sign,
            quantity,
            horizon_ns=duration_ns(horizon),
            slices=slices,
            volatility_bps=_volatility_bps(own, best.ts_ns),
            risk_aversion=risk_aversion,
            half_life_ns=duration_ns(half_life),
        )
        answer["schedule"] = _show_plan(output, plan, best)
    output.finish(answer)


def _regime_now(
    output: Output,
    lake: Lake,
    table: tuple[str, int | None],
    symbol: str,
    streams: Sequence[GoldStream],
    at_ns: int | None,
) -> str:
    """Name the regime that the first stream's volatility is nearest to."""
    if not streams:
        raise DataError(
            f"the regime now is told from a book of {symbol}, the lake has none",
            remedy="name the regime, or a table with --book",
        )
    rows, _ = read_costs(lake, *table)
    now_bps = _volatility_bps(streams[0], book_now(streams[0], at_ns).ts_ns)
    found = nearest_regime(rows.collect(), symbol, now_bps)
    output.text(f"{streams[0].instrument.name} moves {now_bps:.2f} bps a minute: regime {found}")
    return found


def _estimate(
    output: Output,
    lake: Lake,
    table: tuple[str, int | None],
    symbol: str,
    side: int,
    quantity: float,
    conditions: tuple[str | None, str | None, str | None],
    *,
    has_book: bool,
) -> CostEstimate | None:
    try:
        rows, version = read_costs(lake, *table)
    except DataError as error:
        output.note(f"no expected cost: {error.message}\n  {error.remedy}")
        return None
    venue, regime, liquidity = conditions
    if has_book and not _has(rows, symbol):
        output.note(f"no expected cost: {cost_table(table[0])} holds no order of {symbol}")
        return None
    found = estimate_cost(
        rows.filter(pl.col("symbol") == symbol).collect() if _has(rows, symbol) else rows.collect(),
        symbol=symbol,
        side=side,
        quantity=quantity,
        venue=venue,
        regime=regime,
        liquidity=liquidity,
    )
    low, high = found.error_bps
    least, most = found.range_bps
    told: list[list[object]] = [
        ["expected", found.expected_bps, f"{low:.3f} to {high:.3f} (90 % of the average)"],
        ["of it slippage", found.slippage_bps, "against the mid at arrival"],
        ["of it fees", found.fees_bps, ""],
        ["single orders", None, f"{least:.3f} to {most:.3f} (90 % of orders)"],
        ["delay, on top", found.delay_bps, "from decision to arrival"],
    ]
    if not any(text.startswith("quantity") for text in found.conditions):
        output.note(f"too few orders near {quantity:g}: this is the average of all sizes")
    output.table(
        f"Expected cost in bps, from {found.orders:,} orders of "
        f"{found.runs} {'run' if found.runs == 1 else 'runs'} "
        f"({', '.join(found.conditions)}; costs version {version})",
        ["cost", "bps", "interval"],
        told,
    )
    return found


def _has(rows: pl.LazyFrame, symbol: str) -> bool:
    return bool(rows.select((pl.col("symbol") == symbol).any()).collect().item())


def _streams(
    lake: Lake, catalog: Catalog, tables: Sequence[str], symbol: str, venue: str | None
) -> list[GoldStream]:
    """Open the symbol's streams: of the tables named, or of every gold table that has it."""
    if tables:
        return [
            stream
            for table in tables
            for stream in open_streams(lake, table, catalog=catalog, symbols=symbol, venue=venue)
        ]
    found = []
    for table in lake.tables():
        if table.layer == "gold":
            held = open_streams(lake, table.name, catalog=catalog)
            found += [s for s in held if s.instrument.symbol == symbol]
    return [s for s in found if venue in (None, s.instrument.venue)]


def _books(
    output: Output, streams: Sequence[GoldStream], at_ns: int | None
) -> dict[str, tuple[GoldStream, BookNow]]:
    """Build every stream's book; of one that stands in several tables, the latest."""
    found: dict[str, tuple[GoldStream, BookNow]] = {}
    for stream in streams:
        book, name = book_now(stream, at_ns), stream.instrument.name
        _, held = found.get(name, (stream, None))
        if held is None or _standing(held) < _standing(book):
            found[name] = stream, book
    latest_ns = max(book.ts_ns for _, book in found.values())
    for name, (stream, book) in found.items():
        if book.ts_ns < latest_ns - _STALE_NS:
            output.note(
                f"{name}: the book of {stream.table} is of {format_ns(book.ts_ns)}, older than the "
                "others; choose with --book or --venue"
            )
    return found


def _standing(book: BookNow) -> tuple[bool, int]:
    return bool(book.bids or book.asks), book.ts_ns


def _volatility_bps(stream: GoldStream, until_ns: int) -> float:
    """Median volatility of a minute, over the ten minutes before an instant."""
    recent = replace(stream, start_ns=until_ns - _LOOK_BACK_NS, end_ns=until_ns + 1)
    variance = Variance()
    for chunk in gold_market([recent], [stream.instrument]).quotes(0):
        if chunk.height:
            variance.take(with_mid(chunk))
    median = variance.finish()["volatility_bps"].median()
    return float(median) if isinstance(median, int | float) else 0.0


def _show_sweep(
    output: Output, ranked: list[tuple[BookNow, Sweep]], quantity: float
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for book, found in ranked:
        item = book.instrument
        price = None if found.average_ticks is None else found.average_ticks * float(item.tick)
        rows.append(
            {
                "venue": item.venue,
                "book_at": format_ns(book.ts_ns),
                "cost_bps": found.cost_bps,
                "average_price": price,
                "levels": found.levels,
                "taken": item.quantity(found.taken_lots),
                "is_valid": book.is_valid,
            }
        )
    output.table(
        f"To sweep {quantity:g} now, cheapest first",
        list(rows[0]),
        [list(row.values()) for row in rows],
    )
    book, found = ranked[0]
    if (shown := book.instrument.quantity(found.taken_lots)) < quantity:
        output.note(
            f"{book.instrument.name} displays {shown:g} of {quantity:g}: what the schedule costs "
            "beyond that follows the book's slope"
        )
    return rows


def _show_plan(output: Output, plan: Plan, book: BookNow) -> dict[str, object]:
    item = book.instrument
    columns = {
        "almgren_chriss": plan.almgren_chriss,
        "obizhaeva_wang": plan.obizhaeva_wang,
        "even": plan.even,
    }
    every_s = plan.every_ns / 1e9
    rows = [
        [f"{number * every_s:g} s", *(item.quantity(lots[number]) for lots in columns.values())]
        for number in range(plan.even.size)
    ]
    output.table(f"Schedule on {item.venue}", ["after", *columns], rows)
    output.text(
        f"Almgren-Chriss: {plan.cost_bps:.3f} bps expected, deviation {plan.risk_bps:.3f}; evenly: "
        f"{plan.even_cost_bps:.3f}, deviation {plan.even_risk_bps:.3f}"
    )
    told = {name: [item.quantity(x) for x in lots] for name, lots in columns.items()}
    return {
        "venue": item.venue,
        "every_ns": plan.every_ns,
        **told,
        "cost_bps": plan.cost_bps,
        "risk_bps": plan.risk_bps,
        "even_cost_bps": plan.even_cost_bps,
        "even_risk_bps": plan.even_risk_bps,
    }
