"""A worker over NATS and a workflow that needs it: retries, typed input, progress, log lines.

firmus up                          # in one terminal
python examples/worker.py          # in another: registers, works, runs one workflow
"""

import argparse
import asyncio
import json
import urllib.request
from typing import Any

import msgspec

from firmus.worker import Client, NonRetryableError, TaskContext, Worker, task

TASK = {"name": "resize_image", "retryCount": 3, "retryLogic": "FIXED", "retryDelaySeconds": 0}
WORKFLOW = {
    "name": "thumbnails",
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": "resize_image",
            "taskReferenceName": "resize",
            "type": "SIMPLE",
            "inputParameters": {"path": "${workflow.input.path}", "width": 120},
        }
    ],
    "outputParameters": {"thumbnail": "${resize.output.path}"},
}


class Image(msgspec.Struct):
    """The task's input, checked before the function is called."""

    path: str
    width: int


@task("resize_image")
async def resize(image: Image, context: TaskContext) -> dict[str, Any]:
    """Fails once, to show a retry. NonRetryableError would fail the workflow at once."""
    if not image.path:
        raise NonRetryableError("an image needs a path")
    if context.retry_count == 0:
        raise OSError("the disk is busy")
    context.log(f"resized {image.path} to {image.width}")
    return {"path": f"{image.path}.{image.width}.jpg"}


def register(rest: str) -> None:
    for method, path, body in (
        ("POST", "/metadata/taskdefs", [TASK]),
        ("PUT", "/metadata/workflow", [WORKFLOW]),
    ):
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{rest}/api{path}",
            method=method,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()  # noqa: S310 - as above


async def main(rest: str, nats_url: str) -> None:
    await asyncio.to_thread(register, rest)
    worker = Worker(nats_url, [resize])
    working = asyncio.create_task(worker.run())
    try:
        async with Client(nats_url) as client, asyncio.timeout(60):
            workflow_id = await client.start("thumbnails", {"path": "cat.png"})
            workflow = await client.wait(workflow_id)
    finally:
        worker.stop()
        await working
    print(f"{workflow.status} after {len(workflow.tasks)} attempts: {workflow.output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rest", default="http://127.0.0.1:8080")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222")
    options = parser.parse_args()
    asyncio.run(main(options.rest, options.nats))
