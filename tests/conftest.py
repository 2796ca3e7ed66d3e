"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Kernels compile at their first call, so no example has a deadline; CI draws the same ones always.
settings.register_profile("crossbook", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("crossbook")

_CHECKOUT = Path(__file__).resolve().parent.parent


# Strategies as a quant keeps them beside a lake: importing one reads the lake of its folder.
collect_ignore = ["support/lookahead"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "captures: needs the real market captures")
    config.addinivalue_line("markers", "spark: starts Spark, once for all tests")
    config.addinivalue_line("markers", "delta_jars: needs Delta's jars, CROSSBOOK_DELTA_JARS")


@pytest.fixture(scope="session")
def captures() -> Path:
    """Folder of real market captures: CROSSBOOK_TEST_DATA, else beside the checkout."""
    default = _CHECKOUT.parent / "shared" / "data"
    folder = Path(os.environ.get("CROSSBOOK_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no market captures at {folder}: set CROSSBOOK_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One small local Spark for the whole run; CROSSBOOK_DELTA_JARS names Delta's jars, if any."""
    pytest.importorskip("pyspark", reason="the extra crossbook[spark] is not installed")
    from framework.scale import ScaleError, SparkConfig, find_java, spark_session

    try:
        find_java()
    except ScaleError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("spark")
    session = spark_session(
        SparkConfig(
            jars=tuple(os.environ.get("CROSSBOOK_DELTA_JARS", "").split(os.pathsep))
            if os.environ.get("CROSSBOOK_DELTA_JARS")
            else (),
            shuffle_partitions=2,
            skew_bytes=1 << 20,
            options={
                "spark.sql.warehouse.dir": str(folder / "warehouse"),
                "spark.local.dir": str(folder / "local"),
                # Compiling a plan takes longer than to interpret it over a few hundred rows.
                "spark.sql.codegen.wholeStage": "false",
                "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            },
        )
    )
    yield session
    session.stop()
