"""Pause, resume, terminate, remove: what people do to a whole workflow (spec 5.1, 5.2, 5.8, 5.9).

In which status each is allowed stands in `lifecycle.py`.
"""

from firmus.decider import admission, ending, lifecycle
from firmus.decider.turn import Turn
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def pause(turn: Turn, command: cmd.PauseWorkflow) -> cmd.Rejected | None:
    refused = lifecycle.refused("pause", turn.state)
    if refused is None and not lifecycle.idle("pause", turn.state):
        turn.emit(ev.WorkflowPaused(reason=command.reason, actor=command.actor))
    return refused


def resume(turn: Turn, command: cmd.ResumeWorkflow) -> cmd.Rejected | None:
    refused = lifecycle.refused("resume", turn.state)
    if refused is None:
        turn.emit(ev.WorkflowResumed(reason=command.reason, actor=command.actor))
        turn.look_at_everything()
        admission.begin_if_released(turn)
    return refused


def terminate(turn: Turn, command: cmd.TerminateWorkflow) -> cmd.Rejected | None:
    """Its parent's end does not reach a workflow that has ended, nor one that has
    run again unheard of (spec 5.6).
    """
    state = turn.state
    void = command.child_since < state.again_version
    if command.by_parent and (state.status.terminal or void):
        return None
    refused = lifecycle.refused("terminate", state)
    if refused is None and not lifecycle.idle("terminate", state):
        ending.fail(
            turn,
            WorkflowStatus.TERMINATED,
            command.reason,
            run_failure_workflow=command.run_failure_workflow,
            actor=command.actor,
        )
    return refused


def remove(turn: Turn, command: cmd.RemoveWorkflow) -> cmd.Rejected | None:
    """Removed for good: the decider knows nothing of it from here on (spec 5.9)."""
    refused = None
    if command.terminate:
        refused = lifecycle.refused("terminate", turn.state)
        if refused is None and not lifecycle.idle("terminate", turn.state):
            ended, reason = WorkflowStatus.TERMINATED, command.reason
            ending.fail(turn, ended, reason, run_failure_workflow=False, actor=command.actor)
    if refused is None:
        refused = lifecycle.refused("archive" if command.archive else "remove", turn.state)
    if refused is None:
        turn.emit(
            ev.WorkflowRemoved(archived=command.archive, reason=command.reason, actor=command.actor)
        )
    return refused
