"""decide: what a command makes of a workflow, as a pure function (spec 3.1-3.4, 4.5, 5.2, 5.8).

`decide(state, command, context)` answers with a Decision (events and the state after them), a
Rejected, or Needs: something from outside must be known first, after which `resume` goes on with
the same time and entropy.
"""

from typing import assert_never

import msgspec

import firmus.decider.operators  # noqa: F401 - fills the table of operators
from firmus.decider import (
    admission,
    advance,
    again,
    caching,
    children,
    control,
    jumping,
    messages,
    schemas_kept,
    skipping,
    state_updates,
    timeouts,
    updates,
    upgrading,
)
from firmus.decider.context import Answers, CannotStart, Context, Decision, Wanted, WantsMore
from firmus.decider.payload_limits import excess, limit_of, reason
from firmus.decider.turn import Turn
from firmus.workflow.document import Document
from firmus.workflow.evolve import evolve
from firmus.workflow.expressions import merge_workflow_input
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.errors import no_task, no_workflow
from firmus_contracts.statuses import TaskStatus


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted, and the unfinished turn to `resume` with. `command` is given while the
    command itself has not been applied yet.
    """

    wanted: Wanted
    turn: Turn
    command: cmd.Command | None = None


Outcome = Decision | cmd.Rejected | Needs


def decide(state: WorkflowState | None, command: cmd.Command, context: Context) -> Outcome:
    """What happens because of `command`. `state` is None for a workflow that does not exist."""
    if isinstance(command, cmd.StartWorkflow):
        return _start(state, command, context)
    if state is None:
        return _no_such(command)
    if state.recent.version(command.command_id) is not None:
        return _repeated(state, command)
    if state.removed_ms and not isinstance(command, cmd.ReportStateEventSent):
        return _no_such(command)
    turn = Turn(state, context, Answers())
    return _go(turn, command)


def _no_such(command: cmd.Command) -> cmd.Rejected:
    return cmd.Rejected(code="NOT_FOUND", message=no_workflow(command.workflow_id))


def resume(needs: Needs, answers: Answers) -> Outcome:
    """Goes on with a decision once what it needs has been obtained."""
    turn = needs.turn
    turn.answers.scripts.update(answers.scripts)
    turn.answers.task_defs.update(answers.task_defs)
    turn.answers.definitions.update(answers.definitions)
    turn.answers.cache.update(answers.cache)
    turn.answers.slot = turn.answers.slot or answers.slot
    turn.answers.pins.update(answers.pins)
    return _go(turn, needs.command)


def _go(turn: Turn, command: cmd.Command | None) -> Outcome:
    if command is not None:
        try:
            applied = _apply(turn, command)
        except WantsMore as more:
            return Needs(wanted=more.wanted, turn=turn, command=command)
        except CannotStart as refused:
            return cmd.Rejected(code="INVALID", message=str(refused))
        if isinstance(applied, cmd.Rejected):
            return applied
        turn.outcome = applied or turn.outcome
    try:
        wanted = advance.advance(turn)
    except CannotStart as refused:
        return cmd.Rejected(code="INVALID", message=str(refused))
    if wanted is not None:
        return Needs(wanted=wanted, turn=turn)
    return msgspec.structs.replace(
        turn.outcome,
        state=turn.state,
        events=tuple(turn.events),
        to_cache=tuple(turn.to_cache),
    )


def _start(state: WorkflowState | None, command: cmd.StartWorkflow, context: Context) -> Outcome:
    """A second start of the same id changes nothing; the answer tells whose the first one was."""
    if state is not None:
        return Decision(state=state, existing=state.started_by != command.command_id)
    definition = context.blueprint.definition
    if command.input is None:
        return cmd.Rejected(code="INVALID", message="NULL input passed when starting workflow")
    if command.depth > context.limits.depth_max:
        message = f"Sub-workflows are nested more than {context.limits.depth_max} levels deep"
        return cmd.Rejected(code="INVALID", message=message)
    empty = _empty_fork_branch(context)
    if empty is not None:
        message = f"FORK_JOIN task {empty} has a branch without tasks"
        return cmd.Rejected(code="INVALID", message=message)
    given = merge_workflow_input(definition.input_template, command.input)
    refused = schemas_kept.input_refused(context.blueprint, given)
    if refused is not None:
        details = msgspec.Raw(msgspec.json.encode(refused[1]))
        return cmd.Rejected(code="INVALID", message=refused[0], details=details)
    limit = limit_of(definition.metadata, context.limits.payload_max_bytes)
    size = excess(given, limit)
    if size:
        what = f"workflow: {command.workflow_id}"
        return cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=reason(size, what, limit))
    started = ev.WorkflowStarted(
        name=definition.name,
        definition_version=definition.version,
        definition_hash=context.blueprint.sha256,
        input=given,
        variables=definition.variables,
        correlation_id=command.correlation_id,
        priority=command.priority,
        task_to_domain=command.task_to_domain,
        parent_workflow_id=command.parent_workflow_id,
        parent_task_id=command.parent_task_id,
        depth=command.depth,
        event=command.event,
        created_by=command.created_by,
        idempotency_key=command.idempotency_key,
        external_input_path=command.external_input_path,
        timeout_s=max(definition.timeout_seconds, 0),
        timeout_policy=definition.timeout_policy,
        secrets=command.secrets,
    )
    first = evolve(None, started, workflow_id=command.workflow_id, now_ms=context.now_ms)
    if definition.cache_config is not None:
        document = Document(first, environment=context.environment)
        slot = caching.workflow_slot(context.blueprint, document)
        started = msgspec.structs.replace(started, cache=slot)
        first = msgspec.structs.replace(first, cache=slot)
    turn = Turn(first, context, Answers())
    turn.events.append(started)
    turn.starting = True
    return _go(turn, command)


def _empty_fork_branch(context: Context) -> str | None:
    for node in context.blueprint.nodes.values():
        if node.task.type == "FORK_JOIN" and not all(node.task.fork_tasks):
            return node.ref
    return None


def _repeated(state: WorkflowState, command: cmd.Command) -> Decision:
    """The same command again: nothing happens, and the answer is the one given before."""
    if isinstance(command, cmd.BeginTask):
        row = updates.row_of(state, command.task_id)
        return Decision(state=state, begun=row.ordinal if row else None)
    if isinstance(command, cmd.UpdateTask):
        row = updates.row_of(state, command.task_id)
        if row is not None:
            return Decision(state=state, updated=updates.outcome(row, command, ignored=False))
    return Decision(state=state)


def _apply(  # noqa: C901, PLR0912 - one case per command
    turn: Turn, command: cmd.Command
) -> Decision | cmd.Rejected | None:
    """Emits what the command itself says and notes what to look at."""
    state = turn.state
    match command:
        case cmd.StartWorkflow():
            return admission.start(turn)
        case cmd.ReleaseWorkflow():
            admission.release(turn)
        case cmd.BeginTask():
            return _begin_task(turn, command)
        case cmd.RequeueTask():
            return updates.requeue(turn, command)
        case cmd.UpdateTask():
            return _update_task(turn, command)
        case cmd.LogTask():
            return _log_task(turn, command)
        case cmd.FireTimer():
            _fire(turn, command)
        case cmd.ReportChildStarted():
            children.started(turn, command)
        case cmd.FollowWorkflow():
            return children.follow(turn, command)
        case cmd.ReportChildRefused():
            children.refused(turn, command)
        case cmd.ReportChildEnded():
            children.ended(turn, command)
        case cmd.PauseWorkflow():
            return control.pause(turn, command)
        case cmd.ResumeWorkflow():
            return control.resume(turn, command)
        case cmd.TerminateWorkflow():
            return control.terminate(turn, command)
        case cmd.RemoveWorkflow():
            return control.remove(turn, command)
        case cmd.SkipTask():
            return skipping.skip(turn, command)
        case cmd.UpdateState():
            return state_updates.update(turn, command)
        case cmd.RestartWorkflow():
            return _again(turn, again.restart(turn, command))
        case cmd.RetryWorkflow():
            return _again(turn, again.retry(turn, command))
        case cmd.RerunWorkflow():
            return _again(turn, again.rerun(turn, command))
        case cmd.ReviveParent():
            return _again(turn, again.revive_parent(turn, command))
        case cmd.ReviveChild():
            return _again(turn, again.revive_child(turn, command))
        case cmd.ResetCallbacks():
            return again.reset_callbacks(turn)
        case cmd.JumpToTask():
            return jumping.jump(turn, command)
        case cmd.UpgradeWorkflow():
            return upgrading.upgrade(turn, command)
        case cmd.PushMessage():
            return messages.push(turn, command)
        case cmd.ReportStateEventSent():
            waiting = state.unsent.get(command.version)
            if waiting is not None:
                turn.emit(ev.StateEventSent(ordinal=waiting.ordinal, version=command.version))
        case cmd.Continue():
            turn.look_at_everything()
        case _:
            assert_never(command)
    return None


def _again(turn: Turn, answer: cmd.Rejected | None) -> Decision | cmd.Rejected:
    return answer or Decision(state=turn.state, again=True)


def _begin_task(turn: Turn, command: cmd.BeginTask) -> Decision | cmd.Rejected:
    """A queued row goes to a worker; also in a paused workflow (spec 9.2)."""
    row = updates.row_of(turn.state, command.task_id)
    if row is None or not row.made.queued:
        return cmd.Rejected(code="NOT_FOUND", message=no_task(command.task_id))
    waits = row.status is TaskStatus.SCHEDULED or (
        row.requeued and row.status is TaskStatus.IN_PROGRESS
    )
    if turn.state.status.terminal or not waits:
        message = f"task {row.ref} is {row.status} in a workflow that is {turn.state.status}"
        return cmd.Rejected(code="CONFLICT", message=message)
    turn.emit(ev.TaskBegun(ordinal=row.ordinal, worker_id=command.worker_id))
    return Decision(state=turn.state, begun=row.ordinal)


def _update_task(turn: Turn, command: cmd.UpdateTask) -> Decision | cmd.Rejected:
    row = updates.row_of(turn.state, command.task_id)
    if row is None:
        return cmd.Rejected(code="NOT_FOUND", message=no_task(command.task_id))
    ignored = updates.ignored_because(turn.state, row)
    answer = updates.outcome(row, command, ignored=ignored is not None)
    if ignored is None:
        updates.apply(turn, row, command)
    return Decision(state=turn.state, updated=answer, ignored=ignored)


def _log_task(turn: Turn, command: cmd.LogTask) -> cmd.Rejected | None:
    row = updates.row_of(turn.state, command.task_id)
    if row is None:
        return cmd.Rejected(code="NOT_FOUND", message=no_task(command.task_id))
    lines = tuple((line, turn.context.now_ms) for line in command.lines)
    turn.emit(ev.TaskLogged(ordinal=row.ordinal, lines=lines))
    return None


def _fire(turn: Turn, command: cmd.FireTimer) -> None:
    if turn.state.status.terminal:
        return
    if command.task_id is None:
        timeouts.expire_workflow(turn)
        return
    row = updates.row_of(turn.state, command.task_id)
    if row is not None and not row.status.terminal:
        timeouts.expire_row(turn, row)
