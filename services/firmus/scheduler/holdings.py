"""What one scheduler knows of its shards: queues, timers, children, what is owed to others."""

from collections.abc import Iterable

from firmus.scheduler.children import Effect
from firmus.scheduler.gates import Count, Gates, counted
from firmus.scheduler.lines import Lines
from firmus.scheduler.queues import Queues
from firmus.scheduler.rows import Flow, Row, Shard, Timed, WorkflowId
from firmus.scheduler.timeline import Timeline
from firmus_contracts import events as ev
from firmus_contracts import ids


class Holdings:
    """`owed` are effects by command id, in the order of their making, `fresh` those not yet looked
    at by the service; `halts` problems not yet reported. `read_to` is the position up to which the
    log was read, commits of foreign shards included.
    """

    def __init__(self, shard_count: int, owned: Iterable[int]) -> None:
        self._shard_count = shard_count
        self.shards = {number: Shard() for number in owned}
        self.gates = Gates(self._count)
        self.queues = Queues(self.gates)
        self.children = Queues(self.gates)
        self.lines = Lines(shard_count)
        self.timeline = Timeline(self.deadline_ms)
        self.owed: dict[str, Effect] = {}
        self.fresh: list[Effect] = []
        self.halts: list[str] = []
        self.commits = 0
        self.events = 0
        self.read_to = 0
        self._timeouts: dict[ev.Timeouts, ev.Timeouts] = {}

    def shard_of(self, workflow_id: WorkflowId) -> Shard | None:
        """The shard of a workflow or task id; None when another scheduler has it."""
        return self.shards.get(ids.shard_of(workflow_id, self._shard_count))

    def row(self, task_id: str) -> Row | None:
        """An open task of ours."""
        shard = self.shard_of(task_id)
        flow = shard.flows.get(ids.workflow_of(task_id)) if shard else None
        return flow.rows.get(ids.ordinal_of(task_id)) if flow else None

    def knows_over(self, workflow_id: WorkflowId) -> bool:
        """Whether a workflow is ours and not open: it ended, or never began."""
        shard = self.shard_of(workflow_id)
        return shard is not None and workflow_id not in shard.flows

    def deadline_ms(self, item: Timed) -> int:
        """What counts now; in a paused workflow only its own timeout and the end of a WAIT do."""
        if isinstance(item, Row) and item.timeouts is not None:
            shard = self.shard_of(item.workflow_id)
            flow = shard.flows.get(item.workflow_id) if shard else None
            if flow is None or flow.paused:
                return item.waits_ms
        return item.deadline_ms()

    def counters(self) -> dict[str, int]:
        """What it has read, and how much waits now."""
        lanes = self.queues.lanes.values()
        return {
            "commits_folded": self.commits,
            "events_folded": self.events,
            "tasks_waiting": sum(lane.waiting for lane in lanes),
            "tasks_in_flight": sum(lane.in_flight + lane.handing for lane in lanes),
            "timers_pending": self.timeline.live,
            "effects_owed": len(self.owed),
            "workflows_held": self.lines.held(),
        }

    def _count(self, name: str) -> Count:
        rows = (
            row
            for shard in self.shards.values()
            for flow in shard.flows.values()
            for row in flow.rows.values()
        )
        return counted(name, rows, self.queues.handing, self.children.handing)

    def owe(self, effect: Effect) -> None:
        self.owed[effect.command_id] = effect
        self.fresh.append(effect)

    def same(self, timeouts: ev.Timeouts | None) -> ev.Timeouts | None:
        """One object for equal timeouts: there are few, in very many rows."""
        return None if timeouts is None else self._timeouts.setdefault(timeouts, timeouts)

    def drop(self, row: Row) -> None:
        """Takes a task out of queues and timeline."""
        if row.queued:
            self.queues.ended(row)
        elif row.child_id is not None:
            self.children.ended(row)
        self.timeline.disarm(row)

    def close(self, shard: Shard, flow: Flow) -> None:
        """Forgets a workflow and its tasks."""
        for row in flow.rows.values():
            self.drop(row)
        flow.rows.clear()
        if flow.gate is not None:
            self.lines.left(flow)
        self.timeline.disarm(flow)
        shard.flows.pop(flow.workflow_id, None)

    def halt(self, shard: Shard, workflow_id: WorkflowId, problem: str) -> None:
        flow = shard.flows.get(workflow_id)
        if flow is not None:
            self.close(shard, flow)
        shard.halted.add(workflow_id)
        self.halts.append(f"workflow {workflow_id} stops here: {problem}")
