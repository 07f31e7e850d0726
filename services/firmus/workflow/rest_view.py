"""Executions as REST shows them, made from state (spec 1.7-1.9).

`task_view` runs once for each task handed out: it names every property that is written, so that
no default is made, and takes the task's definition as the JSON that the blueprint keeps.
"""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.deadlines import HELD_S
from firmus.workflow.dynamic import definition_of
from firmus.workflow.expressions.text import text_of
from firmus.workflow.isolation import shown
from firmus.workflow.joins import shown_output
from firmus.workflow.masking import NOTHING, masked
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import ids
from firmus_contracts.definitions import TaskDef
from firmus_contracts.executions import (
    Task,
    TaskSummary,
    Workflow,
    WorkflowStatusView,
    WorkflowSummary,
)
from firmus_contracts.statuses import TaskStatus

REASON_MAX = 500
CALLED = frozenset({"HTTP", "EVENT", "KAFKA_PUBLISH", "JDBC"})
"""Tasks that the system worker carries out."""


def task_view(
    state: WorkflowState,
    row: TaskState,
    blueprint: Blueprint,
    *,
    now_ms: int,
    revealed: bool = False,
) -> Task:
    """A row whole. `now_ms` tells how long a postponed row has been due. `revealed`: masked fields
    have their values, as workers need them.
    """
    made = row.made
    names = NOTHING if revealed else blueprint.masked
    workflow_task, task_def = _definition(state, row, blueprint, names)
    group, namespace = (None, None) if task_def is None else shown(made.task_type, task_def)
    limited = task_def if made.queued else None
    output = shown_output(state, row)
    status, callback_after_s = row.status, row.callback_after_s
    if status is TaskStatus.IN_PROGRESS and made.task_type in CALLED:
        status, callback_after_s = _called(row)
    return Task(
        task_type=made.task_type,
        status=status,
        input_data=masked(row.input, names) if names else row.input,
        reference_task_name=made.ref,
        retry_count=made.retry_count,
        seq=made.seq,
        correlation_id=state.correlation_id,
        poll_count=row.poll_count,
        task_def_name=made.task_def_name,
        scheduled_time=row.scheduled_ms,
        start_time=row.start_ms,
        end_time=row.end_ms,
        update_time=row.updated_ms,
        start_delay_in_seconds=made.start_delay_s,
        retried_task_id=(
            None if made.retried is None else ids.task_id(state.workflow_id, made.retried)
        ),
        retried=row.retried,
        executed=row.settled,
        callback_from_worker=True,
        response_timeout_seconds=0 if made.timeouts is None else made.timeouts.response_s,
        workflow_instance_id=state.workflow_id,
        workflow_type=state.name,
        task_id=ids.task_id(state.workflow_id, made.ordinal),
        reason_for_incompletion=_cut(row.reason),
        callback_after_seconds=callback_after_s,
        worker_id=row.worker_id,
        output_data=masked(output, names) if names else output,
        workflow_task=workflow_task,
        domain=made.domain,
        rate_limit_per_frequency=0 if limited is None else limited.rate_limit_per_frequency,
        rate_limit_frequency_in_seconds=(
            0 if limited is None else limited.rate_limit_frequency_in_seconds
        ),
        isolation_group_id=group,
        execution_name_space=namespace,
        workflow_priority=made.priority,
        iteration=row.iteration,
        sub_workflow_id=(
            row.child_id if row.start_ms and made.task_type != "START_WORKFLOW" else None
        ),
        subworkflow_changed=False,
        first_start_time=row.first_start_ms,
        queue_wait_time=_queue_wait_ms(row, now_ms),
        loop_over_task=row.iteration > 0,
    )


def _called(row: TaskState) -> tuple[TaskStatus, int]:
    """Status and callback of a task in the system worker's hands: one that others complete is in
    progress for them once its call was made (spec 3.5), and then due at no time.
    """
    if row.callback_after_s == HELD_S:
        return TaskStatus.IN_PROGRESS, 0
    unsent = row.made.queued and row.input.get("asyncComplete") is True
    return TaskStatus.SCHEDULED if unsent else TaskStatus.IN_PROGRESS, row.callback_after_s


def workflow_view(
    state: WorkflowState,
    blueprint: Blueprint,
    *,
    now_ms: int,
    include_tasks: bool,
    revealed: bool = False,
) -> Workflow:
    """An execution with its snapshot, and with all its rows when asked for. `revealed`: see
    `task_view`.
    """
    rows = state.rows() if include_tasks else []
    names = NOTHING if revealed else blueprint.masked
    return Workflow(
        workflow_id=state.workflow_id,
        status=state.status,
        workflow_name=state.name,
        workflow_version=state.definition_version,
        create_time=state.created_ms,
        start_time=state.created_ms,
        update_time=state.updated_ms,
        end_time=state.ended_ms,
        owner_app=state.owner_app,
        created_by=state.created_by,
        updated_by=state.updated_by,
        parent_workflow_id=state.parent_workflow_id,
        parent_workflow_task_id=state.parent_task_id,
        tasks=[task_view(state, row, blueprint, now_ms=now_ms, revealed=revealed) for row in rows],
        input=masked(state.input, names),
        output=masked(state.output, names),
        correlation_id=state.correlation_id,
        reason_for_incompletion=state.reason,
        event=state.event,
        task_to_domain=state.task_to_domain,
        failed_reference_task_names=list(state.failed_refs),
        failed_task_names=list(state.failed_names),
        workflow_definition=blueprint.json,
        external_input_payload_storage_path=state.external_input_path,
        priority=state.priority,
        variables=masked(state.variables, names),
        last_retried_time=state.resumed_ms,
        idempotency_key=state.idempotency_key,
        rate_limit_key=state.limit_key,
        rate_limited=state.held,
    )


def status_view(
    state: WorkflowState,
    *,
    include_output: bool,
    include_variables: bool,
    names: frozenset[str] = NOTHING,
) -> WorkflowStatusView:
    """`names`: the definition's masked fields."""
    return WorkflowStatusView(
        workflow_id=state.workflow_id,
        correlation_id=state.correlation_id,
        output=masked(state.output, names) if include_output else None,
        variables=masked(state.variables, names) if include_variables else None,
        status=state.status,
    )


def workflow_summary(
    state: WorkflowState, *, classifier: str = "workflow", names: frozenset[str] = NOTHING
) -> WorkflowSummary:
    """An execution as search lists it; `classifier` and `names` (masked fields) are told by its
    definition.
    """
    given, put_out = text_of(masked(state.input, names)), text_of(masked(state.output, names))
    return WorkflowSummary(
        workflow_type=state.name,
        version=state.definition_version,
        workflow_id=state.workflow_id,
        correlation_id=state.correlation_id,
        start_time=iso_text(state.created_ms),
        update_time=iso_text(state.updated_ms),
        end_time=iso_text(state.ended_ms) if state.ended_ms else None,
        status=state.status,
        input=given,
        output=put_out,
        input_size=_java_length(given),
        output_size=_java_length(put_out),
        reason_for_incompletion=state.reason,
        execution_time=max(0, state.ended_ms - state.created_ms) if state.ended_ms else 0,
        event=state.event,
        failed_reference_task_names=",".join(state.failed_refs),
        failed_task_names=list(state.failed_names),
        external_input_payload_storage_path=state.external_input_path,
        priority=state.priority,
        created_by=state.created_by,
        task_to_domain=state.task_to_domain,
        idempotency_key=state.idempotency_key,
        parent_workflow_id=state.parent_workflow_id or "",
        classifier=classifier,
    )


def _java_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def task_summary(
    state: WorkflowState, row: TaskState, *, names: frozenset[str] = NOTHING
) -> TaskSummary:
    """A task as search lists it. What has not happened reads as the start of the epoch; the passes
    of a loop are there once it has ended. `names`: the definition's masked fields.
    """
    made = row.made
    return TaskSummary(
        workflow_id=state.workflow_id,
        workflow_type=state.name,
        correlation_id=state.correlation_id,
        scheduled_time=iso_text(row.scheduled_ms),
        start_time=iso_text(row.start_ms),
        update_time=iso_text(row.updated_ms),
        end_time=iso_text(row.end_ms),
        status=row.status,
        reason_for_incompletion=_cut(row.reason),
        execution_time=max(0, row.end_ms - row.start_ms) if row.end_ms and row.start_ms else 0,
        queue_wait_time=max(0, row.start_ms - row.scheduled_ms) if row.start_ms else 0,
        task_def_name=made.task_def_name,
        task_type=made.task_type,
        input=text_of(masked(row.input, names)),
        output=text_of(masked(row.own_output, names)),
        task_id=ids.task_id(state.workflow_id, made.ordinal),
        workflow_priority=made.priority,
        domain=made.domain,
    )


def iso_text(time_ms: int) -> str:
    """`2030-01-31T12:00:00.000Z`, as summaries write epoch milliseconds."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_second_text(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=4096)
def _second_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _definition(
    state: WorkflowState, row: TaskState, blueprint: Blueprint, names: frozenset[str]
) -> tuple[msgspec.Raw, TaskDef | None]:
    """The row's WorkflowTask as JSON, and its task definition. One that came as data has data in
    it, masked like other data.
    """
    made = row.made
    if made.forked_by is None:
        ref = made.node or made.ref
        node = blueprint.nodes[ref]
        written, found = blueprint.task_json(ref), node.task.task_definition
    else:
        task, found = definition_of(state, row, blueprint)
        if found is not None and task.task_definition is None:
            task = msgspec.structs.replace(task, task_definition=found)
        if names:
            given = masked(task.input_parameters, names)
            task = msgspec.structs.replace(task, input_parameters=given)
        written = msgspec.Raw(msgspec.json.encode(task))
    return written, found


def _queue_wait_ms(row: TaskState, now_ms: int) -> int:
    if row.callback_after_s > 0 and row.updated_ms > 0:
        return max(0, now_ms - row.updated_ms - row.callback_after_s * 1000)
    return max(0, row.start_ms - row.scheduled_ms) if row.start_ms else 0


def _cut(reason: str | None) -> str | None:
    return reason if reason is None or len(reason) <= REASON_MAX else reason[:REASON_MAX]
