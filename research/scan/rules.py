"""What counts as a crossed market that could be traded."""

from __future__ import annotations

from dataclasses import dataclass

from framework.catalog import CrossedPolicy
from framework.core.errors import SpecError
from research.crossed import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRules:
    """Rules of a scan.

    Parameters
    ----------
    clock
        Which clock says what was simultaneous.
    own_crossed
        What becomes of quotes whose own bid is above their own ask.
    cost_bps
        Execution and financing of both legs, taken off the edge: an episode whose largest edge does
        not exceed it is left out.
    min_notional
        Quote currency that must be on display on both sides when the edge is largest; less is dust:
        the episode is kept and marked.
    """

    clock: Clock = Clock.EXCHANGE
    own_crossed: CrossedPolicy = CrossedPolicy.KEEP
    cost_bps: float = 0.0
    min_notional: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", Clock(self.clock))
        object.__setattr__(self, "own_crossed", CrossedPolicy(self.own_crossed))
        if self.cost_bps < 0 or self.min_notional < 0:
            raise SpecError(
                "cost_bps and min_notional must be 0 or more, got "
                f"{self.cost_bps} and {self.min_notional}",
                remedy="leave them out to count every cross",
            )
