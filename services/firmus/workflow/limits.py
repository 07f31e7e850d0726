"""Limits of a definition, in the form in which events and the scheduler hold them (spec 4.9).

A limit of zero or less is none; so is a rate over no time.
"""

from collections.abc import Iterable, Mapping

from firmus_contracts.definitions import TaskDef
from firmus_contracts.events import TaskLimits

Registered = Mapping[str, TaskLimits | None]
"""Every registered task definition by name, with its limits if it has any."""


def limits_of(task_def: TaskDef | None) -> TaskLimits | None:
    if task_def is None:
        return None
    concurrent = max(task_def.concurrent_exec_limit or 0, 0)
    hand_outs = max(task_def.rate_limit_per_frequency, 0)
    window_s = max(task_def.rate_limit_frequency_in_seconds, 0)
    if not (hand_outs and window_s):
        hand_outs = window_s = 0
    if not (concurrent or hand_outs):
        return None
    return TaskLimits(concurrent=concurrent, hand_outs=hand_outs, window_s=window_s)


def registered_limits(task_defs: Iterable[TaskDef]) -> Registered:
    return {task_def.name: limits_of(task_def) for task_def in task_defs}
