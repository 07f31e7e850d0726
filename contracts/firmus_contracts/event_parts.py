"""What events are made of: the form that all share, and the parts that some hold."""

import msgspec


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    rename="camel",
    omit_defaults=True,
):
    """What all events share: how they are written."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the start of a workflow said of parent and timeout, and the tasks that followed it. An
    event by which an ended workflow runs again says it once more, for readers that forget a
    workflow when it ends.
    """

    parent_workflow_id: str | None = None
    parent_task_id: str | None = None
    timeout_s: int = 0
    timeout_policy: str = "ALERT_ONLY"
    followers: tuple[str, ...] = ()


class FailureWorkflow(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The workflow that a failure starts (spec 4.7); its id is minted with the failure."""

    workflow_id: str
    name: str
    version: int | None = None


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Seconds, 0 = none; taken from the task definition when the row is made (spec 4.3)."""

    response_s: int = 0
    task_s: int = 0
    poll_s: int = 0
    total_s: int = 0


class TaskLimits(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How many tasks of one definition may be in workers' hands at once, and how many are handed
    out within any `window_s` seconds (spec 4.9); 0: any number.
    """

    concurrent: int = 0
    hand_outs: int = 0
    window_s: int = 0


class CacheSlot(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where the output of a task or workflow is looked for, and kept for `ttl_s` seconds once it
    completes.
    """

    key: str
    ttl_s: int
