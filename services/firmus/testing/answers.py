"""What a test says of its tasks: constants, sequences and functions, and the answers they give."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from firmus.rehearsal.agenda import Reply
from firmus.testing.handed import Handed, awaited
from firmus.workflow.durations import duration_ms
from firmus_contracts.statuses import ResultStatus

Duration = str | float | timedelta
"""`"2h 30m"` as in a WAIT task, seconds, or a timedelta."""

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.decode


class Answer(msgspec.Struct, frozen=True):
    """How one attempt of a task is answered; made by the functions below."""

    reply: Reply


class SubTasks(msgspec.Struct, frozen=True):
    """Answers for the tasks of a sub-workflow."""

    tasks: "Mapping[str, Given]"


Given = Any
"""An output (a dict or None), an Answer, an exception, a function, a list of these that are used
one after the other, or SubTasks.
"""


def complete(output: Any = None, *, took: Duration = 0, queued: Duration = 0) -> Answer:
    """The task ends well. `queued`: how long it waits for a worker; `took`: how long that works."""
    return _answer(ResultStatus.COMPLETED, output, took=took, queued=queued)


def fail(
    reason: str = "failed in a test",
    *,
    output: Any = None,
    terminal: bool = False,
    took: Duration = 0,
    queued: Duration = 0,
) -> Answer:
    """The attempt fails. `terminal`: for good, whatever `retryCount` says."""
    status = ResultStatus.FAILED_WITH_TERMINAL_ERROR if terminal else ResultStatus.FAILED
    return _answer(status, output, reason=reason, took=took, queued=queued)


def in_progress(
    output: Any = None,
    *,
    callback_after: Duration = 0,
    took: Duration = 0,
    queued: Duration = 0,
) -> Answer:
    """Not done: the task is handed out again after a while, and asks for its next answer then."""
    return _answer(
        ResultStatus.IN_PROGRESS, output, took=took, queued=queued, callback_after=callback_after
    )


def never() -> Answer:
    """A worker takes the task and is never heard of again: a timeout has to deal with it."""
    return Answer(Reply(status=None))


def sub_tasks(tasks: "Mapping[str, Given]") -> SubTasks:
    """Answers for the tasks of the sub-workflow, which runs for real."""
    return SubTasks(tasks)


def milliseconds(duration: Duration) -> int:
    """Raises ValueError for what is no duration, or a negative one."""
    if isinstance(duration, str):
        return duration_ms(duration)
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if duration < 0:
        raise ValueError(f"a duration cannot be negative: {duration}")
    return round(duration * 1000)


def plain(value: Any) -> dict[str, Any]:
    """An output as a worker would send it: as JSON, and `{"result": …}` when it is no object.

    Raises TypeError for what JSON cannot hold.
    """
    if value is None:
        return {}
    try:
        written = _DECODE(_ENCODE(value))
    except (TypeError, msgspec.EncodeError) as problem:
        raise TypeError(f"an output cannot be written as JSON: {problem}") from None
    return written if isinstance(written, dict) else {"result": written}


class Source:
    """Where the answers of one key of `tasks` come from."""

    def __init__(self, key: str, given: Given) -> None:
        self._key = key
        self._list = list(given) if _is_list(given) else None
        self._given = given
        self.used = 0

    @property
    def sub_tasks(self) -> "Mapping[str, Given] | None":
        return self._given.tasks if isinstance(self._given, SubTasks) else None

    @property
    def used_up(self) -> bool:
        return self._list is not None and self.used >= len(self._list)

    def next(self, handed: Handed) -> Reply | None:
        """The next answer; None when there is none left."""
        if self._list is None:
            wanted = self._given
        elif self.used_up:
            return None
        else:
            wanted = self._list[self.used]
        self.used += 1
        return _reply(self._key, wanted, handed)


def _is_list(given: Given) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str | bytes)


def _reply(key: str, wanted: Given, handed: Handed) -> Reply:
    if isinstance(wanted, type) and issubclass(wanted, Exception):
        wanted = wanted()
    elif callable(wanted) and not isinstance(wanted, type):
        wanted = _called(wanted, handed)
    if isinstance(wanted, Reply):
        return wanted
    if isinstance(wanted, Answer):
        return wanted.reply
    if isinstance(wanted, BaseException):
        return fail(_told(wanted)).reply
    if isinstance(wanted, SubTasks):
        raise TypeError(f"tasks[{key!r}]: sub_tasks() answers no single attempt")
    if wanted is not None and not isinstance(wanted, Mapping | msgspec.Struct):
        what = "an output (a dict), an answer, an exception, a function, or a list of these"
        raise TypeError(f"tasks[{key!r}] gives {wanted!r:.80}, which is not {what}")
    return complete(wanted).reply


def _called(function: Callable[..., Any], handed: Handed) -> Any:
    """What a function says to an input. An exception of its own fails the attempt; a failed
    assertion is the test's, and ends it.
    """
    if hasattr(function, "arguments"):
        from firmus.testing.worker_tasks import is_worker_task, worked  # noqa: PLC0415 - needs NATS

        if is_worker_task(function):
            return worked(function, handed)
    try:
        return awaited(function(handed.input))
    except AssertionError:
        raise
    except Exception as error:  # noqa: BLE001 - any failure of a worker is a failed attempt
        return fail(_told(error))


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _answer(
    status: ResultStatus,
    output: Any,
    *,
    took: Duration,
    queued: Duration,
    reason: str | None = None,
    callback_after: Duration = 0,
) -> Answer:
    return Answer(
        Reply(
            status=status,
            output=plain(output),
            reason=reason,
            wait_ms=milliseconds(queued),
            after_ms=milliseconds(took),
            callback_after_s=-(-milliseconds(callback_after) // 1000),
        )
    )
