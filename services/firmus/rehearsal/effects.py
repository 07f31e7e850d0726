"""What one workflow's events make happen in others, carried out at once: children are started and
reported, parents told, orphans stopped, failure workflows started, split decisions continued.

The same effects, found by the same fold, as the scheduler carries out.
"""

from collections.abc import Callable

from firmus.rehearsal.world import Steps, World
from firmus.scheduler import child_requests, children
from firmus.scheduler.children import (
    AskChild,
    ChildEnded,
    Effect,
    FollowChild,
    GoOn,
    SendStateEvent,
    StartFailure,
    StopChild,
    TellParent,
)
from firmus.scheduler.failure_input import failure_input
from firmus.scheduler.rows import Row
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts.statuses import TaskStatus

CHILDREN_MAX = 1_000_000

Chooses = Callable[[WorkflowState, TaskState], bool]
"""Whether the workflow that a SUB_WORKFLOW or START_WORKFLOW row stands for is to be started."""


def settle(world: World, starts: Chooses) -> Steps[None]:
    """Goes on until nothing is owed and no child that `starts` wants waits for its start now."""
    fold = world.fold
    while True:
        if fold.fresh:
            effects = list(fold.fresh)
            fold.fresh.clear()
            for effect in effects:
                if effect.command_id in fold.owed:
                    yield from _carry_out(world, effect)
                    fold.owed.pop(effect.command_id, None)
            continue
        released = _released(world)
        for command in released:
            yield from world.send(command)
        rows = _children_due(world, starts)
        if not rows and not released:
            return
        for row in rows:
            yield from _start_child(world, row)


def _released(world: World) -> list[cmd.ReleaseWorkflow]:
    """Workflows held at their start for which there is a slot now, first come first."""
    lines = world.fold.lines
    found = []
    for gate in sorted(lines.stirred):
        line = lines.by_gate.get(gate)
        if line is None:
            continue
        waiting = sorted((at, one) for held in line.waiting.values() for one, at in held.items())
        for _, workflow_id in waiting[: max(0, line.slots - len(line.running))]:
            command_id = f"{workflow_id}/release"
            found.append(cmd.ReleaseWorkflow(command_id=command_id, workflow_id=workflow_id))
        lines.told(gate, set(line.ended))
    lines.stirred.clear()
    return found


def _children_due(world: World, starts: Chooses) -> list[Row]:
    """The rows whose child is to be started now."""
    waiting = world.fold.children
    waiting.promote(world.now_ms)
    keys = list(waiting.woken)
    waiting.woken.clear()
    found = []
    for key in keys:
        for row, _ in waiting.take(key, CHILDREN_MAX, world.now_ms):
            parent = world.states[row.workflow_id]
            if starts(parent, parent.tasks[row.ordinal]):
                found.append(row)
    return found


def _start_child(world: World, row: Row) -> Steps[None]:
    """Starts the workflow that a row stands for, and tells the row so or why not."""
    parent = world.states[row.workflow_id]
    task = parent.tasks[row.ordinal]
    if task.status is not TaskStatus.SCHEDULED:
        return
    try:
        command = child_requests.start_child(parent, task)
    except ValueError as problem:
        yield from world.send(child_requests.told_refused(row, str(problem)))
        return
    outcome = yield from world.send(command)
    if isinstance(outcome, cmd.Rejected):
        yield from world.send(child_requests.told_refused(row, outcome.message))
        return
    yield from world.send(child_requests.told_started(row, command.workflow_id))


def _carry_out(world: World, effect: Effect) -> Steps[None]:
    command = _command(world, effect)
    if command is None:
        return
    outcome = yield from world.send(command)
    if isinstance(effect, AskChild) and isinstance(outcome, cmd.Rejected):
        told = children.stays_ended(effect, world.states.get(effect.child_id))
        if told is not None:
            yield from world.send(told)
    elif (
        isinstance(effect, TellParent)
        and effect.parent_version
        and isinstance(outcome, cmd.Rejected)
    ):
        yield from world.send(children.not_wanted(effect))


def _command(world: World, effect: Effect) -> cmd.Command | None:
    match effect:
        case FollowChild():  # keys are not looked at here, so every child is the planned one
            return None
        case GoOn():
            return children.go_on(effect)
        case TellParent() | AskChild():
            return effect.command()
        case StopChild():
            wanted = children.still_wanted(world.states[effect.workflow_id], effect)
            return None if wanted else children.stop_child(effect)
        case ChildEnded():
            return children.report_child_ended(effect, world.states[effect.workflow_id])
        case StartFailure():
            failed = world.states[effect.workflow_id]
            blueprint = world.blueprint_of(failed)
            given = failure_input(failed, blueprint, now_ms=world.now_ms)
            return children.start_failure(effect, failed, given)
        case SendStateEvent():
            return cmd.ReportStateEventSent(
                command_id=effect.command_id,
                workflow_id=effect.workflow_id,
                actor=children.ACTOR,
                version=effect.version,
            )
