"""May they? Asked of what requests name: an execution, a task, a stored value, a start.

Ids stand for definitions: an execution for its workflow's name, a task for its type or for its
workflow's name. Who has a role on all names is never looked up. All raise Refusal FORBIDDEN, and
NOT_FOUND for what is not there.
"""

from firmus.edge.asking import state_of
from firmus.edge.tasks import row_of
from firmus.ports import DeciderPort
from firmus.security.grants import (
    ADMIN,
    EXECUTE,
    READ,
    Principal,
    Role,
    allows,
    allows_everywhere,
    forbidden,
    require,
)
from firmus.workflow.external import place_of
from firmus_contracts.requests import StartWorkflowRequest, WorkflowTestRequest


async def require_workflow(
    by: Principal, role: Role, decider: DeciderPort, workflow_id: str
) -> None:
    if allows_everywhere(by, role):
        return
    state = await state_of(decider, workflow_id)
    if not allows(by, role, state.name):
        raise forbidden(by, role, f"the workflow of {workflow_id}")


async def require_task(
    by: Principal, role: Role, decider: DeciderPort, task_id: str, task_type: str | None = None
) -> None:
    """`task_type`: where it is known already."""
    if allows_everywhere(by, role) or (task_type is not None and allows(by, role, task_type)):
        return
    state, row = await row_of(decider, task_id)
    names = (state.name, row.made.task_type, row.made.task_def_name, row.made.queue)
    if not any(allows(by, role, name) for name in names if name):
        raise forbidden(by, role, f"the type or the workflow of task {task_id}")


async def require_stored(by: Principal, decider: DeciderPort, path: str) -> None:
    """To read the value at a path: what clients uploaded has a name that nobody guesses."""
    place = place_of(path)
    if place is None or place.workflow_id is None:
        return
    if place.owner == "task":
        await require_task(by, READ, decider, place.name)
    else:
        await require_workflow(by, READ, decider, place.workflow_id)


def require_start(by: Principal, request: StartWorkflowRequest | WorkflowTestRequest) -> None:
    """A definition that comes with its start is a definition registered for once; the execution is
    called by its name, whatever name was asked for.
    """
    inline = request.workflow_def
    require(by, EXECUTE if inline is None else ADMIN, request.name)
    if inline is not None:
        require(by, ADMIN, inline.name)
