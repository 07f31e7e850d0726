"""The workflows that are measured. Their names carry a tag, so that runs never meet."""

from typing import Any

OWNER = {"ownerEmail": "bench@example.com"}
STEPS = 3


class Names:
    """The names of one run."""

    def __init__(self, tag: str) -> None:
        self.steps = [f"bench_{tag}_{step}" for step in range(1, STEPS + 1)]
        self.branch = f"bench_{tag}_branch"
        self.sequence = f"bench_{tag}_sequence"
        self.fan = f"bench_{tag}_fan"

    def worked_on(self) -> list[str]:
        return [*self.steps, self.branch]


def task_defs(names: list[str]) -> list[dict[str, Any]]:
    """Long time limits and one retry: what is measured is not their working."""
    return [
        {
            "name": name,
            "retryCount": 1,
            "timeoutSeconds": 3600,
            "responseTimeoutSeconds": 600,
            **OWNER,
        }
        for name in names
    ]


def sequence(names: Names) -> dict[str, Any]:
    """Three tasks in a row, each with the workflow's input."""
    return {
        "name": names.sequence,
        "version": 1,
        "schemaVersion": 2,
        "tasks": [
            {
                "name": name,
                "taskReferenceName": f"t{index}",
                "type": "SIMPLE",
                "inputParameters": {"x": "${workflow.input.x}"},
            }
            for index, name in enumerate(names.steps)
        ],
        "outputParameters": {"y": f"${{t{STEPS - 1}.output.in}}"},
        **OWNER,
    }


def fan(names: Names) -> dict[str, Any]:
    """As many tasks side by side as the input says, and a join."""
    return {
        "name": names.fan,
        "version": 1,
        "schemaVersion": 2,
        "tasks": [
            {
                "name": "fork",
                "taskReferenceName": "fork",
                "type": "FORK_JOIN_DYNAMIC",
                "dynamicForkTasksParam": "tasks",
                "dynamicForkTasksInputParamName": "inputs",
                "inputParameters": {
                    "tasks": "${workflow.input.tasks}",
                    "inputs": "${workflow.input.inputs}",
                },
            },
            {"name": "join", "taskReferenceName": "join", "type": "JOIN"},
        ],
        **OWNER,
    }


def fan_input(names: Names, width: int) -> dict[str, Any]:
    refs = [f"r{index}" for index in range(width)]
    return {
        "tasks": [
            {"name": names.branch, "taskReferenceName": ref, "type": "SIMPLE"} for ref in refs
        ],
        "inputs": {ref: {"x": index} for index, ref in enumerate(refs)},
    }
