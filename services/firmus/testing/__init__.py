"""Workflows in your own tests: played in memory, on virtual time, by the rules of production.

from firmus.testing import complete, fail

def test_order(firmus_workflows):
    run = firmus_workflows.run("order.json", input={"n": 1}, tasks={"charge": [fail("busy"), {}]})
    assert run.status == "COMPLETED"

`firmus_workflows` and `firmus_server` are pytest fixtures that come with firmus. `Workflows` is the
same for other test runners.
"""

from firmus.rehearsal.world import Bounds, TooMuch
from firmus.testing.answers import Answer, SubTasks, complete, fail, in_progress, never, sub_tasks
from firmus.testing.problems import Blocked, DefinitionRefused, Refused
from firmus.testing.run import Run, TaskView
from firmus.testing.workflows import Workflows

__all__ = [
    "Answer",
    "Blocked",
    "Bounds",
    "DefinitionRefused",
    "Refused",
    "Run",
    "SubTasks",
    "TaskView",
    "TooMuch",
    "Workflows",
    "complete",
    "fail",
    "in_progress",
    "never",
    "sub_tasks",
]
