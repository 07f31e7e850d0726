"""Registering definitions and reading them back."""

from typing import Any

import pytest

from firmus.ports import Unavailable
from firmus_contracts.definitions import WorkflowDef
from tests.gateway.client import Api
from tests.gateway.ports import World

TASKS = [{"name": "a", "taskReferenceName": "a"}]


def definition(name: str = "w", **fields):
    return {"name": name, "tasks": TASKS, **fields}


async def test_a_definition_is_read_back_at_once_with_its_defaults(api: Api):
    stored = await api.post("/metadata/workflow", definition(description="d"))
    found = (await api.get("/metadata/workflow/w")).body

    assert stored[:3] == (200, "", None)
    assert (
        *(found[name] for name in ("description", "version", "schemaVersion", "restartable")),
        found["tasks"][0]["type"],
    ) == ("d", 1, 2, True, "SIMPLE")


async def test_an_existing_version_is_a_conflict_unless_overwritten(api: Api):
    await api.post("/metadata/workflow", definition())

    again = await api.post("/metadata/workflow", definition())
    over = await api.post("/metadata/workflow", definition(description="new"), overwrite="TRUE")

    assert (again.status, again.body["message"]) == (409, "Workflow with w.1 already exists!")
    assert (
        over.status,
        (await api.get("/metadata/workflow/w")).body["description"],
    ) == (200, "new")


async def test_put_stores_a_list_and_names_what_it_stored(api: Api):
    answer = await api.put("/metadata/workflow", [definition(), definition("x", version=5)])
    again = await api.put("/metadata/workflow", [definition(description="changed")])

    assert answer.body == {"bulkErrorResults": {}, "bulkSuccessfulResults": ["w", "x"]}
    assert again.body["bulkSuccessfulResults"] == ["w"]
    assert (await api.get("/metadata/workflow/w")).body["description"] == "changed"


async def test_put_tells_by_name_what_could_not_be_stored(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
):
    put_workflow = world.definitions.put_workflow

    async def full(definition: WorkflowDef, **how: Any) -> None:
        if definition.name != "w":
            raise Unavailable("the stream is full")
        await put_workflow(definition, **how)

    monkeypatch.setattr(world.definitions, "put_workflow", full)
    answer = await api.put("/metadata/workflow", [definition(), definition("x")])

    assert answer.body["bulkErrorResults"] == {"x": "the stream is full"}
    assert answer.body["bulkSuccessfulResults"] == ["w"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([definition(), definition("x", tasks=[])], "WorkflowTask list cannot be empty"),
        ([], "WorkflowDefList is empty"),
    ],
)
async def test_one_bad_definition_refuses_the_whole_list(api: Api, given, message):
    answer = await api.put("/metadata/workflow", given)

    assert (400, message) == (answer.status, answer.body["validationErrors"][0]["message"])
    assert (await api.get("/metadata/workflow")).body == []


async def test_what_firmus_cannot_run_is_refused_by_name(api: Api):
    task = {"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "sqs:queue"}

    answer = await api.post("/metadata/workflow", definition(tasks=[task]))

    assert (answer.status, answer.body["code"]) == (400, "UNSUPPORTED")
    assert "tasks[0].sink" in answer.body["message"]


async def test_validate_checks_and_stores_nothing(api: Api):
    good = await api.post("/metadata/workflow/validate", definition())
    bad = await api.post("/metadata/workflow/validate", definition(tasks=[]))

    assert (good.status, bad.status) == (200, 400)
    assert (await api.get("/metadata/workflow/w")).status == 404


async def test_versions_are_found_by_number_and_the_highest_without_one(api: Api):
    for version in (1, 10, 2):
        await api.post("/metadata/workflow", definition(version=version))

    assert [
        (await api.get("/metadata/workflow/w", **query)).body["version"]
        for query in ({}, {"version": 2})
    ] == [10, 2]
    missing = [
        (await api.get("/metadata/workflow/w", version=3)).body["message"],
        (await api.get("/metadata/workflow/nope")).body["message"],
    ]
    assert missing == [
        "No such workflow found by name: w, version: 3",
        "No such workflow found by name: nope, version: null",
    ]


async def test_the_listings(api: Api):
    for name, version in (("x", 7), ("w", 2), ("w", 1)):
        await api.post("/metadata/workflow", definition(name, version=version))

    def keys(found):
        return [(each["name"], each["version"]) for each in found]

    base = "/metadata/workflow"
    assert sorted(keys((await api.get(base)).body)) == [("w", 1), ("w", 2), ("x", 7)]
    assert keys((await api.get(f"{base}/latest-versions")).body) == [("w", 2), ("x", 7)]
    assert (await api.get(f"{base}/names")).body == ["w", "x"]
    assert keys((await api.get(f"{base}/w/versions")).body) == [("w", 1), ("w", 2)]
    assert (await api.get(f"{base}/nope/versions")).body == []
    by_name = (await api.get(f"{base}/names-and-versions")).body
    assert {n: keys(v) for n, v in by_name.items()} == {"w": [("w", 1), ("w", 2)], "x": [("x", 7)]}


async def test_the_list_can_be_narrowed_by_classifier(api: Api):
    for name, metadata in (("plain", {}), ("batch", {"classifier": "batch"})):
        await api.post("/metadata/workflow", definition(name, metadata=metadata))

    for classifier, name in (("workflow", "plain"), ("batch", "batch")):
        found = (await api.get("/metadata/workflow", classifier=classifier)).body
        assert [name] == [each["name"] for each in found]


async def test_delete_removes_one_version(api: Api):
    for version in (1, 2, 3):
        await api.post("/metadata/workflow", definition(version=version))

    first = await api.delete("/metadata/workflow/w/2")
    again = await api.delete("/metadata/workflow/w/2")
    latest = await api.delete("/metadata/workflow/w")
    by_query = await api.delete("/metadata/workflow/w", version=1)
    nothing = await api.delete("/metadata/workflow/w")
    bad = await api.delete("/metadata/workflow/w/one")

    assert [a.status for a in (first, again, latest, by_query, nothing, bad)] == [
        200,
        404,
        204,
        204,
        404,
        400,
    ]
    assert again.body["message"] == "No such workflow definition: w version: 2"


async def test_task_definitions_are_stored_replaced_and_deleted(api: Api):
    stored = await api.post("/metadata/taskdefs", [{"name": "t"}, {"name": "u"}])
    changed = await api.put("/metadata/taskdefs", {"name": "t", "retryCount": 7})
    found = (await api.get("/metadata/taskdefs/t")).body
    listed = (await api.get("/metadata/taskdefs")).body
    deleted = await api.delete("/metadata/taskdefs/t")

    assert [(a.status, a.body) for a in (stored, changed, deleted)] == [(200, "")] * 3
    assert (found["retryCount"], found["responseTimeoutSeconds"]) == (7, 3600)
    assert [each["name"] for each in listed] == ["t", "u"]


async def test_missing_task_definitions_are_404_each_with_its_text(api: Api):
    answers = [
        await api.get("/metadata/taskdefs/t"),
        await api.put("/metadata/taskdefs", {"name": "t"}),
        await api.delete("/metadata/taskdefs/t"),
    ]

    assert [answer.status for answer in answers] == [404] * 3
    assert [answer.body["message"] for answer in answers] == [
        "No such taskType found by name: t",
        "No such task by name t",
        "No such task definition",
    ]


async def test_one_bad_task_definition_refuses_them_all(api: Api):
    answer = await api.post("/metadata/taskdefs", [{"name": "t"}, {"name": ""}])

    assert answer.status == 400
    assert (await api.get("/metadata/taskdefs/t")).status == 404
