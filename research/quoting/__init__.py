"""Where to quote: closed forms of the literature and their published simulation."""

from research.quoting.avellaneda_stoikov import finite_horizon_offsets, reservation_offset
from research.quoting.glft import asymptotic_offsets, inventory_step

__all__ = [
    "asymptotic_offsets",
    "finite_horizon_offsets",
    "inventory_step",
    "reservation_offset",
]
