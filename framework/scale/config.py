"""How Spark is to be started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from framework.core.errors import SpecError

MB: Final = 1 << 20


class DeltaAccess(StrEnum):
    """Through what Spark reads and writes Delta tables."""

    JARS = "jars"
    """Delta's own jars: transactions, liquid clustering, streaming sources."""
    SOURCE = "source"
    """The data source of `framework.scale.source`, which needs no jars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkConfig:
    """Where Spark runs and how.

    Parameters
    ----------
    master
        ``local[n]``, or a cluster's ``spark://host:7077``, ``yarn`` or ``k8s://…``.
    remote
        A Spark Connect server, ``sc://host:15002``; goes before `master`.
    jars
        Delta's jars (delta-spark and delta-storage), as paths or URIs.
    may_download
        True lets Spark fetch the jars of the installed delta-spark package by Maven where none
        are given; where that fails the data source is used.
    shuffle_partitions
        Most partitions of a shuffle; adaptive execution merges small ones.
    driver_memory
        Heap of the driver, which in local mode is all there is.
    skew_bytes
        A shuffle partition above this and five times the median is split in a join.
    options
        More Spark settings; they go before those made here.
    """

    master: str = "local[2]"
    remote: str = ""
    jars: tuple[str, ...] = ()
    may_download: bool = False
    shuffle_partitions: int = 8
    driver_memory: str = "1g"
    skew_bytes: int = 256 * MB
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.shuffle_partitions < 1 or self.skew_bytes < 1:
            raise SpecError(
                "shuffle_partitions and skew_bytes must be 1 or more, got "
                f"{self.shuffle_partitions} and {self.skew_bytes}",
                remedy="leave them out for 8 partitions and 256 MB",
            )

    def settings(self) -> dict[str, str]:
        """Return the Spark settings, each for a reason told in ``docs/scale.md``."""
        return {
            # Nothing but nanoseconds and UTC: a session in local time would shift dates.
            "spark.sql.session.timeZone": "UTC",
            # Tempo casts in ways that ANSI mode refuses.
            "spark.sql.ansi.enabled": "false",
            "spark.sql.shuffle.partitions": str(self.shuffle_partitions),
            "spark.sql.adaptive.enabled": "true",
            "spark.sql.adaptive.coalescePartitions.enabled": "true",
            # A symbol that trades a hundred times as much as others must not be one task's work.
            "spark.sql.adaptive.skewJoin.enabled": "true",
            "spark.sql.adaptive.skewJoin.skewedPartitionFactor": "5",
            "spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes": str(self.skew_bytes),
            "spark.sql.adaptive.advisoryPartitionSizeInBytes": str(max(self.skew_bytes // 4, 1)),
            # A join with a small table prunes the partitions of the large one.
            "spark.sql.optimizer.dynamicPartitionPruning.enabled": "true",
            "spark.sql.optimizer.dynamicPartitionPruning.reuseBroadcastOnly": "true",
            # Symbols such as 0001 are names: a partition's value keeps its text.
            "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
            "spark.sql.python.filterPushdown.enabled": "true",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.sql.streaming.stateStore.providerClass": (
                "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
            ),
            # Workers import Polars and deltalake, which a busy machine takes its time over.
            "spark.python.authenticate.socketTimeout": "60s",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            # Spark has the cores already; a Polars pool in each worker would fight over them.
            "spark.executorEnv.POLARS_MAX_THREADS": "1",
            **self.options,
        }
