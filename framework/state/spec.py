"""How a collection is made: plain, capped, clustered or time series; images, indexes, expiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from framework.state.errors import INVALID_OPTIONS, OptionsError

SIZE_STEP: Final = 256
"""A capped collection's size is raised to a multiple of it, as MongoDB does."""
SWEEP_S: Final = 60
"""How often expired documents are looked for, in seconds: MongoDB's ``ttlMonitorSleepSecs``."""


class Kind(StrEnum):
    """How a collection keeps its documents."""

    PLAIN = "plain"
    CAPPED = "capped"
    """The oldest documents go when it is full; order is the order of insertion."""
    CLUSTERED = "clustered"
    """Documents stand in the order of their ``_id``."""
    TIME_SERIES = "time series"
    """Measurements by one date field; no change stream, no unique index."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index over fields.

    Parameters
    ----------
    fields
        Name and 1 or −1 each.
    unique
        True where two documents must not share their values; a missing field counts as null.
    expire_after_s
        Where set, documents go that many seconds after the date in the one field.
    """

    fields: tuple[tuple[str, int], ...]
    unique: bool = False
    expire_after_s: int | None = None

    def __post_init__(self) -> None:
        if not self.fields or any(direction not in (1, -1) for _, direction in self.fields):
            raise _refused("an index must name fields, each with 1 or -1", str(self.fields))
        if self.expire_after_s is not None and len(self.fields) != 1:
            raise _refused("an index that expires documents must have one field", str(self.fields))

    @property
    def name(self) -> str:
        """The name MongoDB gives it."""
        return "_".join(f"{name}_{direction}" for name, direction in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSpec:
    """What a collection must be.

    Parameters
    ----------
    name
        Its name in the database.
    kind
        How documents are kept.
    max_bytes, max_documents
        Of a capped collection; the first is required, the second may be 0 for none.
    time_field, meta_field
        Of a time series: the field with the date and the one that names the series.
    images
        True to record documents before and after each change for change streams.
    indexes
        Besides that of ``_id``.

    Raises
    ------
    OptionsError
        Where the options do not go together.
    """

    name: str
    kind: Kind = Kind.PLAIN
    max_bytes: int = 0
    max_documents: int = 0
    time_field: str = ""
    meta_field: str = ""
    images: bool = False
    indexes: tuple[Index, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith("system.") or set(self.name) & set("$\0"):
            raise _refused("a collection's name must be non-empty, without $ and NUL", self.name)
        capped, series = self.kind == Kind.CAPPED, self.kind == Kind.TIME_SERIES
        if capped != (self.max_bytes > 0) or (self.max_documents and not capped):
            raise _refused(
                "a capped collection, and no other, must have max_bytes above 0",
                f"{self.kind}, max_bytes {self.max_bytes}, max_documents {self.max_documents}",
            )
        if self.max_documents < 0:
            raise _refused("max_documents must not be negative", str(self.max_documents))
        if series != bool(self.time_field) or (self.meta_field and not series):
            raise _refused(
                "a time series, and no other, must have a time_field",
                f"{self.kind}, time_field {self.time_field!r}",
            )
        if series and self.images:
            raise _refused("a time series must not have images", "images=True")
        if series and any(index.unique for index in self.indexes):
            raise _refused("a time series must not have a unique index", "unique=True")

    @property
    def stored_bytes(self) -> int:
        """Bytes a capped collection really holds."""
        return -(-self.max_bytes // SIZE_STEP) * SIZE_STEP

    def options(self) -> Mapping[str, object]:
        """List what two specs of one collection must agree on; the rest may be added later."""
        return {
            "kind": self.kind,
            "max_bytes": self.stored_bytes,
            "max_documents": self.max_documents,
            "time_field": self.time_field,
            "meta_field": self.meta_field,
        }


def extended(existing: CollectionSpec, wanted: CollectionSpec) -> CollectionSpec:
    """Return what a collection is once images and indexes that are wanted have been added.

    Raises
    ------
    OptionsError
        Naming the options that differ and cannot be changed.
    """
    have, want = existing.options(), wanted.options()
    differing = [f"{name} {have[name]} instead of {want[name]}" for name in want]
    differing = [
        text for text, name in zip(differing, want, strict=True) if have[name] != want[name]
    ]
    known = {index.name: index for index in existing.indexes}
    for index in wanted.indexes:
        if known.setdefault(index.name, index) != index:
            differing.append(f"index {index.name} with other options")
    if differing:
        raise OptionsError(
            f"collection {wanted.name} must be as specified, it has {', '.join(differing)}",
            remedy="drop it, or use another database",
            code=INVALID_OPTIONS,
        )
    images = existing.images or wanted.images
    return replace(existing, images=images, indexes=tuple(known.values()))


def _refused(must: str, found: str) -> OptionsError:
    return OptionsError(f"{must}, got {found}", remedy="see CollectionSpec", code=INVALID_OPTIONS)
