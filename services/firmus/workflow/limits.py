"""Limits of a definition, in the form in which events and the scheduler hold them (spec 4.9).

A limit of zero or less is none; so is a rate over no time.
"""

from collections.abc import Iterable, Mapping

import msgspec

from firmus_contracts.definitions import TaskDef, WorkflowDef
from firmus_contracts.events import TaskLimits


class Registered(msgspec.Struct, frozen=True):
    """`tasks`: every registered task definition by name, with its limits if it has any;
    `workflows`: how many of a workflow may run with one key, as its latest version says.
    """

    tasks: Mapping[str, TaskLimits | None] = {}
    workflows: Mapping[str, int] = {}


def limits_of(task_def: TaskDef | None) -> TaskLimits | None:
    if task_def is None:
        return None
    if not (task_def.concurrent_exec_limit or task_def.rate_limit_per_frequency):
        return None
    concurrent = max(task_def.concurrent_exec_limit or 0, 0)
    hand_outs = max(task_def.rate_limit_per_frequency, 0)
    window_s = max(task_def.rate_limit_frequency_in_seconds, 0)
    if not (hand_outs and window_s):
        hand_outs = window_s = 0
    if not (concurrent or hand_outs):
        return None
    return TaskLimits(concurrent=concurrent, hand_outs=hand_outs, window_s=window_s)


def registered_limits(
    task_defs: Iterable[TaskDef], definitions: Iterable[WorkflowDef]
) -> Registered:
    """`definitions` are all versions, in their order."""
    latest = {definition.name: definition.rate_limit_config for definition in definitions}
    return Registered(
        tasks={task_def.name: limits_of(task_def) for task_def in task_defs},
        workflows={
            name: config.concurrent_exec_limit
            for name, config in latest.items()
            if config is not None and config.concurrent_exec_limit > 0
        },
    )
