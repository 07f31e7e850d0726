"""Replay a workflow's history from the log: check it, fold it, and show it as it was at any time.

The log alone is read: no service has to run, only the nats-server with the data.

firmus start ...                                     # prints a workflow's id
python examples/audit_replay.py ID                   # --version N: the state after event N
"""

import argparse
import asyncio
from collections.abc import Sequence

from firmus.eventlog.chain import verify
from firmus.worker import Client
from firmus.workflow.evolve import evolve
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Record
from firmus_contracts.events import tag_of


def state_at(records: Sequence[Record], version: int) -> WorkflowState:
    """The workflow as it was after its event `version`. Nothing is evaluated again."""
    state: WorkflowState | None = None
    for record in records:
        commit = record.commit
        for event in commit.events:
            if state is not None and state.version == version:
                return state
            state = evolve(state, event, workflow_id=commit.workflow_id, now_ms=commit.time_ms)
    if state is None:
        raise SystemExit("there is no such workflow")
    return state


async def main(url: str, workflow_id: str, version: int | None) -> None:
    async with Client(url) as client:
        records = await client.history(workflow_id)

    broken = verify(records)
    print("hash chain:", "whole" if broken is None else f"BROKEN at {broken.position}: {broken}")
    for record in records:
        commit = record.commit
        causes = ", ".join(f"{cause.kind} by {cause.actor or '-'}" for cause in commit.causes)
        print(f"{record.digest[:12]}  {causes}")
        for number, event in enumerate(commit.events, commit.first_version):
            print(f"    {number:>4}  {tag_of(event)}")

    state = state_at(records, version or records[-1].commit.last_version)
    print(f"after event {state.version}: {state.status}")
    for row in state.rows():
        print(f"    {row.ref:<20} {row.status}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workflow_id")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222")
    parser.add_argument("--version", type=int, help="of the event after which to look")
    options = parser.parse_args()
    asyncio.run(main(options.nats, options.workflow_id, options.version))
