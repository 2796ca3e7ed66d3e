"""Print how often drift is found, where there is some and where there is none: ``seeds=100``."""

from __future__ import annotations

import sys

import polars as pl

from research.drift import Limits
from tests.support.drift import Change, louder, restless, watched

_MARKETS: dict[str, Change | None] = {
    "nothing changes": None,
    "volatility doubles": louder,
    "volatility becomes restless": restless,
}
_TESTS = ("qlike", "bias", "coverage", "population")
_HOURS = 12.0


def measured(seeds: int, change: Change | None) -> dict[str, float]:
    """Return the share of seeds with a finding at 1 % and at 5 %, and by test at 1 %."""
    tables = [watched(_HOURS, seed, change).with_columns(seed=seed) for seed in range(seeds)]
    found = pl.concat(tables)
    at = {
        f"{level:.0%}": (pl.col("p_adjusted") < level) & (pl.col("effect") > pl.col("limit"))
        for level in (Limits().p, 0.05)
    }
    significant = (pl.col("p_adjusted") < Limits().p).any()
    by_seed = found.group_by("seed").agg(
        **{name: expression.any() for name, expression in at.items()},
        significant=significant,
        **{test: (pl.col("is_drift") & (pl.col("test") == test)).any() for test in _TESTS},
    )
    return {name: float(by_seed[name].mean() or 0.0) for name in by_seed.columns[1:]}  # type: ignore[arg-type]


def main(arguments: list[str]) -> None:
    """Measure as many seeds as given, as ``seeds=…``."""
    given = dict(argument.split("=", 1) for argument in arguments)
    seeds = int(given.get("seeds", 100))
    header = ("market", "found", "at p 5 %", "without limits", *_TESTS)
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for name, change in _MARKETS.items():
        shares = measured(seeds, change).values()
        print(f"| {name} | " + " | ".join(f"{share:.0%}" for share in shares) + " |", flush=True)
    print(f"\n{seeds} seeds of {_HOURS:g} hours, HAR at 10 s trained on the first half")


if __name__ == "__main__":
    main(sys.argv[1:])
