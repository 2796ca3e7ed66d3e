"""Vendor formats by the name they have on the command line."""

from framework.lake.formats.base import SourceFormat
from framework.lake.formats.binance import BinanceFormat
from framework.lake.formats.databento import DatabentoFormat
from framework.lake.formats.fx import FxFormat
from framework.lake.formats.lobster import LobsterFormat
from framework.lake.formats.nasdaq import NasdaqFormat
from framework.lake.formats.taq import TaqFormat
from framework.lake.formats.tardis import TardisFormat

FORMATS: dict[str, type[SourceFormat]] = {
    source.name: source
    for source in (
        BinanceFormat,
        DatabentoFormat,
        FxFormat,
        LobsterFormat,
        NasdaqFormat,
        TaqFormat,
        TardisFormat,
    )
}

__all__ = ["FORMATS"]
