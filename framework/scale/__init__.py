"""The same catalog, tables and answers on Spark; needs the extra ``crossbook[spark]``.

`framework.scale.aligner.SparkAligner` and what else imports pyspark is asked for by its own module,
so that this package can be looked at without Spark.
"""

from framework.scale.config import DeltaAccess, SparkConfig
from framework.scale.java import ScaleError, find_java
from framework.scale.session import delta_access, spark_session
from framework.scale.tables import append_table, read_table

__all__ = [
    "DeltaAccess",
    "ScaleError",
    "SparkConfig",
    "append_table",
    "delta_access",
    "find_java",
    "read_table",
    "spark_session",
]
