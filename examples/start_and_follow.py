"""Publish a start event and follow the workflow's public events until it ends.

Plain NATS: nothing of firmus is needed to start workflows and to hear what becomes of them.

firmus up                                     # in one terminal
python examples/start_and_follow.py           # in another
"""

import argparse
import asyncio
import json
import urllib.request
import uuid

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

NAME = "hello_events"
DEFINITION = {
    "name": NAME,
    "version": 1,
    "schemaVersion": 2,
    "tasks": [
        {
            "name": "greet",
            "taskReferenceName": "greet",
            "type": "INLINE",
            "inputParameters": {
                "evaluatorType": "javascript",
                "who": "${workflow.input.who}",
                "expression": "'hello ' + $.who",
            },
        }
    ],
    "outputParameters": {"greeting": "${greet.output.result}"},
}
ENDS = {"completed", "failed", "timed_out", "terminated"}


def register(rest: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{rest}/api/metadata/workflow",
        method="PUT",
        data=json.dumps([DEFINITION]).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()  # noqa: S310 - as above


async def main(rest: str, url: str, who: str) -> None:
    await asyncio.to_thread(register, rest)
    connection = await nats.connect(url)
    jetstream = connection.jetstream()
    # EVENTS keeps seven days: begin with what is new here, or with `by_start_sequence` where a
    # subscriber left off. One consumer for both scopes hears them in the order of the log.
    events = await jetstream.pull_subscribe(
        "",
        stream="EVENTS",
        config=ConsumerConfig(
            filter_subjects=[f"workflow.*.{NAME}.*", f"task.*.{NAME}.*.*"],
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.NONE,
        ),
    )

    # Once published the start is durable, whether firmus runs at the moment or not. The message
    # id makes publishing it twice harmless.
    correlation = uuid.uuid4().hex
    start = {"input": {"who": who}, "correlationId": correlation}
    await jetstream.publish(
        f"firmus.start.{NAME}", json.dumps(start).encode(), headers={"Nats-Msg-Id": correlation}
    )

    async with asyncio.timeout(60):
        await follow(events, correlation)
    await connection.close()


async def follow(events: JetStreamContext.PullSubscription, correlation: str) -> None:
    while True:
        for message in await events.fetch(100, timeout=60):
            event = json.loads(message.data)
            if event.get("correlationId") != correlation:
                continue
            scope, transition, *_ = message.subject.split(".")
            print(f"{scope}.{transition} {event.get('referenceTaskName', '')}".rstrip())
            if scope == "workflow" and transition in ENDS:
                print(json.dumps(event["output"]))
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rest", default="http://127.0.0.1:8080")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222")
    parser.add_argument("--who", default="world")
    options = parser.parse_args()
    asyncio.run(main(options.rest, options.nats, options.who))
