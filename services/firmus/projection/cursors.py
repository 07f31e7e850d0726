"""How far the public events and the rows have come."""

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


def rows_cursor_of(stored: str | None) -> RowsCursor:
    """As a store keeps it; None: it has none yet."""
    return msgspec.json.decode(stored, type=RowsCursor) if stored else RowsCursor()


def events_cursor_of(stored: str | None) -> EventsCursor:
    return msgspec.json.decode(stored, type=EventsCursor) if stored else EventsCursor()
