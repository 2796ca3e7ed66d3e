"""The data catalog: instruments, venues, tables and lineage from `data_catalog.yaml`."""

from framework.catalog.catalog import Catalog, Lineage
from framework.catalog.costs import (
    FeeTiers,
    FinancingEntry,
    FundingTable,
    ImpactEntry,
    Instant,
    LatencyModelEntry,
    WindowDays,
)
from framework.catalog.document import Document, read_document, read_value
from framework.catalog.entries import Layer, TableConfig
from framework.catalog.infer import infer_instrument
from framework.catalog.loader import load_catalog
from framework.catalog.quantities import Duration, ExactDecimal, PositiveDecimal, SignedDuration
from framework.catalog.validation import did_you_mean, mistakes_error, validate
from framework.catalog.venue import (
    CrossedPolicy,
    Fees,
    Latency,
    Policies,
    SequenceRule,
    VenueConfig,
)

__all__ = [
    "Catalog",
    "CrossedPolicy",
    "Document",
    "Duration",
    "ExactDecimal",
    "FeeTiers",
    "Fees",
    "FinancingEntry",
    "FundingTable",
    "ImpactEntry",
    "Instant",
    "Latency",
    "LatencyModelEntry",
    "Layer",
    "Lineage",
    "Policies",
    "PositiveDecimal",
    "SequenceRule",
    "SignedDuration",
    "TableConfig",
    "VenueConfig",
    "WindowDays",
    "did_you_mean",
    "infer_instrument",
    "load_catalog",
    "mistakes_error",
    "read_document",
    "read_value",
    "validate",
]
