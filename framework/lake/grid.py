"""Rows whose prices or quantities are not whole ticks and lots."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from framework.core.instrument import Instrument

_PRICES: Final = {
    "depth": ("price",),
    "trades": ("price",),
    "orders": ("price",),
    "quotes": ("bid_price", "ask_price"),
}
_VOLUMES: Final = {
    "depth": ("volume",),
    "trades": ("volume",),
    "orders": ("volume",),
    "quotes": ("bid_volume", "ask_volume"),
}
_LARGEST_STEPS: Final = float(2**53)


def split_off_grid(
    rows: pl.DataFrame, kind: str, instrument: Instrument
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Separate rows of one stream that cannot be counted in ticks and lots.

    A source row that holds several levels leaves as a whole: its levels are one message, and a
    numbered stream then shows the hole.

    Returns
    -------
    on_grid
        Rows that can.
    off_grid
        ``source_file, source_row, reason`` of the others, one per source row.
    """
    off = np.zeros(rows.height, np.bool_)
    reason = pl.lit(None, pl.String)
    for names, step, what in (
        (_PRICES[kind], instrument.tick, "tick"),
        (_VOLUMES[kind], instrument.lot, "lot"),
    ):
        for name in names:
            values = rows[name].fill_null(0.0).to_numpy()
            countable = np.abs(values) < _LARGEST_STEPS * float(step)
            convert = instrument.to_ticks if what == "tick" else instrument.to_lots
            bad = ~countable | convert(np.where(countable, values, 0.0))[1]
            if bad.any():
                off |= bad
                message = pl.format(
                    f"{name} must be a multiple of the {what} {step}, found {{}}", pl.col(name)
                )
                flagged = pl.lit(pl.Series(bad))
                reason = pl.coalesce(reason, pl.when(flagged).then(message))
    key = ["source_file", "source_row"]
    if not off.any():
        return rows, rows.select(*key, reason=pl.lit("")).clear()
    refused = (
        rows.select(*key, reason=reason)
        .filter(pl.lit(pl.Series(off)))
        .unique(key, keep="first", maintain_order=True)
    )
    return rows.join(refused, on=key, how="anti", maintain_order="left"), refused
