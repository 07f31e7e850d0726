"""What a decorated function is given, and what becomes of what it returns or raises."""

from typing import Any

import msgspec
import pytest

from firmus.worker import InProgress, NonRetryableError, TaskContext, task
from firmus.worker.results import Result, raised, returned, unreadable_input
from firmus.worker.tasks import Polled, tasks_in
from firmus_contracts.statuses import ResultStatus


class Order(msgspec.Struct):
    number: int


def polled(data: bytes = b'{"number": 7}', **more: Any) -> Polled:
    return Polled(task_id="t", input_data=msgspec.Raw(data), **more)


def context_of(one: Polled) -> TaskContext:
    return TaskContext(one, lambda: 1234)


def test_a_decorated_function_can_still_be_called() -> None:
    @task("double")
    def double(given: dict[str, int]) -> int:
        return given["x"] * 2

    assert double({"x": 4}) == 8
    assert double.name == "double"


def test_the_input_has_the_annotated_type() -> None:
    @task("a")
    def typed(order: Order) -> None: ...

    @task("b")
    def plain(given: dict[str, Any]) -> None: ...

    @task("c")
    def free(given) -> None: ...  # type: ignore[no-untyped-def] # that is the case under test

    one = polled()
    assert typed.arguments(one, context_of(one)) == {"order": Order(7)}
    assert plain.arguments(one, context_of(one)) == {"given": {"number": 7}}
    assert free.arguments(one, context_of(one)) == {"given": {"number": 7}}


def test_the_context_is_given_where_it_is_annotated_and_nothing_where_nothing_is_taken() -> None:
    @task("a")
    def both(context: TaskContext, order: Order) -> None: ...

    @task("b")
    def neither() -> None: ...

    one = polled()
    context = context_of(one)
    assert both.arguments(one, context) == {"context": context, "order": Order(7)}
    assert neither.arguments(one, context) == {}


def test_a_function_that_wants_more_than_input_and_context_is_refused() -> None:
    with pytest.raises(TypeError, match="not b"):

        @task("a")
        def two(a: int, b: int) -> None: ...

    with pytest.raises(TypeError, match="by name"):

        @task("a")
        def many(*given: int) -> None: ...


def test_input_that_does_not_fit_names_the_field_and_fails_for_good() -> None:
    @task("a")
    def typed(order: Order) -> None: ...

    one = polled(b'{"number": "seven"}')
    with pytest.raises(msgspec.ValidationError) as caught:
        typed.arguments(one, context_of(one))
    result = unreadable_input("a", caught.value)
    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert "$.number" in (result.reason or "")


def test_what_a_function_returns_becomes_the_output() -> None:
    completed = ResultStatus.COMPLETED
    assert returned({"a": 1}) == Result(status=completed, output={"a": 1})
    assert returned(None) == Result(status=completed, output={})
    assert returned(Order(3)) == Result(status=completed, output={"number": 3})
    assert returned([1, 2]) == Result(status=completed, output={"result": [1, 2]})


def test_in_progress_keeps_the_task_open_with_its_output_and_pause() -> None:
    result = returned(InProgress({"half": True}, callback_after_s=5))
    assert result == Result(
        status=ResultStatus.IN_PROGRESS, output={"half": True}, callback_after_s=5
    )


def test_output_that_json_cannot_hold_fails_for_good() -> None:
    result = returned({"a": object()})
    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert "object" in (result.reason or "")


def test_an_exception_fails_the_attempt_and_says_why() -> None:
    assert raised(ValueError("no stock")) == Result(
        status=ResultStatus.FAILED, reason="ValueError: no stock"
    )
    assert raised(KeyboardInterrupt()).reason == "KeyboardInterrupt"


def test_a_non_retryable_error_fails_for_good() -> None:
    assert raised(NonRetryableError("no such card")) == Result(
        status=ResultStatus.FAILED_WITH_TERMINAL_ERROR, reason="no such card"
    )


def test_the_context_shows_the_attempt_and_keeps_log_lines_with_their_time() -> None:
    one = polled(retry_count=2, poll_count=3, output_data=msgspec.Raw(b'{"page": 4}'))
    context = context_of(one)
    context.log("hello")
    assert (context.retry_count, context.poll_count) == (2, 3)
    assert context.output_so_far() == {"page": 4}
    assert context.lines == [("hello", 1234)]


def test_tasks_are_found_in_modules_and_lists() -> None:
    from firmus.demo import orders

    assert {one.name for one in tasks_in(orders)} == {one.name for one in orders.TASKS}
    assert tasks_in(orders.check_order) == [orders.check_order]
    assert tasks_in("nothing") == []


def test_a_reason_is_cut_to_what_conductor_keeps() -> None:
    assert len(raised(ValueError("x" * 9000)).reason or "") == 500
