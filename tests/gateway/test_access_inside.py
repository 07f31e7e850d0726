"""What is asked inside handlers: names in bodies, lists that leave out, many at once."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from firmus.scheduler.child_requests import start_child
from firmus.security.guard import TICKET_TTL_S
from firmus_contracts import ids
from firmus_contracts.commands import ReportChildStarted
from firmus_contracts.errors import Refusal
from tests.gateway.guarded import Gate, gated

ORDERS, PAYROLL = "orders_eu", "payroll"
SEES, RUNS, OWNS = "read:orders_*", "execute:orders_*", "admin:orders_*"


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    async with gated() as gate:
        for name in (ORDERS, PAYROLL):
            await gate.register(name)
            await gate.call("POST", "/metadata/taskdefs", [{"name": name}], by="admin")
        yield gate


async def started(gate: Gate, name: str) -> str:
    return str((await gate.call("POST", "/workflow", {"name": name}, by="admin")).body)


async def statuses(gate: Gate, method: str, path: str, body: Any, *who: str) -> list[int]:
    return [(await gate.call(method, path, body, by=each)).status for each in who]


@pytest.mark.parametrize(
    ("row", "body", "granted", "less"),
    [
        ("POST /workflow", {"name": ORDERS}, RUNS, SEES),
        ("POST /workflow/test", {"name": PAYROLL}, None, RUNS),
        ("POST /workflow", {"name": ORDERS, "workflowDef": {"name": ORDERS, "tasks": []}}, None, RUNS),
        ("POST /metadata/workflow", {"name": "orders_us", "tasks": [{"name": "t", "taskReferenceName": "t"}]}, OWNS, RUNS),
        ("PUT /metadata/workflow", [{"name": ORDERS}, {"name": PAYROLL}], None, OWNS),
        ("POST /metadata/workflow/validate", {"name": ORDERS, "tasks": [{"name": "t", "taskReferenceName": "t"}]}, OWNS, RUNS),
        ("POST /metadata/taskdefs", [{"name": ORDERS}], OWNS, RUNS),
        ("PUT /metadata/taskdefs", {"name": ORDERS}, OWNS, RUNS),
        ("POST /schema", {"name": "orders_s", "type": "JSON", "data": {"type": "object"}}, OWNS, RUNS),
        ("POST /workflow/correlated/batch", {"workflowNames": [ORDERS], "correlationIds": ["c"]}, SEES, "read:payroll"),
        ("POST /scheduler/schedules", {"name": "s", "cronExpression": "0 0 3 * * *", "startWorkflowRequest": {"name": ORDERS}}, RUNS, SEES),
    ],
)  # fmt: skip
async def test_names_in_a_body_ask_for_the_role(
    gate: Gate, row: str, body: Any, granted: str | None, less: str
) -> None:
    method, _, path = row.partition(" ")
    answer = await gate.call(method, path, body, by=less)
    assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN")
    if granted is not None:
        answer = await gate.call(method, path, body, by=granted)
        assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/metadata/workflow",
        "/metadata/workflow/names",
        "/metadata/workflow/names-and-versions",
        "/metadata/workflow/latest-versions",
        "/metadata/taskdefs",
        "/workflow/search",
        "/workflow/search-v2",
        "/workflow/search-by-tasks",
        "/workflow/search-by-tasks-v2",
        "/tasks/search",
        "/tasks/search-v2",
        "/scheduler/schedules",
        "/scheduler/schedules/search",
        "/schema",
    ],
)
async def test_lists_leave_out_what_may_not_be_read(gate: Gate, path: str) -> None:
    for name in (ORDERS, PAYROLL):
        await started(gate, name)
        given = {"startWorkflowRequest": {"name": name}, "cronExpression": "0 0 3 * * *"}
        await gate.call("POST", "/scheduler/schedules", {"name": name, **given}, by="admin")
        await gate.call(
            "POST",
            "/schema",
            {"name": name, "type": "JSON", "data": {"type": "object"}},
            by="admin",
        )
    every = await gate.call("GET", path, by="read")
    some = await gate.call("GET", path, by=SEES)
    none = await gate.call("GET", path, by="read:nothing")
    assert (every.status, some.status, none.status) == (200, 200, 200)
    assert all(name in str(every.body) for name in (ORDERS, PAYROLL))
    assert ORDERS in str(some.body)
    assert PAYROLL not in str(some.body)
    assert ORDERS not in str(none.body)
    if "totalHits" in every.body:
        hits = [answer.body["totalHits"] for answer in (every, some, none)]
        assert hits == [2, 1, 0]


async def test_a_definition_in_a_start_counts_by_its_own_name_too(gate: Gate) -> None:
    task = {"name": "ship", "taskReferenceName": "a"}
    start = {"name": ORDERS, "workflowDef": {"name": PAYROLL, "tasks": [task]}}
    every = "0 0 3 * * *"
    for path, body in (
        ("/workflow", start),
        (f"/workflow/execute/{ORDERS}", start),
        ("/workflow/test", start),
        ("/scheduler/schedules", {"name": "s", "cronExpression": every, "startWorkflowRequest": start}),
    ):  # fmt: skip
        answer = await gate.call("POST", path, body, by=OWNS)
        assert (path, answer.status) == (path, 403)
    both = await gate.call("POST", "/workflow", start, by=(OWNS, "admin:payroll"))
    found = await gate.call("GET", f"/workflow/{both.body}", by="read:payroll")
    assert found.body["workflowName"] == PAYROLL


async def test_queues_and_polls_of_types_that_may_not_be_read_are_left_out(gate: Gate) -> None:
    await started(gate, ORDERS)
    await gate.call("GET", "/tasks/poll/spy", by="admin")
    for path, seen in (
        ("/tasks/queue/all", {"ship": 1}),
        ("/tasks/queue/all/verbose", {"ship": {"a": {"size": 1, "uacked": 0}}}),
    ):
        assert (await gate.call("GET", path, by="read:ship")).body == seen
        assert (await gate.call("GET", path, by=SEES)).body == {}
    size = "/tasks/queue/size"
    assert (await gate.call("GET", size, by="read:ship", taskType="ship")).body == 1
    assert (await gate.call("GET", size, by=SEES, taskType="ship")).body == 0
    polls = "/tasks/queue/polldata/all"
    assert [each["queueName"] for each in (await gate.call("GET", polls, by="read:spy")).body] == ["spy"]  # fmt: skip
    assert (await gate.call("GET", polls, by=SEES)).body == []


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("PUT", "pause", RUNS),
        ("PUT", "resume", RUNS),
        ("POST", "restart", RUNS),
        ("POST", "retry", RUNS),
        ("POST", "terminate", RUNS),
        ("POST", "search", SEES),
        ("DELETE", "remove", OWNS),
        ("DELETE", "terminate-remove", OWNS),
    ],
)
async def test_of_many_those_that_are_not_allowed_fail_by_themselves(
    gate: Gate, method: str, path: str, role: str
) -> None:
    mine, other = await started(gate, ORDERS), await started(gate, PAYROLL)
    answer = await gate.call(method, f"/workflow/bulk/{path}", [mine, other], by=role)
    errors = answer.body["bulkErrorResults"]
    needed = role.partition(":")[0]
    assert errors[other] == f"{role} needs the role {needed} on the workflow of {other}"
    assert "needs the role" not in errors.get(mine, "")
    found = await gate.call("GET", f"/workflow/{other}", by="admin")
    assert found.body["status"] == "RUNNING"


async def test_a_worker_needs_the_type_of_the_task_or_its_workflow(gate: Gate) -> None:
    worker, other = "execute:ship", "execute:mail"
    for path in ("/tasks", "/tasks/update-v2"):
        await started(gate, ORDERS)
        task = (await gate.call("GET", "/tasks/poll/ship", by=worker)).body
        ids = {name: task[name] for name in ("taskId", "workflowInstanceId")}
        report = {**ids, "status": "COMPLETED"}
        assert (await gate.call("POST", path, report, by=other)).status == 403
        assert (await gate.call("GET", f"/tasks/{task['taskId']}", by=worker)).status == 200
        assert (
            await gate.call("POST", f"/tasks/{task['taskId']}/log", "x", by=other)
        ).status == 403
        assert (await gate.call("POST", path, report, by=worker)).status in (200, 204)
    await started(gate, ORDERS)
    task = (await gate.call("GET", "/tasks/poll/ship", by=worker)).body
    report = {**report, "taskId": task["taskId"], "workflowInstanceId": task["workflowInstanceId"]}
    assert (await gate.call("POST", "/tasks", report, by=RUNS)).status == 200


async def test_updating_gives_the_next_task_only_to_who_may_poll_for_it(gate: Gate) -> None:
    for _ in range(2):
        await started(gate, ORDERS)
    task = (await gate.call("GET", "/tasks/poll/ship", by="admin")).body
    ids = {name: task[name] for name in ("taskId", "workflowInstanceId")}
    answer = await gate.call("POST", "/tasks/update-v2", {**ids, "status": "COMPLETED"}, by=RUNS)
    assert answer.status == 204
    assert (await gate.call("GET", "/tasks/poll/ship", by="execute:ship")).status == 200


async def test_schedules_are_their_workflows(gate: Gate) -> None:
    given = {"name": "s", "cronExpression": "0 0 3 * * *"}
    for name in (PAYROLL, ORDERS):
        body = {**given, "startWorkflowRequest": {"name": name}}
        wanted = 200 if name == PAYROLL else 403  # to take another's schedule over
        who = "admin" if name == PAYROLL else RUNS
        answer = await gate.call("POST", "/scheduler/schedules", body, by=who)
        assert answer.status == wanted
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("PUT", "/pause"),
        ("PUT", "/resume"),
        ("GET", "/tags"),
    ):
        answer = await gate.call(method, f"/scheduler/schedules/s{path}", by=RUNS)
        assert answer.status == 403, path
    both = await gate.call("PUT", "/scheduler/bulk/pause", ["s"], by=RUNS)
    assert list(both.body["bulkErrorResults"]) == ["s"]


async def test_a_stored_value_is_its_executions(gate: Gate) -> None:
    other = await started(gate, PAYROLL)
    path = f"workflow/input/{other}.json"
    assert (await gate.call("GET", f"/external/payloads/{path}", by=RUNS)).status == 403
    assert (await gate.call("GET", f"/external/payloads/{path}", by="read:pay*")).status == 200
    body = {"name": ORDERS, "externalInputPayloadStoragePath": path}
    assert (await gate.call("POST", "/workflow", body, by=RUNS)).status == 403


async def child_of_orders(gate: Gate) -> tuple[str, str]:
    """An execution of orders_p and its child, one of payroll that waits for a signal."""
    wait = {"name": "w", "taskReferenceName": "w", "type": "WAIT"}
    sub = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW"}
    definitions = [
        {"name": PAYROLL, "tasks": [wait]},
        {"name": "orders_p", "tasks": [{**sub, "subWorkflowParam": {"name": PAYROLL}}]},
    ]
    await gate.call("PUT", "/metadata/workflow", definitions, by="admin")
    parent_id = await started(gate, "orders_p")
    decider = gate.world.ports().decider
    parent = await decider.read(parent_id)
    assert parent is not None
    row = parent.tasks[1]
    await decider.submit(start_child(parent, row))
    child_id = row.child_id or ""
    told = {"workflow_id": parent_id, "task_id": parent.task_id(1), "child_id": child_id}
    await decider.submit(ReportChildStarted(command_id="started", **told))
    return parent_id, child_id


async def test_who_steers_into_a_child_needs_the_role_there_too(gate: Gate) -> None:
    parent_id, child_id = await child_of_orders(gate)
    signal = f"/tasks/{parent_id}/COMPLETED/signal"
    assert await statuses(gate, "POST", signal, {}, RUNS) == [403]
    await gate.call("DELETE", f"/workflow/{parent_id}", by="admin")
    await gate.call("DELETE", f"/workflow/{child_id}", by="admin")
    rerun = {"reRunFromTaskId": ids.task_id(child_id, 1), "taskInput": {"amount": 9}}
    assert await statuses(gate, "POST", f"/workflow/{parent_id}/rerun", rerun, RUNS) == [403]
    both = (RUNS, "execute:payroll")
    again = await gate.call("POST", f"/workflow/{parent_id}/rerun", rerun, by=both)
    assert again.status == 200, again.body
    assert (await gate.call("POST", signal, {}, by=both)).status == 200
    child = await gate.call("GET", f"/workflow/{child_id}", by="read")
    assert child.body["status"] == "COMPLETED"


async def location(gate: Gate, by: str, **query: str) -> str:
    place = f"/tasks/externalstoragelocation?{urlencode(query)}"
    found = await gate.call("GET", place, by=by)
    return str(found.body["uri"]).partition("/api")[2]


async def test_an_address_of_a_payload_needs_no_credential_for_what_it_was_given_for(
    gate: Gate,
) -> None:
    kind = {"payloadType": "WORKFLOW_INPUT"}
    put = await location(gate, RUNS, operation="WRITE", **kind)
    assert (await gate.api.put(put, {"n": 1})).status == 200
    plain, _, ticket = put.partition("?")
    path = plain.removeprefix("/external/payloads/")
    got = await location(gate, RUNS, operation="READ", path=path, **kind)
    assert (await gate.api.get(got)).body == {"n": 1}
    other = await location(gate, RUNS, operation="WRITE", **kind)
    for method, address in (
        ("GET", put),
        ("PUT", got),
        ("PUT", f"{other.partition('?')[0]}?{ticket}"),
        ("PUT", plain),
        ("PUT", f"{plain}?ticket=x"),
    ):
        assert (address, (await gate.api.call(method, address, {})).status) == (address, 401)
    gate.world.clock.advance(TICKET_TTL_S * 1000)
    assert (await gate.api.get(got)).body["code"] == "EXPIRED_TOKEN"


async def test_an_address_lets_its_holder_do_no_more_than_they_may(gate: Gate) -> None:
    path = f"workflow/input/{await started(gate, PAYROLL)}.json"
    got = await location(gate, RUNS, operation="READ", path=path, payloadType="WORKFLOW_INPUT")
    assert (await gate.api.get(got)).status == 403
    put = await location(gate, "read", operation="WRITE", payloadType="WORKFLOW_INPUT")
    assert (await gate.api.put(put, {})).status == 403
    assert (await gate.call("PUT", put.partition("?")[0], {}, by="read")).status == 403
    assert (await gate.call("PUT", put.partition("?")[0], {}, by=RUNS)).status == 200


async def test_an_upgrade_asks_for_the_definition_it_leads_to(gate: Gate) -> None:
    mine = await started(gate, ORDERS)
    path = f"/workflow/{mine}/upgrade"
    assert await statuses(gate, "POST", path, {"name": PAYROLL, "version": 1}, RUNS) == [403]


async def test_who_was_recognised_is_the_actor_whatever_the_request_says(gate: Gate) -> None:
    body = {"name": ORDERS, "createdBy": "the boss"}
    headers = {**await gate.by(RUNS), "Firmus-Actor": "ann"}
    made = await gate.api.post("/workflow", body, headers=headers)
    found = await gate.call("GET", f"/workflow/{made.body}", by=RUNS)
    assert found.body["createdBy"] == f"{RUNS}/ann"
    command = gate.world.door.seen[-1]
    assert command.actor == f"{RUNS}/ann"
    defined = await gate.call("GET", f"/metadata/workflow/{ORDERS}", by=RUNS)
    assert defined.body["createdBy"] == "admin"


async def test_tokens_over_rest(gate: Gate) -> None:
    key = await gate.key(SEES)
    pair = {"keyId": key.key_id, "keySecret": key.key_secret}
    token = (await gate.api.post("/token", pair)).body["token"]
    for headers in ({"X-Authorization": token}, {"Authorization": f"Bearer {token}"}):
        assert (await gate.api.get("/version", headers=headers)).status == 200
    wrong = await gate.api.post("/token", {**pair, "keySecret": "x"})
    assert (wrong.status, wrong.body["error"]) == (401, "INVALID_CREDENTIALS")
    assert (await gate.api.post("/token", {"keyId": "x"})).status == 400
    gate.world.clock.advance(3_600_000)
    old = await gate.api.get("/version", headers={"X-Authorization": token})
    assert (old.status, old.body["error"]) == (401, "EXPIRED_TOKEN")


async def test_keys_over_rest(gate: Gate) -> None:
    body = {"name": "shop", "grants": [{"role": "execute", "names": "orders_*"}]}
    made = await gate.call("POST", "/keys", body, by="admin")
    pair = {"keyId": made.body["keyId"], "keySecret": made.body["keySecret"]}
    assert made.headers["cache-control"] == "no-store"
    assert (await gate.api.post("/token", pair)).status == 200
    path = f"/keys/{pair['keyId']}"
    assert (await gate.call("PUT", f"{path}/grants", [{"role": "read"}], by="admin")).status == 200
    again = await gate.call("POST", f"{path}/rotate", by="admin", overlapSeconds=9)
    assert (await gate.api.post("/token", again.body)).status == 200
    assert (await gate.api.post("/token", pair)).status == 200
    assert (await gate.call("DELETE", path, by="admin")).status == 200
    assert (await gate.api.post("/token", again.body)).status == 401
    listed = {each["keyId"]: each for each in (await gate.call("GET", "/keys", by="admin")).body}
    shown = listed[pair["keyId"]]
    assert (shown["name"], shown["grants"]) == ("shop", [{"role": "read", "names": "*"}])
    assert (shown["createdBy"], shown["revokedBy"]) == ("admin", "admin")
    assert pair["keySecret"] not in str(listed)
    for bad in ({**body, "grants": []}, {**body, "grants": [{"role": "boss"}]}, {"grants": []}):
        assert (await gate.call("POST", "/keys", bad, by="admin")).status == 400


async def test_a_guard_that_cannot_ask_lets_nobody_new_in(gate: Gate) -> None:
    with pytest.raises(Refusal):
        await gate.guard.authenticate("ft1.nobody.1.9999999999.x")
    answer = await gate.api.get("/version", headers={"X-Authorization": "ft1.nobody.1.99.x"})
    assert (answer.status, answer.body["error"]) == (401, "INVALID_TOKEN")


async def test_refusals_are_counted_wherever_they_come_from(gate: Gate) -> None:
    await gate.api.get("/version")
    await gate.call("GET", "/metadata/workflow/payroll", by=SEES)
    await gate.call("POST", "/workflow", {"name": PAYROLL}, by=RUNS)
    await gate.call("GET", "/metadata/workflow/orders_none", by=SEES)
    counts = {code: count for code, count in gate.guard.refusals.counts.items() if count}
    assert counts == {"UNAUTHENTICATED": 1, "FORBIDDEN": 2}
