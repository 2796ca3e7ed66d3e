"""The state store: what a live strategy can see at an instant, emulated or in a real MongoDB."""

from framework.state.base import ChangeStream, Collection, StateStore
from framework.state.emulation import EmulatedServer, EmulatedStore
from framework.state.events import ChangeEvent, Images, Operation, WatchOptions
from framework.state.lag import Lag, StoreLink
from framework.state.spec import CollectionSpec, Index, Kind
from framework.state.writes import Delete, Insert, Replace, Update

__all__ = [
    "ChangeEvent",
    "ChangeStream",
    "Collection",
    "CollectionSpec",
    "Delete",
    "EmulatedServer",
    "EmulatedStore",
    "Images",
    "Index",
    "Insert",
    "Kind",
    "Lag",
    "Operation",
    "Replace",
    "StateStore",
    "StoreLink",
    "Update",
    "WatchOptions",
]
