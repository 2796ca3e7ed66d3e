"""What a Spark query read, from the plan it was carried out by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanMetrics:
    """What one scan of a query read.

    Parameters
    ----------
    location
        The table's folder.
    files, size_bytes
        Files read and their size; of a file only the columns and row groups needed are read.
    partitions
        Partitions read; 0 where the table has none.
    """

    location: str
    files: int
    size_bytes: int
    partitions: int


def scan_metrics(frame: DataFrame) -> list[ScanMetrics]:
    """Tell what the scans of a frame read; collect it first, or nothing has been read."""
    return [
        ScanMetrics(
            location=_location(node.relation()),
            files=_metric(node, "numFiles"),
            size_bytes=_metric(node, "filesSize"),
            partitions=_metric(node, "numPartitions"),
        )
        for node in _nodes(_executed(frame))
        if node.getClass().getSimpleName() == "FileSourceScanExec"
    ]


def plan_text(frame: DataFrame) -> str:
    """Write down the plan as it was carried out, adaptive changes included."""
    return str(_executed(frame).toString())


def _executed(frame: DataFrame) -> Any:
    # The plan is the JVM's: Python has no call for it.
    return frame._jdf.queryExecution().executedPlan()


def _nodes(node: Any) -> Iterator[Any]:
    """Walk a plan, into what adaptive execution has put in place of a node."""
    name = node.getClass().getSimpleName()
    if name == "AdaptiveSparkPlanExec":
        yield from _nodes(node.executedPlan())
        return
    if name.endswith("QueryStageExec"):
        yield from _nodes(node.plan())
        return
    yield node
    children = node.children()
    for index in range(children.size()):
        yield from _nodes(children.apply(index))


def _location(relation: Any) -> str:
    """Return the folder a scan was told to take partitions from, else the first path it reads."""
    base = relation.options().get("basePath")
    return str(base.get() if base.isDefined() else relation.location().rootPaths().apply(0))


def _metric(node: Any, name: str) -> int:
    found = node.metrics().get(name)
    return int(found.get().value()) if found.isDefined() else 0
