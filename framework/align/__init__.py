"""Alignment of irregular streams: as-of joins, bars, grids and moving statistics."""

from framework.align.base import Aligner
from framework.align.local import PolarsAligner
from framework.align.specs import (
    AsOf,
    BarKind,
    Bars,
    DepthBars,
    Direction,
    Fill,
    Grid,
    Levels,
    Smooth,
)

__all__ = [
    "Aligner",
    "AsOf",
    "BarKind",
    "Bars",
    "DepthBars",
    "Direction",
    "Fill",
    "Grid",
    "Levels",
    "PolarsAligner",
    "Smooth",
]
