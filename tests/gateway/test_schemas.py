"""Schemas registered by name, and definitions that enforce them by name."""

from typing import Any

import pytest

from tests.gateway.client import Api

ORDER = {"type": "object", "required": ["item"]}
PRICED = {"type": "object", "required": ["cents"]}


def schema(name: str = "order", **fields: Any) -> dict[str, Any]:
    return {"name": name, "version": 1, "type": "JSON", "data": ORDER, **fields}


async def test_schemas_are_registered_replaced_read_and_deleted(api: Api):
    assert (await api.post("/schema", schema())).status == 200
    assert (await api.post("/schema", [schema(version=3), schema("a")])).status == 200
    await api.post("/schema", schema(data=PRICED))
    await api.post("/schema", schema(), newVersion=True)

    listed = [(each["name"], each["version"]) for each in (await api.get("/schema")).body]
    assert listed == [("a", 1), ("order", 1), ("order", 3), ("order", 4)]
    assert (await api.get("/schema/order/1")).body["data"] == PRICED
    assert (await api.get("/schema/order")).body["version"] == 4

    assert (await api.delete("/schema/order/3")).status == 200
    assert (await api.delete("/schema/order/3")).status == 404
    assert (await api.get("/schema/order/3")).status == 404
    assert (await api.delete("/schema/order")).status == 200
    assert (await api.delete("/schema/order")).status == 404
    assert [each["name"] for each in (await api.get("/schema")).body] == ["a"]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"name": " "}, "name"),
        ({"version": 0}, "version"),
        ({"type": "AVRO"}, "type"),
        ({"externalRef": "s3://x"}, "externalRef"),
        ({"data": None}, "data"),
        ({"data": {"type": 7}}, "data"),
    ],
)
async def test_what_could_not_be_enforced_is_not_registered(api: Api, wrong, path: str):
    refused = await api.post("/schema", [schema("good"), schema(**wrong)])

    assert refused.status == 400
    assert [fault["path"] for fault in refused.body["validationErrors"]] == [path]
    assert (await api.get("/schema")).body == []


async def test_a_workflow_enforces_a_schema_by_name_as_it_was(api: Api):
    await api.post("/schema", schema())
    await api.register("w", "a", inputSchema={"name": "order"})
    await api.post("/schema", schema(data=PRICED))

    refused = await api.post("/workflow", {"name": "w", "input": {"cents": 1}})

    assert (await api.get("/metadata/workflow/w")).body["inputSchema"]["data"] == ORDER
    assert (refused.status, refused.body["validationErrors"][0]["path"]) == (400, "input")
    await api.start("w", {"item": "tea"})


async def test_a_task_definition_takes_the_highest_version(api: Api):
    await api.post("/schema", [schema(), schema(version=2, data=PRICED)])
    given = {"name": "t", "enforceSchema": True, "outputSchema": {"name": "order", "version": 0}}

    assert (await api.post("/metadata/taskdefs", [given])).status == 200
    assert (await api.get("/metadata/taskdefs/t")).body["outputSchema"]["data"] == PRICED


async def test_an_unknown_name_is_refused_where_it_would_be_enforced(api: Api):
    task = {"name": "a", "taskReferenceName": "a"}
    workflow = {"name": "w", "tasks": [task], "inputSchema": {"name": "nobody"}}

    refused = await api.post("/metadata/workflow", workflow)
    kept = await api.post("/metadata/workflow", {**workflow, "enforceSchema": False})

    assert (refused.status, kept.status) == (400, 200)
    assert (await api.get("/metadata/workflow/w")).body["inputSchema"].get("data") is None
