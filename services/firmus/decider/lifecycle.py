"""Which operation a workflow allows in which status, and the refusal otherwise (spec 5.1).

The one table of it; docs/lifecycle.md shows the same, a test compares the two.
"""

import msgspec

from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus

_RUNNING, _PAUSED = WorkflowStatus.RUNNING, WorkflowStatus.PAUSED
_COMPLETED, _FAILED = WorkflowStatus.COMPLETED, WorkflowStatus.FAILED
_TIMED_OUT, _TERMINATED = WorkflowStatus.TIMED_OUT, WorkflowStatus.TERMINATED
OPEN = (_RUNNING, _PAUSED)
ENDED = (_COMPLETED, _FAILED, _TIMED_OUT, _TERMINATED)
ANY = (*OPEN, *ENDED)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`acts`: the statuses in which the operation does something; `idle`: those in which it is
    accepted and changes nothing. In all others it is refused with `code` and `message`, where
    `{id}` is the workflow's id, `{workflow}` its name, version, id and status, `{status}` its
    status and `{ref}` the reference that the operation names.
    """

    acts: tuple[WorkflowStatus, ...]
    idle: tuple[WorkflowStatus, ...] = ()
    code: str = "CONFLICT"
    message: str = ""


_HAS_ENDED = "Workflow {named} has ended, status cannot be updated."

RULES: dict[str, Rule] = {
    "pause": Rule(acts=(_RUNNING,), idle=(_PAUSED,), message=_HAS_ENDED),
    "resume": Rule(
        acts=(_PAUSED,),
        code="ILLEGAL_STATE",
        message="The workflow {id} is not PAUSED so cannot resume. Current status is {status}",
    ),
    "terminate": Rule(
        acts=(*OPEN, _FAILED, _TIMED_OUT),
        idle=(_TERMINATED,),
        message="Cannot terminate a COMPLETED workflow.",
    ),
    "remove": Rule(acts=ANY),
    "archive": Rule(
        acts=ENDED, code="INVALID", message="Cannot archive workflow: {id} with status: {status}"
    ),
    "skip": Rule(
        acts=(_RUNNING,),
        code="ILLEGAL_STATE",
        message=(
            "The workflow {id} is not running so the task referenced by {ref} cannot be skipped"
        ),
    ),
    "update": Rule(acts=OPEN, message=_HAS_ENDED),
    "restart": Rule(
        acts=ENDED,
        message="Workflow: {workflow} is not in terminal state, unable to restart.",
    ),
    "retry": Rule(
        acts=ENDED, code="NOT_FOUND", message="Workflow is still running.  status={status}"
    ),
    "rerun": Rule(
        acts=ENDED, message="Workflow: {workflow} is not in terminal state, unable to rerun."
    ),
    "resetcallbacks": Rule(acts=OPEN, message="Workflow is in terminal state. Status = {status}"),
    "jump": Rule(
        acts=(_RUNNING,), message="Workflow {workflow} is not running, it cannot jump to {ref}"
    ),
    "upgrade": Rule(acts=OPEN, message=_HAS_ENDED),
    "decide": Rule(acts=OPEN, idle=ENDED),
}


def refused(operation: str, state: WorkflowState, *, ref: str = "") -> cmd.Rejected | None:
    """Why the status of the workflow does not allow the operation; None when it does."""
    rule = RULES[operation]
    if state.status in rule.acts or state.status in rule.idle:
        return None
    named = f"{state.name}.{state.definition_version}/{state.workflow_id}"
    message = rule.message.format(
        id=state.workflow_id,
        named=named,
        workflow=f"{named}.{state.status}",
        status=state.status,
        ref=ref,
    )
    return cmd.Rejected(code=rule.code, message=message)


def idle(operation: str, state: WorkflowState) -> bool:
    """Whether there is nothing left to do."""
    return state.status in RULES[operation].idle
