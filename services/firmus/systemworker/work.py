"""What the system worker is given, what comes of it, and who carries it out."""

from typing import Any, Protocol

import msgspec

from firmus_contracts.statuses import ResultStatus


class Settings(msgspec.Struct, frozen=True, rename="camel"):
    """What matters of the task as its definition has it."""

    async_complete: bool = False


class Work(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A system task, handed out (Conductor's Task): its input has the secrets in it, its output
    has not.
    """

    task_type: str
    task_id: str
    workflow_instance_id: str
    reference_task_name: str = ""
    response_timeout_seconds: int = 0
    poll_count: int = 0
    input_data: dict[str, Any] = {}
    output_data: dict[str, Any] = {}
    workflow_task: Settings = Settings()

    @property
    def async_complete(self) -> bool:
        """Whether somebody outside completes the task; the input may say otherwise."""
        given = self.input_data.get("asyncComplete")
        return given if isinstance(given, bool) else self.workflow_task.async_complete


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported of a task. With IN_PROGRESS a task that repeats is due again after
    `callback_after_s`.
    """

    status: ResultStatus
    output: dict[str, Any] = {}
    reason: str | None = None
    callback_after_s: int = 0


def done(work: Work, output: dict[str, Any]) -> Outcome:
    """The work was done; the task ends with it, or waits for its completion from outside."""
    status = ResultStatus.IN_PROGRESS if work.async_complete else ResultStatus.COMPLETED
    return Outcome(status=status, output=output)


def failed(reason: str, output: dict[str, Any] | None = None) -> Outcome:
    return Outcome(status=ResultStatus.FAILED, output=output or {}, reason=reason)


class Executor(Protocol):
    """Carries out the tasks of one type."""

    async def execute(self, work: Work) -> Outcome:
        """Never raises for what the task itself has wrong, or what others answer."""
        ...

    async def close(self) -> None: ...
