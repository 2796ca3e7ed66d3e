"""What the market data handlers of a desk write to its store."""

from framework.state.feed.documents import IssuedWrite, issued_writes
from framework.state.feed.recorder import Recorder, store_rows

__all__ = ["IssuedWrite", "Recorder", "issued_writes", "store_rows"]
