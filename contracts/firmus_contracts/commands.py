"""Everything one may ask of a workflow, and how one is answered.

A command has an id: the same id again gives the earlier answer and no event. Commands travel as
requests on `firmus.cmd.<shard>` or as plain calls inside one process.
"""

from typing import Any

import msgspec

from firmus_contracts.statuses import ResultStatus, WorkflowStatus

NO_DEFINITION = msgspec.Raw(b"")
"""Only this very object is left out when a command travels; another empty one would be no JSON."""


class _Command(  # `claims`: values that travel apart, field to SHA-256 (transport/claims.py)
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="command",
    rename="camel",
    omit_defaults=True,
):
    command_id: str
    workflow_id: str
    actor: str = ""
    trace: str | None = None
    claims: dict[str, str] = {}


class StartWorkflow(_Command, frozen=True, tag="start_workflow"):
    """Start a definition under an id chosen by the sender.

    `definition` is an inline one, JSON. `depth`: how many parents stand above it. `secrets`: names
    of those that its starter hands on as references in the input.
    """

    name: str
    version: int | None = None
    definition: msgspec.Raw = NO_DEFINITION
    input: dict[str, Any] | None = {}
    correlation_id: str | None = None
    priority: int = 0
    task_to_domain: dict[str, str] = {}
    parent_workflow_id: str | None = None
    parent_task_id: str | None = None
    event: str | None = None
    created_by: str | None = None
    idempotency_key: str | None = None
    external_input_path: str | None = None
    depth: int = 0
    secrets: tuple[str, ...] = ()


class BeginTask(_Command, frozen=True, tag="begin_task"):
    """Hand a queued task to a worker; the answer's result is Conductor's Task, whole."""

    task_id: str
    worker_id: str = ""


class RequeueTask(_Command, frozen=True, tag="requeue_task"):
    """Offer a task that a worker has to others as well; it may still report it (spec 9.4)."""

    task_id: str


class UpdateTask(_Command, frozen=True, tag="update_task"):
    """A worker's report. With `extend_lease` nothing else of it counts (spec 4.5)."""

    task_id: str
    status: ResultStatus = ResultStatus.COMPLETED
    output: dict[str, Any] | None = None
    reason: str | None = None
    worker_id: str | None = None
    callback_after_s: int = 0
    extend_lease: bool = False
    logs: tuple[tuple[str, int], ...] = ()


class LogTask(_Command, frozen=True, tag="log_task"):
    task_id: str
    lines: tuple[str, ...]


class FireTimer(_Command, frozen=True, tag="fire_timer"):
    """A deadline may have passed; the decider works out from state and time whether it has.

    Without `task_id` it is the workflow's own timeout.
    """

    task_id: str | None = None


class ReportChildStarted(_Command, frozen=True, tag="report_child_started"):
    """`child_id` was planned; an idempotency key may have `led_to` another workflow, `adopted` if
    that was there before.
    """

    task_id: str
    child_id: str
    led_to: str | None = None
    adopted: bool = False


class FollowWorkflow(_Command, frozen=True, tag="follow_workflow"):
    """Tell this task of another workflow of the end. An ended workflow refuses: look at it."""

    task_id: str


class ReportChildRefused(_Command, frozen=True, tag="report_child_refused"):
    """The child could not be started, for good."""

    task_id: str
    child_id: str
    reason: str


class ReportChildEnded(_Command, frozen=True, tag="report_child_ended"):
    """`child` is how reasons name it: name, version and id; `reason` is its own, as it stands.
    `again_version` is that of the child at which it began to run for the last time, 0 for its
    start, `parent_version` the parent's at which the parent last asked for that. `final`: the
    child was asked to run again and stays as it ended.
    """

    task_id: str
    child_id: str
    status: WorkflowStatus
    output: dict[str, Any] = {}
    reason: str | None = None
    child: str = ""
    again_version: int = 0
    parent_version: int = 0
    final: bool = False


class PauseWorkflow(_Command, frozen=True, tag="pause_workflow"):
    reason: str | None = None


class ResumeWorkflow(_Command, frozen=True, tag="resume_workflow"):
    reason: str | None = None


class TerminateWorkflow(_Command, frozen=True, tag="terminate_workflow"):
    """`by_parent`: the parent has ended; nobody is told. It means the workflow as it ran when the
    parent heard of it last, at `child_since` (0: since its start). Its failure workflow starts only
    with `run_failure_workflow`.
    """

    reason: str | None = None
    by_parent: bool = False
    child_since: int = 0
    run_failure_workflow: bool = False


class RemoveWorkflow(_Command, frozen=True, tag="remove_workflow"):
    """Nobody shall see it any more; the log keeps it. `archive`: search still finds its summary.

    `terminate`: it is terminated first, in the same step, where that is allowed.
    """

    archive: bool = True
    terminate: bool = False
    reason: str | None = None


class SkipTask(_Command, frozen=True, tag="skip_task"):
    """Have the flow step over a task of the definition that it has not reached yet."""

    ref: str
    input: dict[str, Any] = {}
    output: dict[str, Any] = {}
    reason: str | None = None


class TaskReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What an UpdateState says of the open task of a reference; see UpdateTask."""

    ref: str
    status: ResultStatus = ResultStatus.COMPLETED
    reason: str | None = None
    worker_id: str | None = None
    callback_after_s: int = 0
    extend_lease: bool = False
    logs: tuple[tuple[str, int], ...] = ()


class UpdateState(_Command, frozen=True, tag="update_state"):
    """Set variables and report several tasks, all of it or nothing. `outputs`, by reference, are
    laid over what the tasks have put out.
    """

    variables: dict[str, Any] = {}
    reports: tuple[TaskReport, ...] = ()
    outputs: dict[str, Any] = {}
    reason: str | None = None


class RestartWorkflow(_Command, frozen=True, tag="restart_workflow"):
    """From the beginning (spec 5.3). The answer's result of this and of the next two is a list of
    the Kin commands that follow from it, which the scheduler owes too.
    """

    use_latest_definitions: bool = False
    reason: str | None = None


class RetryWorkflow(_Command, frozen=True, tag="retry_workflow"):
    """On from where it failed (spec 5.4)."""

    resume_subworkflow_tasks: bool = False
    reason: str | None = None


class RerunWorkflow(_Command, frozen=True, tag="rerun_workflow"):
    """From a task on, or from the beginning without one (spec 5.5). `path`: the ids of the
    SUB_WORKFLOW tasks that lead to the task, outermost first, and then its own.
    """

    path: tuple[str, ...] = ()
    task_input: dict[str, Any] | None = None
    workflow_input: dict[str, Any] | None = None
    correlation_id: str | None = None
    reason: str | None = None


class ResetCallbacks(_Command, frozen=True, tag="reset_callbacks"):
    """Tasks that wait for their callback are due at once (spec 5.11)."""


class ReviveParent(_Command, frozen=True, tag="revive_parent"):
    """To the parent: its child runs again, at `child_version` of its own (spec 5.6). Where the
    parent asked for that, at `parent_version` (0: it did not), this is rejected when it does not
    wait for the child any more.
    """

    task_id: str
    child_id: str
    child_version: int
    operation: str
    parent_version: int = 0


class ReviveChild(_Command, frozen=True, tag="revive_child"):
    """To a child: its parent runs again, at `parent_version` of its own, and counts on it; it is to
    go on where it failed, or to be run again along `path` (see RerunWorkflow).
    """

    parent_version: int
    path: tuple[str, ...] = ()
    task_input: dict[str, Any] | None = None


class JumpToTask(_Command, frozen=True, tag="jump_to_task"):
    """Leave what is open and go on from this task; `input` is laid over its own."""

    ref: str
    input: dict[str, Any] = {}
    reason: str | None = None


class UpgradeWorkflow(_Command, frozen=True, tag="upgrade_workflow"):
    """Go on under another version of the definition; the latest when none is named. `input` is laid
    over the workflow's; `outputs`, by reference, are those of tasks that the upgrade skips.
    """

    name: str
    version: int | None = None
    input: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    reason: str | None = None


class PushMessage(_Command, frozen=True, tag="push_message"):
    """A message for the workflow's own PULL_WORKFLOW_MESSAGES tasks; its id follows from the
    command's (`ids.message_id`).
    """

    payload: dict[str, Any] = {}


class ReportStateEventSent(_Command, frozen=True, tag="report_state_event_sent"):
    """The message of the event of this version is out; `task.state_event_sent` says so."""

    version: int


class ReleaseWorkflow(_Command, frozen=True, tag="release_workflow"):
    """A workflow that was held at its start has a slot now."""


class Continue(_Command, frozen=True, tag="continue"):
    """Go on with a decision that was split, or look again at what is pending."""


Command = (
    StartWorkflow
    | BeginTask
    | RequeueTask
    | UpdateTask
    | LogTask
    | FireTimer
    | ReportChildStarted
    | FollowWorkflow
    | ReportChildRefused
    | ReportChildEnded
    | PauseWorkflow
    | ResumeWorkflow
    | TerminateWorkflow
    | RemoveWorkflow
    | SkipTask
    | UpdateState
    | RestartWorkflow
    | RetryWorkflow
    | RerunWorkflow
    | ResetCallbacks
    | ReviveParent
    | ReviveChild
    | JumpToTask
    | UpgradeWorkflow
    | PushMessage
    | Continue
    | ReleaseWorkflow
    | ReportStateEventSent
)


Kin = ReviveParent | ReviveChild
"""What a workflow that runs again asks of its parent and of its children."""

NO_RESULT = msgspec.Raw(b"null")


class Accepted(
    msgspec.Struct, frozen=True, kw_only=True, tag="accepted", rename="camel", omit_defaults=True
):
    """Done, and in the log. `version` is the workflow's after it; `result` depends on the command.

    BeginTask: the Task as REST shows it. UpdateTask: an UpdateOutcome. StartWorkflow: a
    StartOutcome, where it says more than its defaults. Others: none.
    """

    workflow_id: str
    version: int
    result: msgspec.Raw = NO_RESULT


class Rejected(
    msgspec.Struct, frozen=True, kw_only=True, tag="rejected", rename="camel", omit_defaults=True
):
    """Refused for a reason; `code` is a key of `errors.ERRORS`."""

    code: str
    message: str
    details: msgspec.Raw = msgspec.Raw(b"")


Answer = Accepted | Rejected


class StartOutcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`existing`: another command had started this id before; nothing happened now."""

    existing: bool = False


class UpdateOutcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What an update touched. `ignored`: task or workflow had ended before (spec 4.5, step 3)."""

    task_id: str
    task_type: str
    domain: str | None = None
    terminal: bool = False
    ignored: bool = False


def kind_of(command: Command) -> str:
    """The stable name of a command's type."""
    return str(command.__struct_config__.tag)
