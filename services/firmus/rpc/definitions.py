"""conductor.grpc.metadata.MetadataService: definitions as registered (spec 8.3)."""

from firmus.edge.registration import Registration
from firmus.rpc.calls import Call
from firmus.rpc.messages import definitions_pb2 as model
from firmus.rpc.messages import metadata_service_pb2 as pb
from firmus.rpc.ports import RpcPorts
from firmus.rpc.reading import bodies_of, body_of
from firmus.rpc.writing import message_of
from firmus.security.grants import ADMIN, require
from firmus_contracts.bodies import (
    decode_task_def,
    decode_task_defs,
    decode_workflow_def,
    decode_workflow_defs,
)
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.errors import Refusal


class Definitions:
    """The methods of the service."""

    def __init__(self, ports: RpcPorts) -> None:
        self._definitions = ports.definitions
        self._registration = Registration(ports.definitions)

    async def create_workflow(
        self, request: pb.CreateWorkflowRequest, call: Call
    ) -> pb.CreateWorkflowResponse:
        definition = await self._checked(request.workflow, call)
        await self._definitions.put_workflow(definition, overwrite=False, actor=call.actor)
        return pb.CreateWorkflowResponse()

    async def validate_workflow(
        self, request: pb.ValidateWorkflowRequest, call: Call
    ) -> pb.ValidateWorkflowResponse:
        """Refuses what registration would; the answer has no place for warnings."""
        await self._checked(request.workflow, call)
        return pb.ValidateWorkflowResponse()

    async def update_workflows(
        self, request: pb.UpdateWorkflowsRequest, call: Call
    ) -> pb.UpdateWorkflowsResponse:
        """Creates and replaces; one bad definition refuses them all."""
        given = decode_workflow_defs(bodies_of(request.defs))
        for definition in given:
            require(call.by, ADMIN, definition.name)
        given = [await self._registration.with_schemas(definition) for definition in given]
        await self._registration.workflows(given)
        for definition in given:
            await self._definitions.put_workflow(definition, overwrite=True, actor=call.actor)
        return pb.UpdateWorkflowsResponse()

    async def get_workflow(
        self, request: pb.GetWorkflowRequest, _call: Call
    ) -> pb.GetWorkflowResponse:
        """Version 0 is the highest."""
        definition = await self._definitions.workflow(request.name, request.version or None)
        if definition is None:
            raise Refusal("NOT_FOUND", f"No such workflow found by name={request.name}")
        return pb.GetWorkflowResponse(workflow=message_of(model.WorkflowDef, definition))

    async def create_tasks(
        self, request: pb.CreateTasksRequest, call: Call
    ) -> pb.CreateTasksResponse:
        """Creates and replaces; one bad definition refuses them all."""
        given = decode_task_defs(bodies_of(request.defs))
        for definition in given:
            require(call.by, ADMIN, definition.name)
        given = [await self._registration.with_schemas(definition) for definition in given]
        self._registration.tasks(given)
        for definition in given:
            await self._definitions.put_task(definition, actor=call.actor)
        return pb.CreateTasksResponse()

    async def update_task(self, request: pb.UpdateTaskRequest, call: Call) -> pb.UpdateTaskResponse:
        definition = decode_task_def(body_of(request.task))
        require(call.by, ADMIN, definition.name)
        definition = await self._registration.with_schemas(definition)
        self._registration.task(definition)
        await self._definitions.put_task(definition, must_exist=True, actor=call.actor)
        return pb.UpdateTaskResponse()

    async def get_task(self, request: pb.GetTaskRequest, _call: Call) -> pb.GetTaskResponse:
        definition = await self._definitions.task(request.task_type)
        if definition is None:
            message = f"No such taskType found by name: {request.task_type}"
            raise Refusal("NOT_FOUND", message)
        return pb.GetTaskResponse(task=message_of(model.TaskDef, definition))

    async def delete_task(self, request: pb.DeleteTaskRequest, call: Call) -> pb.DeleteTaskResponse:
        if not await self._definitions.delete_task(request.task_type, actor=call.actor):
            raise Refusal("NOT_FOUND", "No such task definition")
        return pb.DeleteTaskResponse()

    async def _checked(self, message: model.WorkflowDef, call: Call) -> WorkflowDef:
        given = decode_workflow_def(body_of(message))
        require(call.by, ADMIN, given.name)
        definition = await self._registration.with_schemas(given)
        await self._registration.workflow(definition)
        return definition
