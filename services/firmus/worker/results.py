"""What a worker's function came to, as the report that the decider gets."""

from typing import Any

import msgspec

from firmus_contracts.bodies import REASON_MAX
from firmus_contracts.statuses import ResultStatus


class NonRetryableError(Exception):
    """Raised by a worker's function: the task fails and is not tried again (spec 1.2)."""


class InProgress(msgspec.Struct, frozen=True):
    """Returned by a worker's function: not done; hand the task out again after a while."""

    output: Any = None
    callback_after_s: int = 0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an update that the function decides."""

    status: ResultStatus
    output: dict[str, Any] | None = None
    reason: str | None = None
    callback_after_s: int = 0


HANDED_BACK = Result(status=ResultStatus.IN_PROGRESS, reason="the worker stopped")
"""An unfinished task of a worker that leaves: the next worker may have it at once."""


def returned(value: Any) -> Result:
    """The result of a function that returned. Output that JSON cannot hold fails for good."""
    status, callback_after_s = ResultStatus.COMPLETED, 0
    if isinstance(value, InProgress):
        status, callback_after_s = ResultStatus.IN_PROGRESS, max(0, value.callback_after_s)
        value = value.output
    try:
        output = _output(value)
    except (TypeError, ValueError) as error:
        return Result(
            status=ResultStatus.FAILED_WITH_TERMINAL_ERROR,
            reason=f"the worker's output cannot be written as JSON: {error}",
        )
    return Result(status=status, output=output, callback_after_s=callback_after_s)


def raised(error: BaseException) -> Result:
    """The result of a function that raised."""
    terminal = isinstance(error, NonRetryableError)
    text = str(error)
    reason = text if terminal and text else f"{type(error).__name__}: {text}".removesuffix(": ")
    return Result(
        status=ResultStatus.FAILED_WITH_TERMINAL_ERROR if terminal else ResultStatus.FAILED,
        reason=reason[:REASON_MAX],
    )


def unreadable_input(name: str, error: Exception) -> Result:
    """The result of a task whose input the function's annotation does not allow."""
    return Result(
        status=ResultStatus.FAILED_WITH_TERMINAL_ERROR,
        reason=f"input of {name}: {error}"[:REASON_MAX],
    )


def _output(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    plain = msgspec.to_builtins(value, str_keys=True)
    return plain if isinstance(plain, dict) else {"result": plain}
