"""Operations by which people steer a workflow: pause, resume, terminate (spec 5.1, 5.2, 5.8)."""

from firmus.decider import ending
from firmus.decider.turn import Turn
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def pause(turn: Turn) -> cmd.Rejected | None:
    status = turn.state.status
    if status.terminal:
        return ended(turn.state)
    if status is WorkflowStatus.RUNNING:
        turn.emit(ev.WorkflowPaused())
    return None


def ended(state: WorkflowState) -> cmd.Rejected:
    what = f"{state.name}.{state.definition_version}/{state.workflow_id}.{state.status}"
    message = f"Workflow {what} has ended, status cannot be updated."
    return cmd.Rejected(code="CONFLICT", message=message)


def resume(turn: Turn) -> cmd.Rejected | None:
    state = turn.state
    if state.status is not WorkflowStatus.PAUSED:
        message = (
            f"The workflow {state.workflow_id} is not PAUSED so cannot resume. "
            f"Current status is {state.status}"
        )
        return cmd.Rejected(code="ILLEGAL_STATE", message=message)
    turn.emit(ev.WorkflowResumed())
    turn.look_at_everything()
    return None


def terminate(turn: Turn, command: cmd.TerminateWorkflow) -> cmd.Rejected | None:
    """Any but a COMPLETED one; a TERMINATED one stays as it is (spec 5.1, 5.8)."""
    status = turn.state.status
    if status is WorkflowStatus.TERMINATED or (command.by_parent and status.terminal):
        return None
    if status is WorkflowStatus.COMPLETED:
        message = "Cannot terminate a COMPLETED workflow."
        return cmd.Rejected(code="CONFLICT", message=message)
    ending.fail(turn, WorkflowStatus.TERMINATED, command.reason, run_failure_workflow=False)
    return None
