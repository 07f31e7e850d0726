"""What surrounds events: the commit (one decision, one message) and the record read back."""

import msgspec

from firmus_contracts.events import WorkflowEvent
from firmus_contracts.shape import value

ENGINE_VERSION = "0.1.0"


class Cause(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The command that a commit, or the next `events` events of it, answers."""

    command_id: str
    kind: str
    actor: str = ""
    events: int = 0


class BlobRef(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A value too large for the log, kept in the object store by its SHA-256.

    `event` is the index in the commit and `field` the JSON name of the property that it replaces.
    """

    event: int
    field: str
    sha256: str
    size: int


class Commit(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One decision: the events of one workflow that happened together, in order.

    `first_version` is the version of the first event; versions of a workflow are 1..n without
    gaps. `previous` is the SHA-256 (hex) of the stored bytes of the workflow's commit before this
    one, empty in the first. Several commands that waited for the same workflow share a commit.
    `engine` is always written: the default of a later build is another one.
    """

    commit_id: str
    workflow_id: str
    first_version: int
    time_ms: int
    events: tuple[WorkflowEvent, ...]
    causes: tuple[Cause, ...] = ()
    previous: str = ""
    engine: str = value(ENGINE_VERSION)
    trace: str | None = None
    blobs: tuple[BlobRef, ...] = ()

    @property
    def last_version(self) -> int:
        return self.first_version + len(self.events) - 1


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A stored commit that this build cannot read; its workflow stops here, loudly."""

    workflow_id: str
    problem: str
    stored: bytes


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A commit as it stands in the log. Positions grow over the whole log, with gaps allowed."""

    position: int
    workflow_id: str
    digest: str
    body: Commit | Unreadable

    @property
    def commit(self) -> Commit:
        """The commit; raises ValueError when this build cannot read it."""
        if isinstance(self.body, Unreadable):
            problem = f"workflow {self.workflow_id}: {self.body.problem}"
            raise ValueError(problem)  # noqa: TRY004 - the stored bytes are at fault, no caller
        return self.body
