"""What runs users' logic: tests of workflows, and scripts."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from firmus_contracts.executions import Workflow
from firmus_contracts.requests import WorkflowTestRequest


class RehearsalPort(Protocol):
    """Tests of workflows by mocked results, in memory (spec 5.12)."""

    async def run(self, request: WorkflowTestRequest, *, timed: bool = False) -> Workflow:
        """The execution at its end or, with the reason, where it stopped. Of it nothing is in the
        log. `timed`: time passes, as it would for real, until nothing happens by itself.

        Raises Refusal when it cannot start, Unavailable when too many run already.
        """
        ...

    async def recall(self, workflow_id: str) -> dict[str, Any] | None:
        """The execution of an earlier test, as it was answered; small ones are kept for a while."""
        ...


class ScriptsPort(Protocol):
    """Runs users' scripts off the loop, within time and memory limits."""

    async def run(
        self, evaluator: str, expression: str, scope: Mapping[str, Any]
    ) -> "ScriptResult":
        """`scope` is what the script sees as `$`. Never raises for the script's own faults."""
        ...


class ScriptResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`error` is None when the script ended well. `timed_out`: the time limit cut it."""

    value: Any = None
    error: str | None = None
    timed_out: bool = False
