"""Workflows that share a limit (rateLimitConfig): they begin, wait for a slot, or are refused.

Whether a slot is free is asked outside, and what was answered stands in the start's event.
"""

import msgspec

from firmus.decider import advance, ending, inputs
from firmus.decider.context import SlotNeed
from firmus.decider.turn import Turn
from firmus.workflow.evolve import evolve
from firmus.workflow.slots import Entry, gate_of
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def start(turn: Turn) -> cmd.Rejected | None:
    """Begins a workflow just started, unless its output is known or its limit is reached. Raises
    WantsMore.
    """
    if ending.complete_from_cache(turn):
        return None
    config = turn.context.blueprint.definition.rate_limit_config
    if config is not None and config.concurrent_exec_limit > 0:
        key = _key(turn, config.rate_limit_key)
        gate, slots = gate_of(turn.state.name, key), config.concurrent_exec_limit
        queue = config.policy == "QUEUE"
        entry = turn.slot(SlotNeed(gate, turn.state.workflow_id, slots, queue))
        if entry is Entry.REFUSED:
            what = f"{slots} of {turn.state.name} with the rate limit key '{key}'"
            message = f"The workflow cannot be started: its limit is reached, {what} are running"
            return cmd.Rejected(code="LIMIT_REACHED", message=message)
        _note(turn, gate=gate, limit_key=key, slots=slots, held=entry is Entry.WAITS)
    if not turn.state.held:
        advance.begin(turn)
    return None


def release(turn: Turn) -> None:
    """A slot is free for a workflow that was held; a paused one begins when it is resumed."""
    if turn.state.held and not turn.state.status.terminal:
        turn.emit(ev.WorkflowReleased())
    begin_if_released(turn)


def begin_if_released(turn: Turn) -> None:
    """Begins a workflow that has a slot, may run, and never began."""
    state = turn.state
    if not state.gate or state.held or state.status is not WorkflowStatus.RUNNING:
        return
    if all(row.made.seq == 0 for row in state.tasks.values()):  # none, or tasks to be skipped
        advance.begin(turn)


def _key(turn: Turn, template: str | None) -> str:
    """What the key's expression gives for this start; those without a key share one."""
    scope = inputs.document(turn.state, turn.context.environment)
    key = inputs.resolved(turn.context.blueprint, "rateLimitKey", template, scope)
    if key is None or isinstance(key, str):
        return key or ""
    return msgspec.json.encode(key).decode()


def _note(turn: Turn, **fields: object) -> None:
    """Writes into the first event what is known only now; nothing has followed it yet."""
    started = turn.events[0]
    assert isinstance(started, ev.WorkflowStarted)
    started = msgspec.structs.replace(started, **fields)
    turn.events[0] = started
    turn.state = evolve(
        None, started, workflow_id=turn.state.workflow_id, now_ms=turn.context.now_ms
    )
