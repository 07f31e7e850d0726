"""conductor.grpc.tasks.TaskService: polling, reporting, reading, logs, queues (spec 8.5, 9)."""

import asyncio

import msgspec
import structlog

from firmus.edge.asking import submit
from firmus.edge.permits import require_task
from firmus.edge.polling import Polls, Queue
from firmus.edge.queues import SHARD, held, name_of
from firmus.edge.stored import Stored
from firmus.edge.tasks import lines_of, reported_ids, row_of, update_command
from firmus.edge.views import Views
from firmus.ports import QueueSize
from firmus.returning import Returns
from firmus.rpc.calls import Call, Send
from firmus.rpc.messages import executions_pb2 as model
from firmus.rpc.messages import search_pb2
from firmus.rpc.messages import task_service_pb2 as pb
from firmus.rpc.ports import RpcPorts
from firmus.rpc.reading import body_of
from firmus.rpc.searching import Searches
from firmus.rpc.writing import message_of
from firmus.security.grants import EXECUTE
from firmus_contracts import ids
from firmus_contracts.bodies import decode_task_result
from firmus_contracts.commands import LogTask
from firmus_contracts.errors import Refusal, no_task
from firmus_contracts.executions import Task

POLL_TIMEOUT_MS = 100
POLL_TIMEOUT_MS_MAX = 5000
COUNT_MAX = 1000
_TASK = msgspec.json.Decoder(Task)
_log = structlog.get_logger(__name__)


class Tasks:
    """The methods of the service."""

    def __init__(self, ports: RpcPorts) -> None:
        self._decider = ports.decider
        self._queues = ports.queues
        self._polls = Polls(ports.queues, ports.clock, ports.polls)
        self._views = Views(ports.definitions, ports.clock)
        self._stored = Stored(ports.decider, ports.payloads)
        self._searches = Searches(ports)
        self._returns = Returns(ports.decider)
        self._waiting: set[asyncio.Task[object]] = set()
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Ends the polls that wait with nothing, and those to come."""
        self._closing.set()
        for task in self._waiting:
            task.cancel()

    async def finish(self) -> None:
        """Waits until what was left behind is offered again."""
        await self._returns.finish()

    async def poll(self, request: pb.PollRequest, _call: Call) -> pb.PollResponse:
        """An answer without a task when there is none; there Conductor breaks the call off."""
        queue = _queue(request.task_type, request.domain)
        tasks = await self._take(queue, request.worker_id, 1, POLL_TIMEOUT_MS)
        return pb.PollResponse(task=_begun(tasks[0])) if tasks else pb.PollResponse()

    async def batch_poll(self, request: pb.BatchPollRequest, _call: Call, send: Send) -> None:
        """Tasks that a client leaves behind go to the next poll, wherever that comes."""
        timeout_ms = request.timeout or POLL_TIMEOUT_MS
        if timeout_ms > POLL_TIMEOUT_MS_MAX:
            message = f"longpoll timeout cannot be longer than {POLL_TIMEOUT_MS_MAX}ms"
            raise Refusal("INVALID", message)
        queue = _queue(request.task_type, request.domain)
        count = min(request.count or 1, COUNT_MAX)
        found = await self._take(queue, request.worker_id, count, max(timeout_ms, 0))
        tasks = _begun_all(found)
        sent = 0
        try:
            for _, shown in tasks:
                await send(shown)
                sent += 1
        finally:
            self._returns.give_back(task for task, _ in tasks[sent:])

    async def update_task(self, request: pb.UpdateTaskRequest, call: Call) -> pb.UpdateTaskResponse:
        result = decode_task_result(body_of(request.result))
        _, task_id = reported_ids(result)
        queue = self._polls.queue_of(task_id)
        task_type = None if queue is None else queue.task_type
        await require_task(call.by, EXECUTE, self._decider, task_id, task_type)
        if result.external_output_payload_storage_path:
            output = await self._stored.output_of(result, by=call.by)
            result = msgspec.structs.replace(result, output_data=output)
        await submit(self._decider, update_command(result, call.said("update", task_id)))
        self._polls.forget(task_id)
        return pb.UpdateTaskResponse(task_id=task_id)

    async def add_log(self, request: pb.AddLogRequest, call: Call) -> pb.AddLogResponse:
        task_id = request.task_id
        if not ids.is_task_id(task_id):
            raise Refusal("NOT_FOUND", no_task(task_id))
        said = call.said("log", task_id)
        command = LogTask(
            command_id=said.command_id,
            workflow_id=ids.workflow_of(task_id),
            trace=said.trace,
            actor=said.actor,
            task_id=task_id,
            lines=(request.log,),
        )
        await submit(self._decider, command)
        return pb.AddLogResponse()

    async def get_task_logs(
        self, request: pb.GetTaskLogsRequest, _call: Call
    ) -> pb.GetTaskLogsResponse:
        lines = await lines_of(self._decider, request.task_id)
        return pb.GetTaskLogsResponse(logs=[message_of(model.TaskExecLog, line) for line in lines])

    async def get_task(self, request: pb.GetTaskRequest, _call: Call) -> pb.GetTaskResponse:
        try:
            state, row = await row_of(self._decider, request.task_id)
        except Refusal as refused:
            message = f"No such task found by id={request.task_id}"
            raise Refusal(refused.code, message) from refused
        task = message_of(model.Task, await self._views.task(state, row))
        return pb.GetTaskResponse(task=task)

    async def get_queue_sizes_for_tasks(
        self, request: pb.QueueSizesRequest, call: Call
    ) -> pb.QueueSizesResponse:
        """Of the types asked for; a type without a queue has 0."""
        waiting = {name_of(size): size.waiting for size in await self._sizes(call)}
        return pb.QueueSizesResponse(
            queue_for_task={wanted: waiting.get(wanted, 0) for wanted in request.task_types}
        )

    async def get_queue_info(
        self, _request: pb.QueueInfoRequest, call: Call
    ) -> pb.QueueInfoResponse:
        sizes = held(await self._sizes(call))
        return pb.QueueInfoResponse(queues={name_of(size): size.waiting for size in sizes})

    async def get_queue_all_info(
        self, _request: pb.QueueAllInfoRequest, call: Call
    ) -> pb.QueueAllInfoResponse:
        shard, info = pb.QueueAllInfoResponse.ShardInfo, pb.QueueAllInfoResponse.QueueInfo
        return pb.QueueAllInfoResponse(
            queues={
                name_of(size): info(shards={SHARD: shard(size=size.waiting, uacked=size.handing)})
                for size in held(await self._sizes(call))
            }
        )

    async def search(self, request: search_pb2.Request, call: Call) -> pb.TaskSummarySearchResult:
        page = await self._searches.page("tasks", request, call)
        found = [message_of(model.TaskSummary, msgspec.json.decode(hit)) for hit in page.results]
        return pb.TaskSummarySearchResult(total_hits=page.total_hits, results=found)

    async def search_v2(self, request: search_pb2.Request, call: Call) -> pb.TaskSearchResult:
        total, tasks = await self._searches.tasks(request, call)
        return pb.TaskSearchResult(
            total_hits=total, results=[message_of(model.Task, task) for task in tasks]
        )

    async def _sizes(self, call: Call) -> list[QueueSize]:
        return [size for size in await self._queues.sizes() if call.may_read(size.task_type)]

    async def _take(
        self, queue: Queue, worker_id: str, count: int, timeout_ms: int
    ) -> list[msgspec.Raw]:
        """Begun tasks; none when this server stops meanwhile. A client that leaves cancels it, and
        nothing more is begun.
        """
        waiting = asyncio.current_task()
        assert waiting is not None
        if self._closing.is_set():
            return []
        self._waiting.add(waiting)
        try:
            return await self._polls.take(
                queue, worker_id=worker_id, count=count, timeout_s=timeout_ms / 1000
            )
        except asyncio.CancelledError:
            if not self._closing.is_set():
                raise
            waiting.uncancel()
            return []
        finally:
            self._waiting.discard(waiting)


def _queue(task_type: str, domain: str) -> Queue:
    if not task_type:
        raise Refusal("INVALID", "TaskType cannot be null or empty.")
    return Queue(task_type, domain or None)


def _begun(task: msgspec.Raw) -> model.Task:
    return message_of(model.Task, _TASK.decode(task))


def _begun_all(tasks: list[msgspec.Raw]) -> list[tuple[msgspec.Raw, model.Task]]:
    """Tasks with their messages. One that this wire cannot show does not keep the others back: it
    is left to its response timeout. Raises Refusal when there is no other.
    """
    shown = []
    trouble: Refusal | None = None
    for task in tasks:
        try:
            shown.append((task, _begun(task)))
        except Refusal as refused:
            trouble = refused
            _log.warning("task_not_shown", task=_TASK.decode(task).task_id, why=refused.message)
    if trouble is not None and not shown:
        raise trouble
    return shown
