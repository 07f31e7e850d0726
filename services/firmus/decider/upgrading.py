"""Going on under another version of the definition while the workflow runs.

Tasks that the new version puts before one that was reached are skipped, with outputs that the
caller gives; everything after goes by the new version, retries of open tasks too.
"""

from firmus.decider import lifecycle, payload_limits, schemas_kept
from firmus.decider.context import Wanted, WantsMore
from firmus.decider.skipping import add_skipped
from firmus.decider.turn import Turn
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.versions import differences, passed_by
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev


def upgrade(turn: Turn, command: cmd.UpgradeWorkflow) -> cmd.Rejected | None:
    """Nothing happens unless all that was reached stands unchanged in the other version."""
    state = turn.state
    refused = lifecycle.refused("upgrade", state)
    if refused is not None:
        return refused
    if command.name != state.name:
        message = f"Workflow {state.workflow_id} runs {state.name}, no version of {command.name}"
        return cmd.Rejected(code="INVALID", message=message)
    key = (command.name, command.version or None)
    if key not in turn.answers.pins:
        raise WantsMore(Wanted(pins=(key,)))
    new = turn.answers.pins[key]
    if isinstance(new, cmd.Rejected):
        return new
    if new is None:
        message = f"No such workflow defined. name={key[0]}, version={key[1]}"
        return cmd.Rejected(code="NOT_FOUND", message=message)
    if new.sha256 == state.definition_hash and not command.input and not command.outputs:
        return None
    refused = _unfit(turn, command, new)
    if refused is None:
        _go_on_under(turn, command, new)
    return refused


def _unfit(turn: Turn, command: cmd.UpgradeWorkflow, new: Blueprint) -> cmd.Rejected | None:
    state, old = turn.state, turn.context.blueprint
    found = differences(state, old, new)
    if found:
        what = f"version {new.definition.version} of {state.name}"
        message = f"Workflow {state.workflow_id} cannot go on under {what}: {'; '.join(found)}"
        return cmd.Rejected(code="CONFLICT", message=message)
    skipped = {task.task_reference_name for task in passed_by(state, old, new)}
    unknown = sorted(command.outputs.keys() - skipped)
    if unknown:
        message = f"taskOutput: no task is skipped by this upgrade under {', '.join(unknown)}"
        return cmd.Rejected(code="INVALID", message=message)
    given = {**state.input, **command.input}
    misfit = schemas_kept.input_refused(new, given)
    if misfit is not None:
        return cmd.Rejected(code="INVALID", message=misfit[0])
    most = turn.context.limits.payload_max_bytes
    limit = payload_limits.limit_of(new.definition.metadata, most)
    for value in (given, *command.outputs.values()):
        size = payload_limits.excess(value, limit)
        if size:
            text = payload_limits.reason(size, f"workflow: {state.workflow_id}", limit)
            return cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=text)
    return None


def _go_on_under(turn: Turn, command: cmd.UpgradeWorkflow, new: Blueprint) -> None:
    skipped = passed_by(turn.state, turn.context.blueprint, new)
    definition = new.definition
    turn.emit(
        ev.WorkflowUpgraded(
            definition_version=definition.version,
            definition_hash=new.sha256,
            input=command.input,
            timeout_s=max(definition.timeout_seconds, 0),
            timeout_policy=definition.timeout_policy,
            reason=command.reason,
            actor=command.actor,
        )
    )
    turn.run_on(new)
    for task in skipped:
        output = command.outputs.get(task.task_reference_name or "") or {}
        add_skipped(turn, task, output=output, reason="The definition was upgraded past it")
    turn.look_at_everything()
