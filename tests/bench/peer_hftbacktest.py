"""hftbacktest at work: started with the interpreter of ``.venv-peers``, asked through `serving`.

Strategies are compiled and events are read into memory before the clock starts.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from clock import Clock
from hftbacktest import BacktestAsset, ROIVectorMarketDepthBacktest
from hftbacktest.order import FILLED, GTX, IOC, LIMIT
from numba import njit
from serving import serve

FILL = np.dtype([(name, np.int64) for name in ("ts_ns", "book", "side", "px_ticks", "qty_lots")])
END_OF_DATA = 1
_ANY_NS = 10**18


@njit
def collect(hbt: Any, out: np.ndarray, n: int) -> int:
    """Write down new fills where there is room for any; let the simulator forget what is over."""
    for book in range(hbt.num_assets):
        if out.size:
            orders = hbt.orders(book).values()
            while orders.has_next():
                order = orders.get()
                if order.status == FILLED:
                    row = out[n]
                    row.ts_ns = order.exch_timestamp
                    row.book = book
                    row.side = order.side
                    row.px_ticks = order.exec_price_tick
                    row.qty_lots = round(order.exec_qty)
                    n += 1
        hbt.clear_inactive_orders(book)
    return n


@njit
def quote_both_sides(
    hbt: Any,
    start_ns: int,
    interval_ns: int,
    offset: int,
    lots_per_tick: int,
    max_position: int,
    out: np.ndarray,
) -> tuple:
    """Cancel all and quote one lot a side in every book, leaning against the inventory."""
    n = 0
    order_id = 0
    hbt.elapse(1)
    code = hbt.elapse(start_ns - hbt.current_timestamp)
    while code == 0:
        n = collect(hbt, out, n)
        for book in range(hbt.num_assets):
            orders = hbt.orders(book).values()
            while orders.has_next():
                order = orders.get()
                if order.cancellable:
                    hbt.cancel(book, order.order_id, False)
            depth = hbt.depth(book)
            position = round(hbt.position(book))
            lean = position // lots_per_tick
            bid = min(depth.best_bid_tick - offset - lean, depth.best_ask_tick - 1)
            ask = max(depth.best_ask_tick + offset - lean, depth.best_bid_tick + 1)
            if position < max_position:
                order_id += 1
                hbt.submit_buy_order(book, order_id, bid * depth.tick_size, 1.0, GTX, LIMIT, False)
            if position > -max_position:
                order_id += 1
                hbt.submit_sell_order(book, order_id, ask * depth.tick_size, 1.0, GTX, LIMIT, False)
        code = hbt.elapse(interval_ns)
    return collect(hbt, out, n), code


@njit
def take_crosses(
    hbt: Any,
    start_ns: int,
    edge: int,
    least_qty: float,
    pause_ns: int,
    max_position: int,
    out: np.ndarray,
) -> tuple:
    """Buy one lot in the cheaper book and sell it in the dearer one, immediate or cancel."""
    n = 0
    order_id = 0
    next_ns = start_ns
    bids = np.zeros(2, np.int64)
    asks = np.zeros(2, np.int64)
    hbt.elapse(1)
    while hbt.wait_next_feed(False, _ANY_NS) != END_OF_DATA:
        changed = False
        for book in range(2):
            depth = hbt.depth(book)
            bid, ask = depth.best_bid_tick, depth.best_ask_tick
            if bid != bids[book] or ask != asks[book]:
                changed = True
                bids[book] = bid
                asks[book] = ask
        if not changed or hbt.current_timestamp < next_ns:
            continue
        for buy in range(2):
            sell = 1 - buy
            if (
                bids[sell] - asks[buy] >= edge
                # best_ask_qty and best_bid_qty give a price in 2.4.4's ROI depth.
                and hbt.depth(buy).ask_qty_at_tick(asks[buy]) >= least_qty
                and hbt.depth(sell).bid_qty_at_tick(bids[sell]) >= least_qty
                and hbt.position(buy) < max_position
                and hbt.position(sell) > -max_position
            ):
                n = collect(hbt, out, n)
                ask_price = asks[buy] * hbt.depth(buy).tick_size
                bid_price = bids[sell] * hbt.depth(sell).tick_size
                hbt.submit_buy_order(buy, order_id + 1, ask_price, 1.0, IOC, LIMIT, False)
                hbt.submit_sell_order(sell, order_id + 2, bid_price, 1.0, IOC, LIMIT, False)
                order_id += 2
                next_ns = hbt.current_timestamp + pause_ns
                break
    return collect(hbt, out, n), END_OF_DATA


@cache
def books_of(description: str, from_files: bool) -> list[dict[str, Any]]:
    """Read what the assets need, and the events into memory unless they are to stay in files."""
    books = json.loads(Path(description).read_text("utf-8"))
    if from_files:
        return [{**book, "events": [book["compressed"]]} for book in books]
    return [{**book, "events": np.load(book["events"])} for book in books]


def simulator(books: list[dict[str, Any]]) -> Any:
    """Set up the simulator, with depth in an array around the prices of the data."""
    return ROIVectorMarketDepthBacktest(
        [
            BacktestAsset()
            .data(book["events"])
            .linear_asset(1.0)
            .constant_order_latency(book["latency_ns"], book["latency_ns"])
            .power_prob_queue_model(3.0)
            .no_partial_fill_exchange()
            .trading_value_fee_model(book["maker_fee"], book["taker_fee"])
            .tick_size(book["tick"])
            .lot_size(book["lot"])
            .roi_lb(book["low"])
            .roi_ub(book["high"])
            for book in books
        ]
    )


def run(request: dict[str, Any], out: np.ndarray, clock: Clock) -> np.ndarray:
    """Run one strategy once against the clock; its fills.

    Where the events stay in files, reading them is part of it.
    """
    books = books_of(request["books"], request.get("from_files", False))
    given = request["parameters"]
    strategy = {"quote_both_sides": quote_both_sides, "take_crosses": take_crosses}
    arguments = {
        "quote_both_sides": (
            "start_ns",
            "interval_ns",
            "offset_ticks",
            "lots_per_tick",
            "max_position",
        ),
        "take_crosses": ("start_ns", "edge_ticks", "least_lots", "pause_ns", "max_position"),
    }[request["strategy"]]
    chosen = [given[name] for name in arguments]
    with clock:
        hbt = simulator(books)
        n, code = strategy[request["strategy"]](hbt, *chosen, out)
    if code != END_OF_DATA:
        raise RuntimeError(f"hftbacktest stopped with code {code}")
    hbt.close()
    return out[:n]


def simulate(request: dict[str, Any]) -> dict[str, Any]:
    """Run every parameter set, one after the other; the time of all."""
    nothing, clock = np.zeros(0, FILL), Clock()
    for one in request["sets"]:
        run({**request, "parameters": one}, nothing, clock)
    return clock.answer()


def fills(request: dict[str, Any]) -> dict[str, Any]:
    """Run every parameter set and store its fills."""
    for k, one in enumerate(request["sets"]):
        room = np.zeros(request["room"], FILL)
        found = run({**request, "parameters": one}, room, Clock())
        np.save(f"{request['out']}.{k}.npy", found)
    return {}


def read(request: dict[str, Any]) -> dict[str, Any]:
    """Read compressed event files as the simulator does."""
    with Clock() as clock:
        rows = sum(np.load(path)["data"].size for path in request["paths"])
    return {**clock.answer(), "rows": rows}


if __name__ == "__main__":
    serve({"simulate": simulate, "fills": fills, "read": read})
