"""DYNAMIC: a task whose type is known only when it is reached (spec 3.6.2).

Retries, timeouts and inputTemplate are those of the definition registered under the workflow task's
own name, as in Conductor, not those of the type it resolves to.
"""

import msgspec

from firmus.decider.context import WorkflowFault
from firmus.decider.operators.operator import Operator
from firmus.decider.operators.registry import OPERATORS
from firmus.decider.plan import Plan, domain_for
from firmus.workflow.expressions import text_of
from firmus.workflow.masking import masked
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

_STRUCTURAL = frozenset(
    {
        *("FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN", "SWITCH", "DECISION"),
        *("DO_WHILE", "FOR_EACH", "TRY_CATCH"),
    }
)


def plan(planned: Plan, task: WorkflowTask) -> None:
    given = planned.input_of(task, with_template=True)
    parameter = task.dynamic_task_name_param or ""
    name = given.get(parameter)
    if name is None:
        shown = masked(given, planned.turn.context.blueprint.masked)
        raise WorkflowFault(
            "Cannot map a dynamic task based on the parameter and input. "
            f"Parameter= {parameter}, input= {shown}"
        )
    resolved = text_of(name)
    if resolved in OPERATORS and resolved not in {"SIMPLE", "DYNAMIC"}:
        if resolved in _STRUCTURAL:
            raise WorkflowFault(f"A dynamic task cannot be a {resolved}")
        known = msgspec.structs.replace(task, type=resolved, name=resolved)
        OPERATORS[resolved].plan(planned, known)
        return
    planned.add(
        task,
        task_type=resolved,
        task_def_name=resolved,
        status=TaskStatus.SCHEDULED,
        queued=True,
        input=given,
        domain=domain_for(planned.turn, resolved),
        delay_ms=task.start_delay * 1000,
        start_delay_s=task.start_delay,
        callback_after_s=task.start_delay,
    )


OPERATOR = Operator(plan=plan, template=True)
