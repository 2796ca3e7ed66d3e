"""How often market orders reach how far from the mid: the intensity that quoting models need."""

from research.intensity.arrivals import ARRIVALS_SCHEMA, arrivals
from research.intensity.fit import Intensity, fit_intensity, reach_counts
from research.intensity.plot import intensity_figure

__all__ = [
    "ARRIVALS_SCHEMA",
    "Intensity",
    "arrivals",
    "fit_intensity",
    "intensity_figure",
    "reach_counts",
]
