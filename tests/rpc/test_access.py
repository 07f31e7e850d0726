"""Who may call which method: each row of the table of rules, with and without the role."""

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import msgspec
import pytest
from google.protobuf.descriptor_pool import Default

from firmus.eventlog.recorder_memory import MemoryJournal
from firmus.handlers.store import EventHandlers
from firmus.rpc import service
from firmus.rpc.rules import RULES, Rule
from firmus.security.grants import parse_grant
from firmus.security.guard import Guard
from firmus.security.store import NewKey, memory_keys
from tests.gateway.ports import World
from tests.rpc.client import PACKAGES, Failed, Rpc
from tests.rpc.conftest import ports_of

BELOW = {"read": "read:nothing_of_this", "execute": "read", "admin": "execute"}
"""The most that somebody may have who has not the role."""
WITH_FIELD = sorted(key for key, rule in RULES.items() if rule.field)
OF_SERVER = sorted(key for key, rule in RULES.items() if rule.of == "server")
SHIP = {"name": "ship", "taskReferenceName": "a", "type": "SIMPLE", "retryCount": -1}
SHUT = {"PERMISSION_DENIED", "UNAUTHENTICATED"}


class Gate:
    """Calls are made as somebody who has the grants given."""

    def __init__(self, rpc: Rpc, guard: Guard) -> None:
        self.rpc = rpc
        self.guard = guard
        self._made: dict[str, NewKey] = {}

    async def by(self, grant: str) -> tuple[tuple[str, str], ...]:
        if grant not in self._made:
            self._made[grant] = await self.guard.keys.create(grant, (parse_grant(grant),))
        key = self._made[grant]
        pair = b64encode(f"{key.key_id}:{key.key_secret}".encode()).decode()
        return (("authorization", f"Basic {pair}"),)

    async def call(self, method: str, by: str | None, **request: Any) -> Any:
        name, _, its = method.partition("/")
        metadata = () if by is None else await self.by(by)
        return await self.rpc.call(name, its, request, metadata=metadata)

    async def code(self, method: str, by: str | None, **request: Any) -> str:
        try:
            await self.call(method, by, **request)
        except Failed as failed:
            return failed.code
        return "OK"

    async def filled(self, method: str, rule: Rule) -> dict[str, Any]:
        """A request about a fresh execution of orders_eu, its task, or the names they have."""
        started = await self.call("WorkflowService/StartWorkflow", "admin", name="orders_eu")
        workflow_id = started["workflowId"]
        found = await self.call(
            "WorkflowService/GetWorkflowStatus", "admin", workflowId=workflow_id, includeTasks=True
        )
        given = {"workflow": workflow_id, "task": found["tasks"][0]["taskId"], "name": "orders_eu"}
        asked = {} if not rule.field else {rule.field: given[rule.of]}
        if method == "WorkflowService/SkipTaskFromWorkflow":
            asked["task_reference_name"] = "a"
        return asked


class Heard(MemoryJournal):
    """A journal that shows what was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    async def record(self, events: Sequence[Any]) -> bool:
        self.events += events
        return await super().record(events)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    world = World()
    guard = Guard(memory_keys(world.clock), world.clock)
    ports = msgspec.structs.replace(ports_of(world), guard=guard)
    server = await service.start(ports, host="127.0.0.1", port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        gate = Gate(Rpc(channel), guard)
        await register(gate, "orders_eu", by="admin")
        yield gate
    await server.close()


@asynccontextmanager
async def ended(server: service.RpcServer) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await server.close()


async def register(gate: Gate, name: str, *, by: str) -> Any:
    workflow = {"name": name, "version": 1, "schemaVersion": 2, "tasks": [SHIP]}
    return await gate.call("MetadataService/UpdateWorkflows", by, defs=[workflow])


def test_every_method_has_a_row_and_every_row_a_method() -> None:
    methods = {
        f"{name}/{method.name}"
        for name, package in PACKAGES.items()
        for method in Default().FindServiceByName(f"{package}.{name}").methods
    }
    assert set(RULES) == methods


@pytest.mark.parametrize("method", RULES)
async def test_nobody_is_let_in_without_a_credential(gate: Gate, method: str) -> None:
    assert await gate.code(method, None) == "UNAUTHENTICATED"


async def test_a_credential_that_is_none_is_refused(gate: Gate) -> None:
    for metadata in ((("x-authorization", "made up"),), (("authorization", "Basic AA=="),)):
        with pytest.raises(Failed) as failed:
            await gate.rpc.call("TaskService", "Poll", {"taskType": "ship"}, metadata=metadata)
        assert failed.value.code == "UNAUTHENTICATED"


async def test_less_than_the_role_is_refused(gate: Gate) -> None:
    let_in = []
    for method in [*WITH_FIELD, *OF_SERVER]:
        rule = RULES[method]
        asked = await gate.filled(method, rule)
        codes = {
            grant: await gate.code(method, grant, **asked)
            for grant in (BELOW[rule.role], f"{rule.role}:payroll")
        }
        let_in += [(method, by) for by, code in codes.items() if code != "PERMISSION_DENIED"]
    assert let_in == []


async def test_the_role_on_the_name_is_enough(gate: Gate) -> None:
    shut_out = []
    for method in WITH_FIELD:
        rule = RULES[method]
        asked = await gate.filled(method, rule)
        code = await gate.code(method, f"{rule.role}:orders_*", **asked)
        if code in SHUT:
            shut_out.append((method, code))
    assert shut_out == []


async def test_a_start_asks_for_its_name_and_for_more_with_a_definition(gate: Gate) -> None:
    start, mine = "WorkflowService/StartWorkflow", "execute:orders_*"
    assert await gate.code(start, mine, name="orders_eu") == "OK"
    assert await gate.code(start, mine, name="payroll") == "PERMISSION_DENIED"
    inline = {"name": "orders_x", "tasks": []}
    code = await gate.code(start, mine, name="orders_x", workflowDef=inline)
    assert code == "PERMISSION_DENIED"


async def test_a_worker_needs_its_type_only(gate: Gate) -> None:
    worker = "execute:ship"
    await gate.call("WorkflowService/StartWorkflow", "admin", name="orders_eu")
    task = (await gate.call("TaskService/Poll", worker, taskType="ship"))["task"]
    result = {
        "taskId": task["taskId"],
        "workflowInstanceId": task["workflowInstanceId"],
        "status": "COMPLETED",
    }
    other = await gate.code("TaskService/UpdateTask", "execute:pack", result=result)
    assert other == "PERMISSION_DENIED"
    assert await gate.code("TaskService/UpdateTask", worker, result=result) == "OK"
    assert await gate.code("TaskService/Poll", worker, taskType="pack") == "PERMISSION_DENIED"


async def test_definitions_are_for_those_who_administer_their_names(gate: Gate) -> None:
    with pytest.raises(Failed) as failed:
        await register(gate, "payroll", by="admin:orders_*")
    assert failed.value.code == "PERMISSION_DENIED"
    await register(gate, "orders_us", by="admin:orders_*")
    for method, asked in (
        ("CreateWorkflow", {"workflow": {"name": "payroll"}}),
        ("ValidateWorkflow", {"workflow": {"name": "payroll"}}),
        ("CreateTasks", {"defs": [{"name": "payroll"}]}),
        ("UpdateTask", {"task": {"name": "payroll"}}),
    ):
        code = await gate.code(f"MetadataService/{method}", "admin:orders_*", **asked)
        assert (method, code) == (method, "PERMISSION_DENIED")


async def test_lists_show_what_may_be_read(gate: Gate) -> None:
    await gate.call("WorkflowService/StartWorkflow", "admin", name="orders_eu")
    assert await gate.call("TaskService/GetQueueInfo", "read:payroll") == {}
    assert await gate.call("TaskService/GetQueueInfo", "read:ship") == {"queues": {"ship": "1"}}
    handler = {
        "name": "orders_h",
        "event": "conductor:x",
        "actions": [{"startWorkflow": {"name": "orders_eu"}}],
    }
    await gate.call("EventService/AddEventHandler", "admin", handler=handler)
    assert len(await gate.call("EventService/GetEventHandlers", "read:orders_*")) == 1
    assert await gate.call("EventService/GetEventHandlers", "read:payroll") == []


async def test_searches_are_within_what_may_be_read() -> None:
    world = World()
    guard = Guard(memory_keys(world.clock), world.clock)
    ports = msgspec.structs.replace(ports_of(world), guard=guard)
    server = await service.start(ports, host="127.0.0.1", port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        gate = Gate(Rpc(channel), guard)
        for name in sorted(RULES):
            if "Search" in name:
                await gate.call(name, "read:orders_*")
                assert (name, world.search.asked[-1].within) == (name, ("orders_*",))
    await server.close()
    assert len(world.search.asked) == 6


async def test_the_history_names_who_asked(gate: Gate) -> None:
    started = await gate.call("WorkflowService/StartWorkflow", "execute", name="orders_eu")
    found = await gate.call("WorkflowService/Search", "admin", query="workflowType=orders_eu")
    mine = [one for one in found["results"] if one["workflowId"] == started["workflowId"]]
    assert [one["createdBy"] for one in mine] == ["execute"]


async def test_what_is_registered_tells_who_did_it() -> None:
    world = World()
    guard, journal = Guard(memory_keys(world.clock), world.clock), Heard()
    handlers = EventHandlers(journal, world.clock)
    ports = msgspec.structs.replace(ports_of(world), guard=guard, event_handlers=handlers)
    server = await service.start(ports, host="127.0.0.1", port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel, ended(server):
        gate = Gate(Rpc(channel), guard)
        await register(gate, "put", by="admin")
        workflow = {"name": "made", "version": 1, "schemaVersion": 2, "tasks": [SHIP]}
        await gate.call("MetadataService/CreateWorkflow", "admin", workflow=workflow)
        task = {"name": "ship", "backoffScaleFactor": 1, "responseTimeoutSeconds": 9}
        await gate.call("MetadataService/CreateTasks", "admin", defs=[task])
        await gate.call("MetadataService/UpdateTask", "admin", task=task)
        acts = [{"startWorkflow": {"name": "made"}}]
        handler = {"name": "h", "event": "conductor:x", "actions": acts}
        await gate.call("EventService/AddEventHandler", "admin", handler=handler)
        await gate.call("EventService/UpdateEventHandler", "admin", handler=handler)
        await gate.call("EventService/RemoveEventHandler", "admin", name="h")
    made = [await world.definitions.workflow(name) for name in ("put", "made")]
    assert [each and each.created_by for each in made] == ["admin", "admin"]
    ship = await world.definitions.task("ship")
    assert ship is not None
    assert (ship.created_by, ship.updated_by) == ("admin", "admin")
    assert [event.actor for event in journal.events] == ["admin"] * 3
