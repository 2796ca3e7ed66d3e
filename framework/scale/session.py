"""Start Spark, local by default, with what alignment and tables need."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from framework.scale.config import DeltaAccess, SparkConfig
from framework.scale.java import ScaleError, find_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DELTA_CATALOG: Final = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
_DELTA_EXTENSION: Final = "io.delta.sql.DeltaSparkSessionExtension"
_LOOPBACK: Final = "127.0.0.1"


def spark_session(
    config: SparkConfig | None = None, *, notice: Callable[[str], None] = lambda text: None
) -> SparkSession:
    """Start Spark, or return the session that runs, with this configuration.

    Delta's own jars are used where `SparkConfig.jars` names them, else where they may be
    downloaded and can be; else tables go through `framework.scale.source`.

    Parameters
    ----------
    config
        Where and how; two local cores if left out.
    notice
        Called with what the reader should know, such as a download that failed.

    Raises
    ------
    ScaleError
        Where pyspark or Java is missing, or Spark does not start.
    """
    config = config or SparkConfig()
    _require_pyspark()
    from framework.scale.source import DeltaSource

    with spark_warnings_off():
        session = _connect(config) if config.remote else _start(config, notice)
    session.dataSource.register(DeltaSource)
    return session


def delta_access(session: SparkSession) -> DeltaAccess:
    """Tell through what a session reads and writes Delta tables."""
    extensions = session.conf.get("spark.sql.extensions", "") or ""
    return DeltaAccess.JARS if _DELTA_EXTENSION in extensions else DeltaAccess.SOURCE


@contextmanager
def spark_warnings_off() -> Iterator[None]:
    """Silence the one warning pyspark gives for every Python function under pandas 3.

    Nothing here goes through pandas: rows cross over as Arrow.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        yield


def _require_pyspark() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError as error:
        raise ScaleError(
            "work on Spark needs the package pyspark, it is not installed",
            remedy='install the extra: pip install "crossbook[spark]"',
        ) from error


def _connect(config: SparkConfig) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.remote(config.remote)
    for name, value in config.settings().items():
        if name.startswith("spark.sql.") and "stateStore" not in name:
            builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:
        raise ScaleError(
            f"a Spark Connect server must answer at {config.remote}, none did: {error}",
            remedy='check the address; the client needs pip install "pyspark[connect]"',
        ) from error


def _start(config: SparkConfig, notice: Callable[[str], None]) -> SparkSession:
    java = find_java()
    os.environ["JAVA_HOME"] = str(java.resolve().parent.parent)
    # Workers must be this very Python: it has the packages.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    if config.jars:
        return _created(config, _with_jars(config))
    if config.may_download:
        try:
            return _created(config, {}, is_downloaded=True)
        except ScaleError as error:
            notice(f"Delta's jars could not be downloaded, its data source is used: {error}")
    return _created(config, {})


def _with_jars(config: SparkConfig) -> dict[str, str]:
    return {"spark.jars": ",".join(config.jars), **_delta_settings()}


def _delta_settings() -> dict[str, str]:
    return {
        "spark.sql.extensions": _DELTA_EXTENSION,
        "spark.sql.catalog.spark_catalog": _DELTA_CATALOG,
    }


def _created(
    config: SparkConfig, added: dict[str, str], *, is_downloaded: bool = False
) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(config.master).appName("crossbook")
    settings = {"spark.driver.memory": config.driver_memory, **added, **config.settings()}
    if config.master.startswith("local"):
        settings = {
            "spark.driver.host": _LOOPBACK,
            "spark.driver.bindAddress": _LOOPBACK,
            **settings,
        }
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
    if is_downloaded:
        from delta import configure_spark_with_delta_pip

        settings |= _delta_settings()
        builder = configure_spark_with_delta_pip(builder)
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise ScaleError(
            f"Spark must start at {config.master}, it did not: {error}",
            remedy="look at what Java wrote on standard error",
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session
