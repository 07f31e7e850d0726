"""Running ended workflows again (spec 5.3-5.5).

Parents and children that run again because of it do so before the request is answered. Should
that be cut off, the scheduler has them follow: the commands are the same, to the very id.
"""

import asyncio

import msgspec

from firmus.edge.asking import state_of, submit
from firmus.ports import DeciderPort, Unavailable
from firmus.security.grants import EXECUTE, Principal, require
from firmus_contracts import ids
from firmus_contracts.commands import Accepted, Answer, Command, Kin
from firmus_contracts.errors import Refusal

KIN_MAX = 512
"""Relatives waited for; should there be more, they follow a moment later."""

_kin = msgspec.json.Decoder(list[Kin] | None).decode


async def rerun_path(
    decider: DeciderPort, workflow_id: str, task_id: str, *, by: Principal
) -> tuple[str, ...]:
    """How the workflow leads to a task: through the tasks of its sub-workflows, each of which
    has to have ended, and to be one that `by` may steer. A task that is nowhere below it is left
    for the decider to refuse. Raises Refusal NOT_FOUND, CONFLICT, FORBIDDEN.
    """
    top = await state_of(decider, workflow_id)
    alone = (task_id,)
    if not (ids.is_task_id(task_id) and top.status.terminal):
        return alone
    path, below = [task_id], ids.workflow_of(task_id)
    while below != workflow_id:
        state = await decider.read(below)
        if state is None or state.removed_ms or state.parent_task_id is None:
            return alone
        if ids.ordinal_of(path[0]) not in state.tasks:
            return alone
        require(by, EXECUTE, state.name)
        if not state.status.terminal:
            what = f"{state.name}.{state.definition_version}/{below}.{state.status}"
            message = f"Workflow: {what} is not in terminal state, unable to rerun."
            raise Refusal("CONFLICT", message)
        path.insert(0, state.parent_task_id)
        below = ids.workflow_of(state.parent_task_id)
    return tuple(path)


async def run_again(decider: DeciderPort, command: Command) -> None:
    """Sends a command by which a workflow runs again, and has its kin follow. Raises what `submit`
    does.
    """
    asked = _asked(await submit(decider, command))
    left = KIN_MAX
    while asked and left > 0:
        asked, left = asked[:left], left - len(asked)
        found = await asyncio.gather(*(_told(decider, one) for one in asked))
        asked = [one for answer in found for one in _asked(answer)]


async def _told(decider: DeciderPort, command: Kin) -> Answer | None:
    """What is not answered now is the scheduler's business."""
    try:
        return await decider.submit(command)
    except Unavailable:
        return None


def _asked(answer: Answer | None) -> list[Kin]:
    return (_kin(answer.result) or []) if isinstance(answer, Accepted) else []
