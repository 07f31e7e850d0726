"""Definitions over REST: what was registered, as it was registered (spec 8.3)."""

from collections import defaultdict

from firmus.edge.registration import Definition, Registration
from firmus.gateway import answers
from firmus.gateway.bulk import collect
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    actor_of,
    flag,
    json_body,
    may_read,
    optional_integer,
    text,
    whole_number,
)
from firmus.gateway.tags import carrying
from firmus.security.grants import ADMIN, require
from firmus_contracts.bodies import (
    decode_task_def,
    decode_task_defs,
    decode_workflow_def,
    decode_workflow_defs,
)
from firmus_contracts.definitions import WorkflowDef, WorkflowDefSummary, classifier_of
from firmus_contracts.errors import Refusal


class WorkflowDefinitions:
    """Handlers of `/api/metadata/workflow`."""

    def __init__(self, ports: GatewayPorts, registration: Registration) -> None:
        self._definitions = ports.definitions
        self._registration = registration

    async def register(self, req: Request, resp: Response) -> None:
        overwrite = flag(req, "overwrite", default=False)
        definition = decode_workflow_def(await json_body(req))
        require(req.principal, ADMIN, definition.name)
        definition = await self._registration.with_schemas(definition)
        await self._registration.workflow(definition)
        await self._definitions.put_workflow(definition, overwrite=overwrite, actor=actor_of(req))
        answers.empty(resp)

    async def validate(self, req: Request, resp: Response) -> None:
        """Refuses what registration would; otherwise warnings, or no body when there are none."""
        definition = decode_workflow_def(await json_body(req))
        require(req.principal, ADMIN, definition.name)
        definition = await self._registration.with_schemas(definition)
        await self._registration.workflow(definition)
        warnings = await self._registration.warnings(definition)
        if warnings:
            answers.json(resp, {"warnings": warnings})
        else:
            answers.empty(resp)

    async def put_all(self, req: Request, resp: Response) -> None:
        """Creates and replaces; one bad definition refuses them all."""
        given = [
            await self._registration.with_schemas(definition)
            for definition in _owned(req, decode_workflow_defs(await json_body(req)))
        ]
        await self._registration.workflows(given)

        async def put(definition: WorkflowDef) -> str:
            await self._definitions.put_workflow(definition, overwrite=True, actor=actor_of(req))
            return definition.name

        answers.json(resp, await collect(given, put, lambda definition: definition.name))

    async def get(self, req: Request, resp: Response, key: str) -> None:
        version = optional_integer(req, "version")
        definition = await self._definitions.workflow(key, version)
        if definition is None:
            shown = "null" if version is None else version
            raise Refusal("NOT_FOUND", f"No such workflow found by name: {key}, version: {shown}")
        answers.json(resp, definition)

    async def all(self, req: Request, resp: Response) -> None:
        wanted = text(req, "classifier")
        found = await self._readable(req)
        if wanted:
            found = [definition for definition in found if classifier_of(definition) == wanted]
        answers.json(resp, await carrying(req, self._definitions, "workflow", found))

    async def latest_versions(self, req: Request, resp: Response) -> None:
        answers.json(resp, [versions[-1] for versions in (await self._by_name(req)).values()])

    async def names(self, req: Request, resp: Response) -> None:
        answers.json(resp, list(await self._by_name(req)))

    async def names_and_versions(self, req: Request, resp: Response) -> None:
        by_name = await self._by_name(req)
        answers.json(resp, {name: list(map(_summary, by_name[name])) for name in by_name})

    async def versions(self, req: Request, resp: Response, key: str) -> None:
        answers.json(resp, list(map(_summary, (await self._by_name(req)).get(key, []))))

    async def delete(self, req: Request, resp: Response, key: str, version: str) -> None:
        number, actor = whole_number("version", version), actor_of(req)
        if not await self._definitions.delete_workflow(key, number, actor=actor):
            raise Refusal("NOT_FOUND", f"No such workflow definition: {key} version: {version}")
        answers.empty(resp)

    async def delete_by_query(self, req: Request, resp: Response, key: str) -> None:
        """The published contract's form: the version in the query, else the latest; 204."""
        version = optional_integer(req, "version")
        if version is None:
            latest = await self._definitions.workflow(key)
            version = None if latest is None else latest.version
        if version is None or not await self._definitions.delete_workflow(
            key, version, actor=actor_of(req)
        ):
            shown = "null" if version is None else version
            raise Refusal("NOT_FOUND", f"No such workflow definition: {key} version: {shown}")
        answers.empty(resp, 204)

    async def _readable(self, req: Request) -> list[WorkflowDef]:
        found = await self._definitions.workflows()
        return [definition for definition in found if may_read(req, definition.name)]

    async def _by_name(self, req: Request) -> dict[str, list[WorkflowDef]]:
        """All versions, ascending, of each name, in the order of names."""
        by_name: defaultdict[str, list[WorkflowDef]] = defaultdict(list)
        for definition in await self._readable(req):
            by_name[definition.name].append(definition)
        return {
            name: sorted(by_name[name], key=lambda definition: definition.version)
            for name in sorted(by_name)
        }


class TaskDefinitions:
    """Handlers of `/api/metadata/taskdefs`."""

    def __init__(self, ports: GatewayPorts, registration: Registration) -> None:
        self._definitions = ports.definitions
        self._registration = registration

    async def register(self, req: Request, resp: Response) -> None:
        """Creates and replaces; one bad definition refuses them all."""
        given = [
            await self._registration.with_schemas(definition)
            for definition in _owned(req, decode_task_defs(await json_body(req)))
        ]
        self._registration.tasks(given)
        for definition in given:
            await self._definitions.put_task(definition, actor=actor_of(req))
        answers.empty(resp)

    async def update(self, req: Request, resp: Response) -> None:
        definition = decode_task_def(await json_body(req))
        require(req.principal, ADMIN, definition.name)
        definition = await self._registration.with_schemas(definition)
        self._registration.task(definition)
        await self._definitions.put_task(definition, must_exist=True, actor=actor_of(req))
        answers.empty(resp)

    async def all(self, req: Request, resp: Response) -> None:
        found = await self._definitions.tasks()
        found = [task for task in found if may_read(req, task.name)]
        answers.json(resp, await carrying(req, self._definitions, "task", found))

    async def get(self, _req: Request, resp: Response, key: str) -> None:
        definition = await self._definitions.task(key)
        if definition is None:
            raise Refusal("NOT_FOUND", f"No such taskType found by name: {key}")
        answers.json(resp, definition)

    async def delete(self, req: Request, resp: Response, key: str) -> None:
        if not await self._definitions.delete_task(key, actor=actor_of(req)):
            raise Refusal("NOT_FOUND", "No such task definition")
        answers.empty(resp)


def _owned(req: Request, definitions: list[Definition]) -> list[Definition]:
    """The definitions themselves. Raises Refusal FORBIDDEN unless all may be written."""
    for definition in definitions:
        require(req.principal, ADMIN, definition.name)
    return definitions


def _summary(definition: WorkflowDef) -> WorkflowDefSummary:
    return WorkflowDefSummary(
        name=definition.name,
        version=definition.version,
        create_time=definition.create_time,
        update_time=definition.update_time,
    )
