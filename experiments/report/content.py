"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from experiments.report.figures.vary import Variant
from framework.engine.result import Result
from research.tca import CostAnalysis


@dataclass(frozen=True, slots=True, kw_only=True)
class DataVersion:
    """One stream a run read, and the table version it was pinned to."""

    table: str
    version: int
    stream: str
    rows: int
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything one report shows.

    Parameters
    ----------
    title
        The spec's name.
    result
        The trial shown in detail.
    data
        The streams it read.
    provenance
        What is needed to repeat it: period, seed, code state, versions, in the order shown.
    variants
        The runs of a varied spec, empty otherwise; `result` is the first of them.
    episodes
        Crossed episodes per day as `research.crossed.episodes_per_day` counts them, None where
        they were not asked for.
    costs
        Its journal analysed against the market it was traded in; None leaves markouts and the
        attribution of profit out.
    max_fills
        Rows of the table of fills.
    spec_text
        The spec as YAML.
    """

    title: str
    result: Result
    data: tuple[DataVersion, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    episodes: pl.DataFrame | None = None
    costs: CostAnalysis | None = None
    max_fills: int = 200
    spec_text: str = ""
