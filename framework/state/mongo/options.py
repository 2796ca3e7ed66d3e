"""A collection's options in MongoDB's words, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.state.spec import CollectionSpec, Index, Kind


def creation_options(spec: CollectionSpec) -> dict[str, Any]:
    """Write the options of ``create``."""
    options: dict[str, Any] = {}
    if spec.kind == Kind.CAPPED:
        options |= {"capped": True, "size": spec.stored_bytes}
        if spec.max_documents:
            options["max"] = spec.max_documents
    elif spec.kind == Kind.CLUSTERED:
        options["clusteredIndex"] = {"key": {"_id": 1}, "unique": True}
    elif spec.kind == Kind.TIME_SERIES:
        series = {"timeField": spec.time_field, "granularity": "seconds"}
        if spec.meta_field:
            series["metaField"] = spec.meta_field
        options["timeseries"] = series
    if spec.images:
        options["changeStreamPreAndPostImages"] = {"enabled": True}
    return options


def read_spec(listed: Mapping[str, Any], indexes: Mapping[str, Any]) -> CollectionSpec:
    """Read what ``listCollections`` and ``listIndexes`` say of one collection."""
    options = listed.get("options", {})
    series = options.get("timeseries", {})
    kind = Kind.PLAIN
    if options.get("capped"):
        kind = Kind.CAPPED
    elif series:
        kind = Kind.TIME_SERIES
    elif options.get("clusteredIndex"):
        kind = Kind.CLUSTERED
    return CollectionSpec(
        name=listed["name"],
        kind=kind,
        max_bytes=int(options.get("size", 0)) if kind == Kind.CAPPED else 0,
        max_documents=int(options.get("max", 0)),
        time_field=series.get("timeField", ""),
        meta_field=series.get("metaField", ""),
        images=bool(options.get("changeStreamPreAndPostImages", {}).get("enabled")),
        indexes=tuple(_read_index(found) for found in indexes.values() if not _is_own(found)),
    )


def _read_index(found: Mapping[str, Any]) -> Index:
    return Index(
        fields=tuple((name, int(direction)) for name, direction in found["key"]),
        unique=bool(found.get("unique")),
        expire_after_s=found.get("expireAfterSeconds"),
    )


def _is_own(found: Mapping[str, Any]) -> bool:
    """Tell an index that every collection has, or that is of a kind the contract lacks."""
    keys = found["key"]
    return [tuple(key) for key in keys] == [("_id", 1)] or any(d not in (1, -1) for _, d in keys)
