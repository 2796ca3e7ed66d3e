"""Reference schedules: how to spread an order over time."""

from research.tca.schedules.almgren_chriss import AlmgrenChriss
from research.tca.schedules.obizhaeva_wang import ObizhaevaWang
from research.tca.schedules.whole import whole_lots

__all__ = ["AlmgrenChriss", "ObizhaevaWang", "whole_lots"]
