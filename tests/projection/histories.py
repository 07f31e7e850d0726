"""Histories written by hand: commits of workflows, appended to a log as a decider would."""

from typing import Any

import msgspec

from firmus.eventlog.port import EventLog
from firmus.workflow.blueprint import Blueprint
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.envelope import Cause, Commit

T0 = 1_700_000_000_000


class History:
    """One workflow; `now_ms` is the time of the next commit."""

    def __init__(self, log: EventLog, number: int = 1, *, name: str = "flow") -> None:
        self.workflow_id = ids.mint_workflow_id(T0, number)
        self.name = name
        self.now_ms = T0
        self.version = 0
        self.position = 0
        self.digest = ""
        self._log = log

    async def commit(self, *events: ev.WorkflowEvent, **more: Any) -> Commit:
        number = self.version + 1
        causes = (Cause(command_id=f"c{number}", kind="test", actor="tester"),)
        commit = Commit(
            commit_id=f"{self.workflow_id}-{number}",
            workflow_id=self.workflow_id,
            first_version=number,
            time_ms=self.now_ms,
            events=events,
            previous=self.digest,
            **{"causes": causes, **more},
        )
        appended = await self._log.append(commit, expected=self.position)
        self.position, self.digest = appended.position, appended.digest
        self.version = commit.last_version
        return commit

    async def start(self, input: dict[str, Any] | None = None, **more: Any) -> None:
        await self.commit(started(self.name, input or {}, **more))

    async def run_task(self, ref: str, ordinal: int, output: dict[str, Any] | None = None) -> None:
        self.now_ms += 10
        await self.commit(scheduled(ref, ordinal))
        self.now_ms += 5
        await self.commit(ev.TaskBegun(ordinal=ordinal, worker_id="w"))
        self.now_ms += 20
        await self.commit(ev.TaskCompleted(ordinal=ordinal, output=output or {}))

    async def complete(self, output: dict[str, Any] | None = None) -> None:
        self.now_ms += 1
        await self.commit(ev.WorkflowCompleted(output=output or {}))


def started(name: str = "flow", input: dict[str, Any] | None = None, **more: Any) -> Any:
    return ev.WorkflowStarted(
        name=name, definition_version=1, definition_hash=name, input=input or {}, **more
    )


def scheduled(ref: str, ordinal: int, **more: Any) -> ev.TaskScheduled:
    return ev.TaskScheduled(
        ordinal=ordinal, seq=ordinal, ref=ref, task_type=ref, task_def_name=ref, queued=True, **more
    )


async def finished(log: EventLog, number: int, *, name: str = "flow", **start: Any) -> History:
    """A workflow of one task that ran to its end: 5 commits, 5 public events."""
    history = History(log, number, name=name)
    await history.start({"n": number}, **start)
    await history.run_task("a", 1, {"y": number})
    await history.complete({"y": number})
    return history


EVENTS_OF_FINISHED = 5


class Unregistered:
    """Registered definitions where there are none."""

    async def workflow(self, _name: str, _version: int | None = None) -> WorkflowDef | None:
        return None

    async def workflows(self) -> list[WorkflowDef]:
        return []

    async def last_change(self) -> int:
        return 0


class Definitions(Unregistered):
    """Pinned definitions by hash, which is their name here; `agents` have metadata."""

    async def pinned(self, sha256: str) -> Blueprint:
        metadata = {"classifier": sha256} if sha256.startswith("class") else {}
        if sha256 == "lost":
            raise KeyError(sha256)
        return Blueprint(WorkflowDef(name=sha256, metadata=metadata), sha256)


def unreadable_commit(workflow_id: str, first_version: int) -> bytes:
    """Stored bytes as a later build may write them: an event that this one does not know."""
    return msgspec.json.encode(
        {
            "commitId": "later",
            "workflowId": workflow_id,
            "firstVersion": first_version,
            "timeMs": T0,
            "events": [{"type": "workflow.teleported"}],
        }
    )
