"""The state store's conformance suite: a home passes if a class of these cases passes on it."""

from tests.conformance.state.case import StoreCase
from tests.conformance.state.desk import DeskCases
from tests.conformance.state.documents import ModifyingCases, UpdatingCases, WritingCases
from tests.conformance.state.finding import FindingCases
from tests.conformance.state.kinds import CappedCases, ClusteredCases, SetUpCases, TimeSeriesCases
from tests.conformance.state.resuming import ResumingCases
from tests.conformance.state.streams import EventCases, FilterCases, ImageCases


class StateStoreConformance(
    WritingCases,
    UpdatingCases,
    ModifyingCases,
    FindingCases,
    CappedCases,
    ClusteredCases,
    TimeSeriesCases,
    SetUpCases,
    EventCases,
    FilterCases,
    ImageCases,
    ResumingCases,
    DeskCases,
):
    """Every case; subclass it and override `store` and `let_expired_go`."""


__all__ = ["StateStoreConformance", "StoreCase"]
