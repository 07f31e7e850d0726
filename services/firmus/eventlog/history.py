"""A workflow's state from its history, with what the next append needs."""

import msgspec

from firmus.eventlog.port import EventLog
from firmus.workflow.evolve import fold
from firmus.workflow.state import WorkflowState


class Loaded(msgspec.Struct, frozen=True):
    """State None, position 0 and an empty digest: there is no such workflow."""

    state: WorkflowState | None = None
    position: int = 0
    digest: str = ""


NOTHING = Loaded()


async def load_state(log: EventLog, workflow_id: str, *, start: Loaded = NOTHING) -> Loaded:
    """The state after a workflow's last commit, folded on from `start` (a cached or earlier one).

    Raises ValueError when a commit cannot be read or does not follow, LogUnavailable.
    """
    state, position, digest = start.state, start.position, start.digest
    for record in await log.read(workflow_id, after=position):
        state = fold(state, record.commit)
        position, digest = record.position, record.digest
    return Loaded(state, position, digest)
