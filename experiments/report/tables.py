"""The report's tables as plain rows of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from experiments.report.content import ReportContent
from experiments.report.figures.account import with_notional
from experiments.report.text import money, number
from framework.core.clock import format_ns
from framework.core.instrument import Instrument
from framework.engine.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlTable:
    """A table ready to be written: text cells, and which columns stand right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    caption: str = ""


def pairs_table(pairs: Mapping[str, object], head: tuple[str, str]) -> HtmlTable:
    """Write a mapping as a table of two columns."""
    rows = tuple((key, number(value)) for key, value in pairs.items())
    return HtmlTable(columns=head, rows=rows)


def frame_table(frame: pl.DataFrame) -> HtmlTable:
    """Write any frame as a table; numbers stand right, underscores become spaces."""
    return HtmlTable(
        columns=tuple(name.replace("_", " ") for name in frame.columns),
        rows=tuple(tuple(number(value) for value in row) for row in frame.iter_rows()),
        right=frozenset(row for row, dtype in enumerate(frame.dtypes) if dtype.is_numeric()),
    )


def costs_table(result: Result) -> HtmlTable:
    """Sum fills up by venue and liquidity: traded notional, slippage and fees."""
    notional = pl.col("notional")
    known = notional.filter(pl.col("slippage_bps").is_not_null())
    groups = (
        with_notional(result)
        .group_by("venue", "symbol", "liquidity", "currency")
        .agg(
            pl.len().alias("fills"),
            notional.sum().alias("traded"),
            ((pl.col("slippage_bps") * notional).sum() / known.sum()).alias("slippage"),
            pl.col("fee").sum().alias("fees"),
            (pl.col("fee").sum() / notional.sum() * 10_000).alias("fee_bps"),
        )
        .sort("venue", "symbol", "liquidity")
    )
    rows = tuple(
        (
            f"{r['venue']}:{r['symbol']}",
            r["liquidity"],
            number(r["fills"]),
            f"{money(r['traded'])} {r['currency']}".strip(),
            number(r["slippage"], 3),
            money(r["fees"]),
            number(r["fee_bps"], 3),
        )
        for r in groups.iter_rows(named=True)
    )
    return HtmlTable(
        columns=("stream", "liquidity", "fills", "traded", "slippage, bps", "fees", "fees, bps"),
        rows=rows,
        right=frozenset({2, 3, 4, 5, 6}),
    )


def fills_rows(result: Result, max_rows: int) -> HtmlTable:
    """Write the first fills out."""
    rows = tuple(
        (
            format_ns(r["ts_ns"])[:-1].replace("T", " "),
            f"{r['venue']}:{r['symbol']}",
            str(r["order_id"]),
            "buy" if r["side"] > 0 else "sell",
            r["liquidity"],
            f"{r['price']:.10g}",
            number(r["quantity"]),
            number(r["slippage_bps"], 2),
            money(r["fee"]),
            number(r["position"]),
        )
        for r in result.fills.head(max_rows).iter_rows(named=True)
    )
    total = result.fills.height
    return HtmlTable(
        columns=(
            "time, UTC",
            "stream",
            "order",
            "side",
            "liquidity",
            "price",
            "quantity",
            "slippage, bps",
            "fee",
            "position",
        ),
        rows=rows,
        right=frozenset({2, 5, 6, 7, 8, 9}),
        caption=f"first {len(rows):,} of {total:,}" if total > len(rows) else "",
    )


def instruments_table(instruments: Sequence[Instrument]) -> HtmlTable:
    """Write the streams' grids, contracts, fees and latencies out."""
    rows = tuple(
        (
            i.name,
            f"{i.tick:f}",
            f"{i.lot:f}",
            f"{i.contract_size:f}" + (" inverse" if i.inverse else ""),
            i.currency or "\u2013",
            f"{i.maker_fee_bps} / {i.taker_fee_bps}",
            f"{i.order_entry_ns / 1e6:g} / {i.response_ns / 1e6:g} ms",
            "read off the data" if i.inferred else "catalog",
        )
        for i in instruments
    )
    return HtmlTable(
        columns=(
            "stream",
            "tick",
            "lot",
            "contract size",
            "currency",
            "maker / taker, bps",
            "order / response latency",
            "units from",
        ),
        rows=rows,
        right=frozenset({1, 2, 3}),
    )


def data_table(content: ReportContent) -> HtmlTable:
    """Write the table versions out that the run was pinned to."""
    rows = tuple((d.table, str(d.version), d.stream, number(d.rows)) for d in content.data)
    return HtmlTable(
        columns=("table", "version", "stream", "rows"), rows=rows, right=frozenset({1, 3})
    )


def variants_table(content: ReportContent) -> HtmlTable:
    """Write the headline figures of every variant out."""
    rows = []
    for variant in content.variants:
        summary = variant.result.summary()
        rows.append(
            (
                *variant.values.values(),
                money(summary["pnl"]),
                money(summary["fees"]),
                number(summary["orders"]),
                number(summary["fills"]),
                number(summary["fill_ratio"], 3),
                variant.result.journal_hash[:12],
            )
        )
    paths = tuple(content.variants[0].values) if content.variants else ()
    columns = (*paths, "net profit", "fees", "orders", "fills", "fill ratio", "journal")
    right = frozenset(range(len(columns) - 1))
    return HtmlTable(columns=columns, rows=tuple(rows), right=right)
