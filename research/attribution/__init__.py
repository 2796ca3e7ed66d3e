"""Where a trial's profit came from: spread, adverse selection, inventory, fees, funding."""

from research.attribution.curves import CURVE_SCHEMA, markout_curves
from research.attribution.marks import HORIZONS_NS, Marks, mark_fills
from research.attribution.parts import PARTS, Attribution, attribute

__all__ = [
    "CURVE_SCHEMA",
    "HORIZONS_NS",
    "PARTS",
    "Attribution",
    "Marks",
    "attribute",
    "mark_fills",
    "markout_curves",
]
