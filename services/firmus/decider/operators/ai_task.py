"""Task types of Conductor's AI module: definable here, and failing clearly (spec 3.6.23)."""

from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

TYPES = (
    "LLM_TEXT_COMPLETE",
    "LLM_CHAT_COMPLETE",
    "LLM_GENERATE_EMBEDDINGS",
    "LLM_INDEX_TEXT",
    "LLM_STORE_EMBEDDINGS",
    "LLM_GET_EMBEDDINGS",
    "LLM_SEARCH_INDEX",
    "LLM_SEARCH_EMBEDDINGS",
    "GENERATE_IMAGE",
    "GENERATE_AUDIO",
    "GENERATE_VIDEO",
    "GENERATE_PDF",
    "LIST_MCP_TOOLS",
    "CALL_MCP_TOOL",
    "AGENT",
    "GET_AGENT_CARD",
    "CANCEL_AGENT",
)


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type=task.type,
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=True),
    )


def execute(turn: Turn, row: TaskState) -> None:
    reason = f"Task type {row.made.task_type} is not enabled in this server"
    turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=reason, terminal_error=True))


OPERATOR = Operator(plan=plan, execute=execute, template=True, sync=True)
