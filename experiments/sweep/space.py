"""What a sweep may choose: parameters and the ranges they are searched in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from framework.catalog import did_you_mean
from framework.core.errors import SpecError, StrategyError
from framework.strategy.base import Strategy
from framework.strategy.params import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Where a parameter is searched; what is None stays as the strategy declares it."""

    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool | None = None


Wanted = Range | tuple[float, float] | Sequence[int | float | bool]
"""A range, its two ends as a tuple, or a list of values to choose from."""


def search_space(
    strategy: type[Strategy], ranges: Mapping[str, Wanted] | None = None
) -> dict[str, BaseDistribution]:
    """Read the space off a strategy's parameters.

    Parameters
    ----------
    strategy
        Class whose parameters are searched.
    ranges
        Parameters to search, all others stay as they are. None searches all that declare both
        ``low`` and ``high``, and all truth values.

    Raises
    ------
    SpecError
        Where a name or a range does not fit the strategy, or nothing is left to search.

    Examples
    --------
    >>> from framework.strategy import param
    >>> class Quotes(Strategy):
    ...     size: int = param(5, low=1, high=100, log=True)
    ...     edge: float = param(1.0)
    >>> search_space(Quotes)
    {'size': IntDistribution(high=100, log=True, low=1, step=1)}
    >>> search_space(Quotes, {"edge": (0.5, 2.0)})
    {'edge': FloatDistribution(high=2.0, log=False, low=0.5, step=None)}
    """
    owner = strategy.__name__
    if ranges is None:
        closed = [
            name
            for name, known in strategy.declared.items()
            if known.type is bool or (known.low is not None and known.high is not None)
        ]
        ranges = {name: Range() for name in closed}
    if not ranges:
        raise SpecError(
            f"a sweep needs a parameter to search, {owner} declares none with low and high",
            remedy="declare param(..., low=, high=), or name ranges under sweep.parameters",
        )
    space = {}
    for name, wanted in ranges.items():
        known = strategy.declared.get(name)
        if known is None:
            raise SpecError(
                f"a sweep can search only what {owner} declares, got {name}",
                remedy=did_you_mean(name, list(strategy.declared)) or "correct the name",
            )
        space[name] = _distribution(known, wanted, owner)
    return space


def _distribution(known: Parameter, wanted: Wanted, owner: str) -> BaseDistribution:
    if isinstance(wanted, tuple) and len(wanted) == 2:
        wanted = Range(low=wanted[0], high=wanted[1])
    if not isinstance(wanted, Range):
        return _choice(known, wanted, owner)
    if known.type is bool:
        return CategoricalDistribution([False, True])
    low = known.low if wanted.low is None else wanted.low
    high = known.high if wanted.high is None else wanted.high
    step = known.step if wanted.step is None else wanted.step
    log = known.log if wanted.log is None else wanted.log
    if low is None or high is None:
        raise SpecError(
            f"{owner}.{known.name} must be searched between two ends, got {low} and {high}",
            remedy="give low and high",
        )
    for end in (low, high):
        _checked(known, end, owner)
    if low >= high or (log and low <= 0) or (step is not None and step <= 0):
        raise SpecError(
            f"{owner}.{known.name} must be searched from a lower to a higher end, both above 0 on "
            f"a logarithmic scale, got {low} to {high}{' log' if log else ''}, step {step}",
            remedy="correct low, high, step or log",
        )
    if step is not None and not log:  # the grid starts at low and ends at or below high
        exact = Decimal(str(step))
        grid = (Decimal(str(high)) - Decimal(str(low))) // exact * exact
        high = float(Decimal(str(low)) + grid)
    if known.type is int:
        return IntDistribution(int(low), int(high), log=log, step=1 if log else int(step or 1))
    return FloatDistribution(float(low), float(high), log=log, step=None if log else step)


def _choice(
    known: Parameter, values: Sequence[int | float | bool], owner: str
) -> CategoricalDistribution:
    if len(values) == 0:
        raise SpecError(
            f"{owner}.{known.name} needs values to choose from", remedy="list one or more"
        )
    return CategoricalDistribution([_checked(known, value, owner) for value in values])


def _checked(known: Parameter, value: object, owner: str) -> int | float | bool:
    try:
        return known.check(value, owner)
    except StrategyError as error:
        raise SpecError(error.message, remedy="search within what the strategy allows") from error
