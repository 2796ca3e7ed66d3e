"""Queue position, straight from the formulas of Rigtorp and of hftbacktest's documentation."""

from __future__ import annotations

import math

SHARES = {
    "power": lambda f, b, n: b**n / (b**n + f**n),
    "power2": lambda f, b, n: b**n / (b + f) ** n,
    "power3": lambda f, b, n: 1 - (f / (f + b)) ** n,
    "log": lambda f, b, n: math.log(1 + b) / (math.log(1 + b) + math.log(1 + f)),
    "log2": lambda f, b, n: math.log(1 + b) / math.log(1 + b + f),
}


def share_behind(model: str, n: float, front: float, back: float) -> float:
    """Share of a cancellation that stood behind us; nobody can cancel where nobody stands."""
    if front <= 0:
        return 1.0
    if back <= 0:
        return 0.0
    return SHARES[model](front, back, n)


def front_after(
    model: str, n: float, lot: float, front: float, traded: float, before: int, now: int
) -> float:
    """Lots ahead after a level went from `before` to `now` with `traded` already counted."""
    cancelled = before - now - traded
    if model == "risk_averse" or cancelled < 0:
        return min(front, now)
    back = before - front
    behind = share_behind(model, n, front * lot, back * lot)
    cancelled_behind = behind * cancelled
    cancelled_ahead = (1 - behind) * cancelled
    if cancelled_behind > back:
        cancelled_ahead += cancelled_behind - back
    return max(0, min(front - cancelled_ahead, now))
