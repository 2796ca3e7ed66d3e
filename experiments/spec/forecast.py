"""What a run spec may say about forecasts."""

from __future__ import annotations

import re
from dataclasses import field

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from framework.catalog import Duration, LatencyModelEntry
from framework.signals import ForecastUnit
from framework.state.lag import Lag

_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class LearnSpec:
    """A model trained without being registered, where the lake lacks the forecasts.

    Parameters
    ----------
    model
        Its kind.
    learn_from, stream
        What it learns from and what it forecasts: ``TABLE/venue:symbol``.
    horizon
        Length of a bar.
    learn_news, news
        Silver tables of headlines for either.
    unrelated
        True where the two markets have nothing to do with each other: generated ones.
    """

    model: str
    learn_from: str
    stream: str
    horizon: str = "10s"
    learn_news: str | None = None
    news: str | None = None
    unrelated: bool = False

    @model_validator(mode="after")
    def _streams_are_named(self) -> LearnSpec:
        for place in (self.learn_from, self.stream):
            if not re.fullmatch(r"[^/]+/[^/:]+:[^/:]+", place):
                raise ValueError(f"streams must be named as TABLE/venue:symbol, found {place!r}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ForecastSpec:
    """Forecasts of volatility that strategies may read, as three signals.

    Parameters
    ----------
    table
        Of the silver layer, as ``crossbook model forecast`` writes it.
    series
        Which of the table's; may be left out where it has one.
    unit
        ``bps``, the standard deviation over the horizon, or ``bps2``, its square.
    latency_ns, latency_model
        What the model takes for a forecast; as the table says where left out.
    write_ns, notify_ns
        Lags of the state store on top.
    version
        Delta version; the latest where left out, and written down either way.
    learn
        How the forecasts are made where the lake has no such table.
    """

    table: str = "volatility_forecasts"
    series: str = ""
    unit: ForecastUnit = ForecastUnit.BPS
    latency_ns: Duration | None = Field(default=None, validation_alias="latency")
    latency_model: LatencyModelEntry = field(default_factory=LatencyModelEntry)
    write_ns: Duration = Field(default=0, validation_alias="write")
    notify_ns: Duration = Field(default=0, validation_alias="notify")
    version: int | None = Field(default=None, ge=0)
    learn: LearnSpec | None = None

    def inference(self) -> Lag | None:
        """Return what the model takes as the engine knows it, None where the table says it."""
        if self.latency_ns is None:
            return None
        return Lag(ns=self.latency_ns, model=self.latency_model.model())
