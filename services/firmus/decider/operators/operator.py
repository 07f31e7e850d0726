"""What an operator is: how its rows come into being, and what moves them on."""

from collections.abc import Callable
from typing import Any

import msgspec

from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts.definitions import WorkflowTask


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """`plan` adds the rows of a task that is reached; it may raise WorkflowFault or WantsMore.

    `execute` looks at an open row whenever something may have changed for it and emits what
    follows, or nothing. `retry_fields` (turn, new ordinal, new input, delay in ms) gives the row of
    a new attempt what the old one cannot hand on. `template`: the task definition's inputTemplate
    counts (spec 2.5). `sync`: a new attempt runs at once, within the decision. `system`: not work
    for a worker, so without a domain (spec 4.10), and a report of progress keeps the row
    IN_PROGRESS (spec 4.5), unless the task `repeats`: then it is due again. `contain` (turn, row,
    error) is told of a failure inside the open row that nothing in there forgives
    (`containment.py`).
    """

    plan: Callable[[Plan, WorkflowTask], None]
    execute: Callable[[Turn, TaskState], None] | None = None
    retry_fields: Callable[[Turn, int, dict[str, Any], int], dict[str, Any]] | None = None
    contain: Callable[[Turn, TaskState, dict[str, Any]], None] | None = None
    template: bool = False
    sync: bool = False
    system: bool = False
    repeats: bool = False
