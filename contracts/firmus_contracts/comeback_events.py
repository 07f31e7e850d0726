"""The events by which a workflow that has ended runs again (spec 5.3-5.6); see `events.py`."""

from typing import Any

from firmus_contracts.event_parts import Event, Standing


class WorkflowRestarted(Event, frozen=True, tag="workflow.restarted"):
    """It begins anew with the input it had (spec 5.3). Its rows are shown no more; the log keeps
    them. `definition_hash` is what it runs from now on.
    """

    definition_version: int
    definition_hash: str
    standing: Standing = Standing()
    reason: str | None = None
    actor: str = ""


class WorkflowRetried(Event, frozen=True, tag="workflow.retried"):
    """It goes on where it failed (spec 5.4); what comes back follows, row by row. `in_child`: where
    it failed is in a child, which goes on too. `parent_version`: see ParentRevived; 0 when no
    parent asked.
    """

    standing: Standing = Standing()
    reason: str | None = None
    actor: str = ""
    parent_version: int = 0
    in_child: bool = False


class WorkflowRerun(Event, frozen=True, tag="workflow.rerun"):
    """It is run again from the row `from_ordinal` (or from a task below its sub-workflow), or from
    its beginning without its rows (spec 5.5). `input` and `correlation_id` are new ones, where
    given. `parent_version`: see ParentRevived; 0 when no parent asked.
    """

    from_ordinal: int | None = None
    input: dict[str, Any] | None = None
    correlation_id: str | None = None
    standing: Standing = Standing()
    reason: str | None = None
    actor: str = ""
    parent_version: int = 0


class WorkflowRevived(Event, frozen=True, tag="workflow.revived"):
    """It runs again because the child of its row `child_ordinal` does: `operation` tells by what
    (spec 5.6).
    """

    child_ordinal: int
    operation: str
    standing: Standing = Standing()


class ParentRevived(Event, frozen=True, tag="workflow.parent_revived"):
    """The parent, which had ended, runs again at `parent_version` of its own and goes on with this
    workflow, which is still open: what the parent asked of it before that version is void.
    """

    parent_version: int


class TasksWithdrawn(Event, frozen=True, tag="workflow.tasks_withdrawn"):
    """The rows `removed` are shown no more and count for nothing (the log keeps them), because what
    came before them is run again; the decider has to act once more on the rows `unsettled`.
    """

    removed: tuple[int, ...] = ()
    unsettled: tuple[int, ...] = ()


class ChildRevived(Event, frozen=True, tag="task.child_revived"):
    """The child of this open row came back at `child_version` of its own: what it said before that
    is void.
    """

    ordinal: int
    child_version: int


class CallbackReset(Event, frozen=True, tag="task.callback_reset"):
    """The waiting row is due for hand-out at once (spec 5.11)."""

    ordinal: int
