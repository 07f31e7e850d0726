"""A worker over gRPC as a program: `python -m tests.e2e.rpc_worker ADDRESS TASK_TYPE [hold]`.

It says each task that it has taken. With `hold` it takes tasks and never reports them.
"""

import sys
from typing import Any

import grpc

from firmus.rpc.messages import executions_pb2 as model
from firmus.rpc.messages import task_service_pb2 as pb

SERVICE = "/conductor.grpc.tasks.TaskService"


def main(address: str, task_type: str, hold: bool) -> None:
    with grpc.insecure_channel(address) as channel:
        poll: Any = channel.unary_stream(
            f"{SERVICE}/BatchPoll",
            request_serializer=pb.BatchPollRequest.SerializeToString,
            response_deserializer=model.Task.FromString,
        )
        update: Any = channel.unary_unary(
            f"{SERVICE}/UpdateTask",
            request_serializer=pb.UpdateTaskRequest.SerializeToString,
            response_deserializer=pb.UpdateTaskResponse.FromString,
        )
        asked = pb.BatchPollRequest(task_type=task_type, worker_id="w", count=10, timeout=500)
        while True:
            for task in poll(asked):
                print("took", task.task_id, flush=True)
                if not hold:
                    update(pb.UpdateTaskRequest(result=_done(task)))


def _done(task: model.Task) -> model.TaskResult:
    """Twice the number that the task was given."""
    result = model.TaskResult(
        task_id=task.task_id,
        workflow_instance_id=task.workflow_instance_id,
        status=model.TaskResult.COMPLETED,
        worker_id=task.worker_id,
    )
    result.output_data["n"].number_value = 2 * task.input_data["n"].number_value
    return result


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:] == ["hold"])
