"""What every definitions store does; one class of tests for each implementation inherits it."""

import asyncio

import pytest
from tests.definitions_store.samples import simple, sub_workflow, task, workflow

from firmus_contracts.definitions import SchemaDef
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import Tag

HOSTILE_NAMES = ["a.b.c", "with blank", "*", ">", "grün/žluť", "日本", "-", "%41", "a" * 300]


class DefinitionsContract:
    """Needs the fixtures `definitions` (empty) and `clock`."""

    async def test_a_registered_version_is_read_back_with_its_create_time(self, definitions, clock):
        await definitions.put_workflow(workflow(description="first"), overwrite=False)
        found = await definitions.workflow("order_flow", 1)
        assert found.description == "first"
        assert (found.create_time, found.update_time) == (clock.now_ms(), 0)

    async def test_without_a_version_the_highest_is_meant(self, definitions):
        for version in (2, 10, 9):
            await definitions.put_workflow(workflow(version=version), overwrite=False)
        assert (await definitions.workflow("order_flow")).version == 10

    async def test_an_unknown_definition_is_none(self, definitions):
        await definitions.put_workflow(workflow(), overwrite=False)
        assert await definitions.workflow("order_flow", 7) is None
        assert await definitions.workflow("other") is None
        assert await definitions.task("other") is None
        assert await definitions.pin("other") is None

    async def test_an_existing_version_is_kept_unless_overwritten(self, definitions, clock):
        created = clock.now_ms()
        await definitions.put_workflow(workflow(description="old"), overwrite=False)
        with pytest.raises(
            Refusal, match=r"Workflow with order_flow\.1 already exists!"
        ) as refusal:
            await definitions.put_workflow(workflow(description="new"), overwrite=False)
        assert refusal.value.code == "CONFLICT"
        updated = clock.advance(5)
        await definitions.put_workflow(workflow(description="new"), overwrite=True)
        found = await definitions.workflow("order_flow")
        assert (found.description, found.create_time, found.update_time) == (
            "new",
            created,
            updated,
        )

    async def test_tags_are_kept_by_name_until_its_last_version_goes(self, definitions):
        one, two = Tag(key="team", value="a"), Tag(key="tier", value="1")
        with pytest.raises(Refusal):
            await definitions.retag("workflow", "order_flow", "add", [one])
        await definitions.put_workflow(workflow(), overwrite=False)
        await definitions.put_task(task("pack"))
        await definitions.retag("workflow", "order_flow", "add", [one, two])
        await definitions.retag("workflow", "order_flow", "remove", [two])
        await definitions.retag("task", "pack", "set", [two])
        [kept] = await definitions.tags("workflow", "order_flow")
        assert (kept.key, kept.value) == ("team", "a")
        kept = {(name, tag.key) for name, tag in await definitions.all_tags()}
        assert kept == {("order_flow", "team"), ("pack", "tier")}
        assert await definitions.tagged("workflow", "team", "a") == {"order_flow"}
        assert await definitions.tagged("task", "team") == set()
        before = await definitions.last_change()
        await definitions.delete_workflow("order_flow", 1)
        assert await definitions.last_change() > before
        assert [name for name, _ in await definitions.all_tags()] == ["pack"]

    async def test_deleting_a_version_leaves_the_others(self, definitions):
        for version in (1, 2):
            await definitions.put_workflow(workflow(version=version), overwrite=False)
        assert await definitions.delete_workflow("order_flow", 2)
        assert not await definitions.delete_workflow("order_flow", 2)
        assert (await definitions.workflow("order_flow")).version == 1
        await definitions.put_workflow(workflow(version=2), overwrite=False)
        assert [d.version for d in await definitions.workflows()] == [1, 2]

    async def test_a_task_is_registered_changed_and_deleted(self, definitions, clock):
        created = clock.now_ms()
        await definitions.put_task(task(retryCount=1))
        updated = clock.advance(10)
        await definitions.put_task(task(retryCount=2), must_exist=True)
        found = await definitions.task("pack")
        assert (found.retry_count, found.create_time, found.update_time) == (2, created, updated)
        again = clock.advance(10)
        await definitions.put_task(task(retryCount=3))
        found = await definitions.task("pack")
        assert (found.retry_count, found.create_time, found.update_time) == (3, again, 0)
        assert await definitions.delete_task("pack")
        assert not await definitions.delete_task("pack")
        assert await definitions.task("pack") is None

    async def test_only_a_registered_task_can_be_changed(self, definitions):
        with pytest.raises(Refusal, match="No such task by name pack") as refusal:
            await definitions.put_task(task(), must_exist=True)
        assert refusal.value.code == "NOT_FOUND"

    async def test_a_workflow_and_a_task_may_share_a_name(self, definitions):
        await definitions.put_workflow(workflow("same"), overwrite=False)
        await definitions.put_task(task("same"))
        assert await definitions.delete_task("same")
        assert [d.name for d in await definitions.workflows()] == ["same"]

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    async def test_any_name_can_be_registered(self, definitions, name):
        await definitions.put_workflow(workflow(name), overwrite=False)
        await definitions.put_task(task(name))
        assert (await definitions.workflow(name)).name == name
        assert [d.name for d in await definitions.tasks()] == [name]

    async def test_lists_are_sorted_by_name_and_version(self, definitions):
        for name, version in (("b", 1), ("a", 10), ("a", 9)):
            await definitions.put_workflow(workflow(name, version), overwrite=False)
            await definitions.put_task(task(f"{name}{version}"))
        assert [(d.name, d.version) for d in await definitions.workflows()] == [
            ("a", 9),
            ("a", 10),
            ("b", 1),
        ]
        assert [d.name for d in await definitions.tasks()] == ["a10", "a9", "b1"]

    async def test_of_twenty_who_register_one_version_one_succeeds(self, definitions):
        tries = (
            definitions.put_workflow(workflow(description=str(n)), overwrite=False)
            for n in range(20)
        )
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert results.count(None) == 1
        assert all(isinstance(r, Refusal) and r.code == "CONFLICT" for r in results if r)

    async def test_a_pin_embeds_task_definitions_and_is_found_by_its_hash(self, definitions):
        await definitions.put_task(task("pack", retryCount=7))
        await definitions.put_workflow(workflow(), overwrite=False)
        pinned = await definitions.pin("order_flow")
        assert pinned.blueprint.node("pack").task_def.retry_count == 7
        assert pinned.blueprint.sha256 == pinned.sha256
        found = await definitions.pinned(pinned.sha256)
        assert found.definition == pinned.blueprint.definition

    async def test_a_pin_is_the_same_object_until_something_in_it_changes(self, definitions):
        await definitions.put_workflow(workflow(), overwrite=False)
        first = await definitions.pin("order_flow")
        await definitions.put_task(task("unrelated"))
        assert await definitions.pin("order_flow") is first
        await definitions.put_task(task("pack", retryCount=9))
        second = await definitions.pin("order_flow")
        assert second.sha256 != first.sha256
        assert second.blueprint.node("pack").task_def.retry_count == 9
        assert (await definitions.pinned(first.sha256)).node("pack").task_def.retry_count == 3

    async def test_a_pin_of_the_latest_follows_registrations_and_deletions(self, definitions):
        for version in (1, 2):
            await definitions.put_workflow(workflow(version=version), overwrite=False)
        assert (await definitions.pin("order_flow")).blueprint.definition.version == 2
        await definitions.delete_workflow("order_flow", 2)
        assert (await definitions.pin("order_flow")).blueprint.definition.version == 1
        await definitions.delete_workflow("order_flow", 1)
        assert await definitions.pin("order_flow") is None

    async def test_a_pin_fixes_the_version_of_a_sub_workflow(self, definitions):
        parent = workflow("parent", tasks=[sub_workflow("s", name="child")])
        await definitions.put_workflow(parent, overwrite=False)
        with pytest.raises(Refusal, match="The Task child defined as a sub-workflow has no"):
            await definitions.pin("parent")
        for version in (3, 4):
            await definitions.put_workflow(workflow("child", version), overwrite=False)
            pinned = await definitions.pin("parent")
            params = pinned.blueprint.node("s").task.sub_workflow_param
            assert params.version == version

    async def test_an_inline_definition_is_resolved_but_not_registered(self, definitions):
        await definitions.put_task(task("pack", retryCount=4))
        pinned = await definitions.pin_inline(workflow("inline", tasks=[simple("pack", "p")]))
        assert pinned.blueprint.node("p").task_def.retry_count == 4
        assert await definitions.workflow("inline") is None
        found = await definitions.pinned(pinned.sha256)
        assert found.definition == pinned.blueprint.definition

    async def test_an_unknown_hash_is_a_key_error(self, definitions):
        with pytest.raises(KeyError):
            await definitions.pinned("0" * 64)

    async def test_schemas_have_versions_that_are_replaced_and_deleted(self, definitions, clock):
        created = clock.now_ms()
        for version in (1, 2):
            given = SchemaDef(name="s", version=version, data={"type": "object"})
            await definitions.put_schema("s", given)
        updated = clock.advance(5)
        await definitions.put_schema("s", SchemaDef(name="s", data={"type": "string"}))
        await definitions.put_schema("s", SchemaDef(name="s", data={}), new_version=True)
        first = await definitions.schema("s", 1)
        assert (first.data, first.create_time, first.update_time) == (
            {"type": "string"},
            created,
            updated,
        )
        assert (await definitions.schema("s")).version == 3
        assert await definitions.delete_schemas("s", 2)
        assert [each.version for each in await definitions.schemas()] == [1, 3]
        assert await definitions.delete_schemas("s")
        assert not await definitions.delete_schemas("s")
        assert await definitions.schema("s") is None

    async def test_who_asks_is_who_made_and_who_changed_a_definition(self, definitions):
        given = workflow("flow", createdBy="whoever", updatedBy="whoever")
        await definitions.put_workflow(given, overwrite=True, actor="ann")
        first = await definitions.workflow("flow")
        assert (first.created_by, first.updated_by) == ("ann", None)
        await definitions.put_workflow(given, overwrite=True, actor="bob")
        again = await definitions.workflow("flow")
        assert (again.created_by, again.updated_by) == ("ann", "bob")

    async def test_without_somebody_known_a_definition_says_what_it_was_given(self, definitions):
        await definitions.put_workflow(workflow("flow", createdBy="it says"), overwrite=True)
        assert (await definitions.workflow("flow")).created_by == "it says"

    async def test_tasks_and_schemas_say_who_made_them_too(self, definitions):
        await definitions.put_task(task("t"), actor="ann")
        await definitions.put_task(task("t"), must_exist=True, actor="bob")
        found = await definitions.task("t")
        assert (found.created_by, found.updated_by) == ("ann", "bob")
        schema = SchemaDef(name="s", data={})
        for who in ("ann", "bob"):
            await definitions.put_schema("s", schema, actor=who)
        kept = await definitions.schema("s")
        assert (kept.created_by, kept.updated_by) == ("ann", "bob")
