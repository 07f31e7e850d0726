"""CPU of the gateway for each call of the workers' path over gRPC, as `gateway.py` measures REST.

usage: python benchmarks/rpc.py [--n 2000] [--rounds 3] [--profile PHASE [--top 40]]

The messages are made and read outside of the gateway, by Python's grpcio; all calls go over one
connection. `update-v2` has no counterpart here.
"""

import socket

import grpc
from gateway import (
    BATCH,
    LONG_POLL_S,
    LONG_POLLERS,
    WARM_UP,
    Gateway,
    Phase,
    Task,
    phase,
    run,
    total,
)

from firmus.bench.http import Http
from firmus.bench.processes import System, started
from firmus.rpc.messages import executions_pb2 as model
from firmus.rpc.messages import requests_pb2, workflow_service_pb2
from firmus.rpc.messages import task_service_pb2 as pb

_TASKS = "/conductor.grpc.tasks.TaskService"
_WORKFLOWS = "/conductor.grpc.workflows.WorkflowService"


class RpcGateway(Gateway):
    """The same calls over gRPC; what is registered is registered over REST."""

    def __init__(
        self, system: System, http: Http, channel: grpc.aio.Channel, profiled: str
    ) -> None:
        super().__init__(system, http, profiled)
        unary, stream = channel.unary_unary, channel.unary_stream
        self._start = unary(
            f"{_WORKFLOWS}/StartWorkflow",
            response_deserializer=workflow_service_pb2.StartWorkflowResponse.FromString,
        )
        self._poll = unary(f"{_TASKS}/Poll", response_deserializer=pb.PollResponse.FromString)
        self._batch = stream(f"{_TASKS}/BatchPoll", response_deserializer=model.Task.FromString)
        self._check = unary("/grpc.health.v1.Health/Check")
        self._update = unary(
            f"{_TASKS}/UpdateTask", response_deserializer=pb.UpdateTaskResponse.FromString
        )

    async def start(self) -> None:
        request = requests_pb2.StartWorkflowRequest(name=self.kind)
        request.input["x"].number_value = 1
        await self._start(request.SerializeToString())

    async def poll(self) -> None:
        request = pb.PollRequest(task_type=self.kind, worker_id="w").SerializeToString()
        while True:
            found = await self._poll(request)
            if found.HasField("task"):
                break
        self._begun(found.task)

    async def poll_batch(self) -> None:
        left = BATCH
        request = pb.BatchPollRequest(
            task_type=self.kind, worker_id="w", count=BATCH, timeout=100
        ).SerializeToString()
        while left:
            async for task in self._batch(request):
                self._begun(task)
                left -= 1

    async def update(self) -> None:
        task = self.open.pop()
        result = model.TaskResult(
            workflow_instance_id=task.workflow_instance_id,
            task_id=task.task_id,
            status=model.TaskResult.COMPLETED,
            worker_id="w",
        )
        result.output_data["in"].number_value = 1
        result.output_data["text"].string_value = "as a worker has done it"
        await self._update(pb.UpdateTaskRequest(result=result).SerializeToString())

    async def wait_in_vain(self) -> None:
        request = pb.BatchPollRequest(
            task_type=f"{self.kind}_none", worker_id="w", count=1, timeout=100
        )
        async for _ in self._batch(request.SerializeToString()):
            raise AssertionError("there is no such task")

    async def check(self) -> None:
        """A call that does nothing: what grpc itself costs."""
        await self._check(b"")

    def _begun(self, task: model.Task) -> None:
        self.open.append(Task(task.task_id, task.workflow_instance_id))


async def round_of(gateway: Gateway, n: int) -> list[Phase]:
    phases = [
        await phase(gateway, "start", n, gateway.start),
        await phase(gateway, "poll", n, gateway.poll),
        await phase(gateway, "update", n, gateway.update),
    ]
    await phase(gateway, "", n, gateway.start)
    batches = n // BATCH
    phases.append(await phase(gateway, f"poll of {BATCH}", batches, gateway.poll_batch))
    while gateway.open:
        await gateway.update()
    count = round(LONG_POLLERS * LONG_POLL_S * 10)
    phases.append(
        await phase(gateway, "empty long poll", count, gateway.wait_in_vain, lanes=LONG_POLLERS)
    )
    return phases


async def main(n: int, rounds: int, profiled: str) -> int:
    """The gateway's process id."""
    port = _free_port()
    extra = ("--processes", "each", "--grpc-port", str(port))
    async with (
        started("process", *extra) as system,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        http = Http(system.rest, most=LONG_POLLERS)
        ways = {"gRPC": RpcGateway(system, http, channel, profiled), "REST": Gateway(system, http)}
        for each in ways.values():
            await each.define()
            await round_of(each, WARM_UP)
        for number in range(rounds):
            for name, each in ways.items():
                print(f"round {number + 1}, {name}")
                phases = await round_of(each, n)
                if isinstance(each, RpcGateway):
                    phases.append(await phase(each, "a call that does nothing", n, each.check))
                for found in phases:
                    print(found.shown())
                total(phases)
        http.close()
        return system.pids["gateway"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    run(main, __doc__)
