"""Lines of a Binance capture, made by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

MS = 1_000_000
T0_MS = 1_723_161_600_000
"""2024-08-09 00:00 UTC."""

Levels = Sequence[tuple[str, str]]


def line(received_ms: float, message: dict[str, object]) -> str:
    """Put a local time (ms after `T0_MS`) before a message."""
    return f"{T0_MS * MS + int(received_ms * MS)} {json.dumps(message, separators=(',', ':'))}"


def wrapped(stream: str, data: dict[str, object]) -> dict[str, object]:
    return {"stream": stream, "data": data}


def usdm_depth(
    at_ms: int, first: int, last: int, previous: int, bids: Levels = (), asks: Levels = ()
) -> dict[str, object]:
    """A USD-M depth diff that happened `at_ms` after `T0_MS`."""
    return wrapped(
        "btcusdt@depth@0ms",
        {
            "e": "depthUpdate", "E": T0_MS + at_ms, "T": T0_MS + at_ms, "s": "BTCUSDT",
            "U": first, "u": last, "pu": previous,
            "b": [list(level) for level in bids], "a": [list(level) for level in asks],
        },
    )  # fmt: skip


def usdm_snapshot(at_ms: int, sequence: int, bids: Levels, asks: Levels) -> dict[str, object]:
    return {
        "lastUpdateId": sequence, "E": T0_MS + at_ms, "T": T0_MS + at_ms,
        "bids": [list(level) for level in bids], "asks": [list(level) for level in asks],
    }  # fmt: skip


def usdm_trade(
    at_ms: int, trade_id: int, price: str, quantity: str, *, seller_came: bool = False
) -> dict[str, object]:
    return wrapped(
        "btcusdt@trade",
        {
            "e": "trade", "E": T0_MS + at_ms, "T": T0_MS + at_ms, "s": "BTCUSDT", "t": trade_id,
            "p": price, "q": quantity, "X": "MARKET", "m": seller_came,
        },
    )  # fmt: skip


def usdm_quote(at_ms: int, sequence: int, bid: str, ask: str) -> dict[str, object]:
    return wrapped(
        "btcusdt@bookTicker",
        {
            "e": "bookTicker", "u": sequence, "s": "BTCUSDT", "b": bid, "B": "1.000",
            "a": ask, "A": "2.000", "T": T0_MS + at_ms, "E": T0_MS + at_ms,
        },
    )  # fmt: skip


def write_capture(path: Path, lines: Sequence[str]) -> Path:
    """Write lines as a capture, gzipped where the name says so."""
    text = "".join(f"{text}\n" for text in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path


def sound_capture() -> list[str]:
    """Snapshot 100, diffs 101..106, two trades, a quote; received 5 ms after they happened."""
    return [
        line(1005, usdm_snapshot(1000, 100, [("99.9", "1.000")], [("100.1", "2.000")])),
        line(1015, usdm_depth(1010, 101, 102, 100, [("99.8", "3.000")])),
        line(1016, usdm_trade(1011, 7, "100.1", "0.500")),
        line(1025, usdm_depth(1020, 103, 104, 102, [], [("100.1", "1.500")])),
        line(1026, usdm_quote(1020, 104, "99.9", "100.1")),
        line(1035, usdm_depth(1030, 105, 106, 104, [("99.8", "0.000")])),
        line(1036, usdm_trade(1031, 8, "99.9", "0.250", seller_came=True)),
    ]
