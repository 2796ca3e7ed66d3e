"""Crossed markets of many pairs on many venues: when, where, how long, how much."""

from research.scan.pair import FOUND_SCHEMA, VENUE_SCHEMA, scan_pair
from research.scan.planted import PlantedMarket
from research.scan.ranking import RANKING_SCHEMA, summary, venue_ranking
from research.scan.rules import ScanRules
from research.scan.scan import ScanFound, scan
from research.scan.sources import GoldQuotes, TableQuotes

__all__ = [
    "FOUND_SCHEMA",
    "RANKING_SCHEMA",
    "VENUE_SCHEMA",
    "GoldQuotes",
    "PlantedMarket",
    "ScanFound",
    "ScanRules",
    "TableQuotes",
    "scan",
    "scan_pair",
    "summary",
    "venue_ranking",
]
