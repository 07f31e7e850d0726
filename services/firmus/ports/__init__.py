"""The seams between services. Each port has a local form (the service object itself) and a form
over core NATS (`firmus.transport`); both behave alike, so a service never knows which it holds.
"""

from firmus.ports.definitions import DefinitionsPort, Pinned, TagChange, TagOwner
from firmus.ports.outside import Cached, CachePort, Clock, PayloadsPort, SinksPort, Unavailable
from firmus.ports.queues import QueueSize, QueuesPort, SlotsPort
from firmus.ports.readmodels import (
    Comparison,
    ReadModelsPort,
    ReadModelStatus,
    RebuildProgress,
    Stopped,
    StoredModel,
    TableComparison,
    Verify,
)
from firmus.ports.registered import EventHandlersPort, SchedulesPort
from firmus.ports.running import RehearsalPort, ScriptResult, ScriptsPort
from firmus.ports.search import LATEST, SearchPage, SearchPort, SearchRequest
from firmus.ports.workflows import DeciderPort, Started, StartsPort, Watch, WatchPort

__all__ = [
    "LATEST",
    "CachePort",
    "Cached",
    "Clock",
    "Comparison",
    "DeciderPort",
    "DefinitionsPort",
    "EventHandlersPort",
    "PayloadsPort",
    "Pinned",
    "QueueSize",
    "QueuesPort",
    "ReadModelStatus",
    "ReadModelsPort",
    "RebuildProgress",
    "RehearsalPort",
    "SchedulesPort",
    "ScriptResult",
    "ScriptsPort",
    "SearchPage",
    "SearchPort",
    "SearchRequest",
    "SinksPort",
    "SlotsPort",
    "Started",
    "StartsPort",
    "Stopped",
    "StoredModel",
    "TableComparison",
    "TagChange",
    "TagOwner",
    "Unavailable",
    "Verify",
    "Watch",
    "WatchPort",
]
