"""`@task`: a function that works on tasks of one name, and what it is given."""

import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

import msgspec

P = ParamSpec("P")
R = TypeVar("R")


class Polled(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a worker reads of a task that was handed to it (Conductor's Task)."""

    task_id: str
    workflow_instance_id: str = ""
    workflow_type: str = ""
    reference_task_name: str = ""
    correlation_id: str | None = None
    retry_count: int = 0
    poll_count: int = 0
    iteration: int = 0
    response_timeout_seconds: int = 0
    input_data: msgspec.Raw = msgspec.Raw(b"{}")
    external_input_payload_storage_path: str | None = None
    output_data: msgspec.Raw = msgspec.Raw(b"{}")


class TaskContext:
    """Beside its input: which task this is, and a place for log lines that go with its result."""

    def __init__(self, polled: Polled, now_ms: Callable[[], int]) -> None:
        self._polled = polled
        self._now_ms = now_ms
        self.lines: list[tuple[str, int]] = []

    @property
    def task_id(self) -> str:
        return self._polled.task_id

    @property
    def workflow_id(self) -> str:
        return self._polled.workflow_instance_id

    @property
    def workflow_name(self) -> str:
        return self._polled.workflow_type

    @property
    def ref(self) -> str:
        """The task's reference name in its workflow."""
        return self._polled.reference_task_name

    @property
    def correlation_id(self) -> str | None:
        return self._polled.correlation_id

    @property
    def retry_count(self) -> int:
        """0 in the first attempt."""
        return self._polled.retry_count

    @property
    def poll_count(self) -> int:
        """How often this attempt was handed out; above 1 after an InProgress result."""
        return self._polled.poll_count

    @property
    def iteration(self) -> int:
        """The turn of the loop that the task stands in, from 1; 0 outside of loops."""
        return self._polled.iteration

    def output_so_far(self) -> dict[str, Any]:
        """The output of this attempt's last InProgress result."""
        found: dict[str, Any] = msgspec.json.decode(self._polled.output_data) or {}
        return found

    def log(self, line: str) -> None:
        self.lines.append((line, self._now_ms()))


class Task(Generic[P, R]):
    """A function under the name of the tasks that it works on; still callable as it was."""

    def __init__(
        self, name: str, function: Callable[P, R], *, domain: str | None, concurrency: int | None
    ) -> None:
        self.name = name
        self.function = function
        self.domain = domain
        self.concurrency = concurrency
        self.is_async = inspect.iscoroutinefunction(function)
        self.input_name, self.context_name, shape = _parameters(function)
        self._decoder = msgspec.json.Decoder(shape)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def arguments(self, polled: Polled, context: TaskContext) -> dict[str, Any]:
        """The keyword arguments for one task. Raises msgspec.ValidationError naming the field."""
        given: dict[str, Any] = {}
        if self.input_name is not None:
            given[self.input_name] = self._decoder.decode(polled.input_data)
        if self.context_name is not None:
            given[self.context_name] = context
        return given


def task(
    name: str, *, domain: str | None = None, concurrency: int | None = None
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Makes a function the worker for tasks called `name`.

    It may take its input (a dict, or any type that msgspec can decode, by its annotation), a
    TaskContext (by its annotation), both, or nothing. It returns the output: a dict, a struct,
    anything else as `{"result": …}`, or InProgress. An exception fails the attempt, which is then
    retried as the task's definition says; NonRetryableError fails it for good. Plain functions
    run in threads. `concurrency` limits how many run at once here, instead of the worker's limit;
    `domain` overrides the worker's.
    """

    def wrap(function: Callable[P, R]) -> Task[P, R]:
        return Task(name, function, domain=domain, concurrency=concurrency)

    return wrap


def tasks_in(found: object) -> list[Task[..., Any]]:
    """The tasks in a module, a sequence, or a single one."""
    if isinstance(found, Task):
        return [found]
    if isinstance(found, Sequence):
        return [one for one in found if isinstance(one, Task)]
    if inspect.ismodule(found):
        return [one for one in vars(found).values() if isinstance(one, Task)]
    return []


def _parameters(function: Callable[..., Any]) -> tuple[str | None, str | None, Any]:
    """The names of the parameters for the input and the context, and the type of the input."""
    hints = typing.get_type_hints(function)
    input_name: str | None = None
    context_name: str | None = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL}:
            raise TypeError(f"{function.__qualname__}: {parameter} cannot be given by name")
        if hints.get(parameter.name) is TaskContext:
            context_name = parameter.name
        elif input_name is None:
            input_name = parameter.name
        elif parameter.default is parameter.empty:
            raise TypeError(
                f"{function.__qualname__}: takes one input and a TaskContext, not {parameter.name}"
            )
    shape = hints.get(input_name, Any) if input_name is not None else Any
    return input_name, context_name, shape
