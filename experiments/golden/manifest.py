"""``golden.yaml``: what a folder of golden specs is run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from framework.catalog import read_document, validate
from framework.core.errors import SpecError
from framework.lake.store import Lake
from framework.synthetic import write_demo_market

MANIFEST: Final = "golden.yaml"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class MarketSpec:
    """A generated market, the table ``demo``: at most so many rows, from this seed."""

    rows: int = Field(ge=1_000, le=10_000_000)
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Manifest:
    """What ``golden.yaml`` may say.

    Parameters
    ----------
    market, lake
        One of the two: a market to generate, or the folder or address of a lake. A folder is
        looked for beside the manifest.
    catalog
        Catalog file beside the manifest; the default catalog where left out.
    """

    market: MarketSpec | None = None
    lake: str | None = None
    catalog: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Manifest:
        if (self.market is None) == (self.lake is None):
            raise ValueError("give either market, to generate one, or lake, to read one")
        return self


@plain_dataclass(frozen=True, slots=True)
class GoldenSet:
    """A folder of golden specs.

    Attributes
    ----------
    folder
        Holds ``golden.yaml``, the specs, and the baselines in ``baselines/``.
    manifest
        What the specs are run on.
    specs
        The spec files, by name.
    """

    folder: Path
    manifest: Manifest
    specs: tuple[Path, ...]

    @property
    def catalog(self) -> Path | None:
        """The catalog file, None for the default one."""
        return None if self.manifest.catalog is None else self.folder / self.manifest.catalog

    @contextmanager
    def open_lake(self) -> Iterator[Lake]:
        """Yield the lake the specs are run on; a generated one is gone afterwards."""
        market, named = self.manifest.market, self.manifest.lake
        if market is None:
            assert named is not None
            yield Lake(named if "://" in named else self.folder / named)
            return
        with TemporaryDirectory(prefix="crossbook-golden-") as root:
            write_demo_market(root, rows=market.rows, seed=market.seed)
            yield Lake(root)

    def baseline(self, spec: Path) -> Path:
        """Place of a spec's baseline; its journal lies beside it as ``.parquet``."""
        return self.folder / "baselines" / f"{spec.stem}.json"


def read_golden_set(folder: Path) -> GoldenSet:
    """Read a folder's manifest and list its specs.

    Raises
    ------
    SpecError
        Where there is no manifest, or no spec beside it; names file and line of a mistake.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise SpecError(
            f"{folder} must hold {MANIFEST}, which says what the golden specs run on",
            remedy=f"name a folder of golden specs, or write {path}: market: {{rows: 30000, "
            "seed: 1}",
        )
    document = read_document(path, error=SpecError)
    manifest = validate(document, TypeAdapter(Manifest), error=SpecError)
    others = {MANIFEST, manifest.catalog}
    specs = tuple(p for p in sorted(folder.glob("*.yaml")) if p.name not in others)
    if not specs:
        raise SpecError(
            f"{folder} must hold at least one spec beside {MANIFEST}, it holds none",
            remedy="copy the spec of a run worth keeping into it",
        )
    return GoldenSet(folder=folder, manifest=manifest, specs=specs)
