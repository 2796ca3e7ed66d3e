"""The project's errors: each says what must hold, what was found and what to do."""

from __future__ import annotations


class CrossbookError(Exception):
    """Root of every error Crossbook raises on purpose.

    Parameters
    ----------
    message
        What must hold and what was found instead, naming file and row where there are any.
    remedy
        What the reader can do about it.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class DataError(CrossbookError):
    """Market data is missing, malformed or breaks a rule it must keep."""


class CatalogError(CrossbookError):
    """`data_catalog.yaml` does not say what it must, or says it wrongly."""


class SpecError(CrossbookError):
    """An experiment's YAML spec does not say what it must, or says it wrongly."""


class StrategyError(CrossbookError):
    """A strategy declared or did something the engine cannot honour."""


class EngineError(CrossbookError):
    """The engine met a limit it must not pass, such as a full buffer or an overflow."""
