"""How far the public events have come."""

import msgspec


class EventsCursor(msgspec.Struct, frozen=True, gc=False):
    """The last public event that is in EVENTS: its commit's log position, its version, and the
    sequence of its message. `position` 0: none yet.
    """

    position: int = 0
    version: int = 0
    sequence: int = 0


class RowsCursor(msgspec.Struct, frozen=True):
    """The last commit that the rows reflect; position 0 when they reflect none."""

    position: int = 0
    workflow_id: str = ""
    digest: str = ""
