"""Run hftbacktest over exported events and write down what became of every order.

Started by `tests.differential.peer` with the interpreter of ``.venv-peers``; it knows nothing of
Crossbook. The one argument is a folder that holds ``job.json`` and the events it names; the answer
is written beside them: ``outcomes.npz``, one array a run, and ``stopped.json``, which runs end in
an error unless orders are trimmed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.order import CANCELED, EXPIRED, FILLED, GTX, IOC, LIMIT
from numba import njit

OUTCOME = np.dtype(
    [
        ("order_id", np.int64),
        ("book", np.int64),
        ("side", np.int64),
        ("limit_ticks", np.int64),
        ("status", np.int64),
        ("ts_ns", np.int64),
        ("px_ticks", np.int64),
        ("leaves_lots", np.int64),
    ]
)
END_OF_DATA, INVALID_ORDER_STATUS = 1, 14
TRIM = 1e-6
"""Lots by which orders are smaller where a run stops otherwise. `PartialFillExchange` does not take
an order out of its book when a fill equals what was left of it to the last bit; the next trade at
its price then fails with InvalidOrderStatus. Fills are whole lots, so they exceed a trimmed order,
and it leaves the book as meant."""


@njit
def collect(hbt: Any, book: int, out: np.ndarray, n: int) -> int:
    """Write down the orders of a book that are over, and let the simulator forget them."""
    orders = hbt.orders(book).values()
    lot = hbt.depth(book).lot_size
    while orders.has_next():
        order = orders.get()
        if order.status == FILLED or order.status == EXPIRED or order.status == CANCELED:
            row = out[n]
            row.order_id = order.order_id
            row.book = book
            row.side = order.side
            row.limit_ticks = order.price_tick
            row.status = order.status
            row.ts_ns = order.exch_timestamp
            row.px_ticks = order.exec_price_tick
            row.leaves_lots = round(order.leaves_qty / lot)
            n += 1
    hbt.clear_inactive_orders(book)
    return n


@njit
def join_best(hbt: Any, start_ns: int, interval_ns: int, qty: float, out: np.ndarray) -> tuple:
    """Cancel all and join both best prices at every interval."""
    n = 0
    order_id = 0
    hbt.elapse(1)
    code = hbt.elapse(start_ns - hbt.current_timestamp)
    while code == 0:
        n = collect(hbt, 0, out, n)
        orders = hbt.orders(0).values()
        while orders.has_next():
            order = orders.get()
            if order.cancellable:
                hbt.cancel(0, order.order_id, False)
        depth = hbt.depth(0)
        bid, ask, tick = depth.best_bid_tick, depth.best_ask_tick, depth.tick_size
        hbt.submit_buy_order(0, order_id + 1, bid * tick, qty, GTX, LIMIT, False)
        hbt.submit_sell_order(0, order_id + 2, ask * tick, qty, GTX, LIMIT, False)
        order_id += 2
        code = hbt.elapse(interval_ns)
    return collect(hbt, 0, out, n), code


@njit
def take_cross(
    hbt: Any,
    start_ns: int,
    interval_ns: int,
    quantities: np.ndarray,
    grids: np.ndarray,
    premium: int,
    out: np.ndarray,
) -> tuple:
    """Buy the cheaper book and sell the dearer one, immediate or cancel, at every interval.

    Prices are compared in steps common to both books, after the first has been given a premium.
    """
    n = 0
    order_id = 0
    hbt.elapse(1)
    code = hbt.elapse(start_ns - hbt.current_timestamp)
    while code == 0:
        for book in range(2):
            n = collect(hbt, book, out, n)
        for buy in range(2):
            sell = 1 - buy
            ask, bid = hbt.depth(buy).best_ask_tick, hbt.depth(sell).best_bid_tick
            edge = bid * grids[sell] - ask * grids[buy] + (premium if buy else -premium)
            if edge > 0:
                ask_price = ask * hbt.depth(buy).tick_size
                bid_price = bid * hbt.depth(sell).tick_size
                qty, other = quantities[buy], quantities[sell]
                hbt.submit_buy_order(buy, order_id + 1, ask_price, qty, IOC, LIMIT, False)
                hbt.submit_sell_order(sell, order_id + 2, bid_price, other, IOC, LIMIT, False)
                order_id += 2
        code = hbt.elapse(interval_ns)
    for book in range(2):
        n = collect(hbt, book, out, n)
    return n, code


def asset(events: np.ndarray, book: dict[str, Any], run: dict[str, Any]) -> BacktestAsset:
    """Describe one market of a run."""
    made = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(run["latency_ns"], run["latency_ns"])
        .trading_value_fee_model(0.0002, 0.0005)
        .tick_size(book["tick"])
        .lot_size(book["lot"])
    )
    if run["queue"] == "risk_averse":
        made = made.risk_adverse_queue_model()
    elif run["queue"] == "log":
        made = made.log_prob_queue_model()
    else:
        made = made.power_prob_queue_model(run["power"])
    partial = run["exchange"] == "partial_fills"
    return made.partial_fill_exchange() if partial else made.no_partial_fill_exchange()


def simulate(
    run: dict[str, Any], books: dict[str, Any], folder: Path, trim: float
) -> tuple[np.ndarray, int]:
    """Run one strategy; the orders that are over, and the simulator's last code."""
    chosen = [books[name] for name in run["books"]]
    # The simulator reads the arrays in place and does not keep them alive.
    events = [np.load(folder / f"{book['name']}.npy") for book in chosen]
    hbt = HashMapMarketDepthBacktest(
        [asset(rows, book, run) for rows, book in zip(events, chosen, strict=True)]
    )
    out = np.zeros(100_000, OUTCOME)
    start_ns, interval_ns = run["start_ns"], run["interval_ns"]
    sizes = zip(run["lots"], chosen, strict=True)
    quantities = np.array([(lots - trim) * book["lot"] for lots, book in sizes])
    if run["strategy"] == "join_best":
        n, code = join_best(hbt, start_ns, interval_ns, quantities[0], out)
    else:
        grids = np.array([book["grid"] for book in chosen])
        premium = run["premium"]
        n, code = take_cross(hbt, start_ns, interval_ns, quantities, grids, premium, out)
    hbt.close()
    return out[:n], code


def main(folder: Path) -> None:
    """Run everything a job asks for."""
    job = json.loads((folder / "job.json").read_text("utf-8"))
    books = {book["name"]: book for book in job["books"]}
    outcomes: dict[str, np.ndarray] = {}
    stopped: dict[str, bool] = {}
    for run in job["runs"]:
        name = run["name"]
        outcomes[name], code = simulate(run, books, folder, 0.0)
        stopped[name] = code == INVALID_ORDER_STATUS
        if stopped[name]:
            outcomes[name], code = simulate(run, books, folder, TRIM)
        if code != END_OF_DATA:
            raise RuntimeError(f"{name}: hftbacktest stopped with code {code}")
    np.savez(folder / "outcomes.npz", **outcomes)
    (folder / "stopped.json").write_text(json.dumps(stopped), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
