"""Risk: limits between a strategy and its venues that no strategy can get around."""

from framework.risk.limits import BookLimits, Protection, RiskLimits

__all__ = ["BookLimits", "Protection", "RiskLimits"]
