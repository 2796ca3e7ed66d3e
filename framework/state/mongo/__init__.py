"""The state store in a real MongoDB; needs the extra `state`."""

from framework.state.mongo.connect import connect
from framework.state.mongo.store import MongoCollection, MongoStore

__all__ = ["MongoCollection", "MongoStore", "connect"]
