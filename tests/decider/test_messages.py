"""PULL_WORKFLOW_MESSAGES and the messages that are sent to a workflow (spec 3.6.22, 8.4)."""

from typing import Any

from firmus_contracts import commands as cmd
from firmus_contracts import ids
from tests.flow import WORKFLOW, Flow, op, simple


def pulling(**inputs: Any) -> Flow:
    flow = Flow(simple("first"), op("pull", "PULL_WORKFLOW_MESSAGES", inputs))
    flow.start()
    return flow


def push(flow: Flow, number: int, **fields: Any) -> list[str]:
    return flow.send(cmd.PushMessage, payload={"n": number}, **fields)


def numbers(flow: Flow, ref: str = "pull") -> list[int]:
    output = flow.row(ref).output
    assert output["count"] == len(output["messages"])
    return [message["payload"]["n"] for message in output["messages"]]


def test_messages_wait_in_order_until_a_task_takes_them() -> None:
    flow = pulling(batchSize=2)
    for number in (1, 2, 3):
        assert push(flow, number) == ["workflow.message_received"]
    flow.update("first")

    assert (flow.status, numbers(flow)) == ("COMPLETED", [1, 2])


def test_a_task_without_messages_waits_for_the_next_one() -> None:
    flow = pulling()
    flow.update("first")
    assert flow.row("pull").status == "IN_PROGRESS"
    push(flow, 7, command_id="mine")

    message = flow.row("pull").output["messages"][0]
    assert message == {
        "id": ids.message_id(WORKFLOW, "mine"),
        "workflowId": WORKFLOW,
        "payload": {"n": 7},
        "receivedAt": "2023-11-14T22:13:20.000Z",
    }
    assert flow.status == "COMPLETED"


def test_a_task_that_does_not_block_completes_with_nothing() -> None:
    flow = pulling(blocking=False)
    flow.update("first")

    assert (flow.status, numbers(flow)) == ("COMPLETED", [])


def test_one_message_goes_to_one_of_the_waiting_tasks() -> None:
    pulls = [[op(ref, "PULL_WORKFLOW_MESSAGES")] for ref in ("a", "b")]
    flow = Flow(op("f", "FORK_JOIN", forkTasks=pulls), op("j", "JOIN", joinOn=["a", "b"]))
    flow.start()
    push(flow, 1)
    assert (numbers(flow, "a"), flow.row("b").status) == ([1], "IN_PROGRESS")
    push(flow, 2)

    assert (flow.status, numbers(flow, "b")) == ("COMPLETED", [2])


def test_a_message_to_a_workflow_that_does_not_run_is_refused() -> None:
    flow = pulling()
    flow.send(cmd.PauseWorkflow)
    push(flow, 1)

    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"
    assert flow.rejected.message.endswith("is not in RUNNING state (current: PAUSED)")


def test_a_full_queue_refuses_until_its_messages_expire() -> None:
    flow = pulling(batchSize=100)
    flow.limits = type(flow.limits)(messages_max=2, message_ttl_s=10)
    push(flow, 1)
    push(flow, 2)
    push(flow, 3)
    assert flow.rejected is not None
    assert flow.rejected.code == "TOO_MANY_REQUESTS"
    flow.clock.advance(10_001)
    push(flow, 4)
    flow.update("first")

    assert numbers(flow) == [4]


def test_messages_are_gone_when_the_workflow_ends() -> None:
    flow = pulling(blocking=False)
    push(flow, 1)
    push(flow, 2)
    flow.update("first")

    assert flow.state is not None
    assert (flow.status, flow.state.messages) == ("COMPLETED", ())
