"""What the task queues hold and who polls them, over REST (spec 8.5, 9.4)."""

from firmus.edge.queues import SHARD, held, name_of
from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, actor_of, may_read, required, text, texts
from firmus.ports import QueueSize
from firmus_contracts.bodies import invalid
from firmus_contracts.errors import ValidationError
from firmus_contracts.executions import PollData


class Queues:
    """Handlers of `/api/tasks/queue`."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._queues = ports.queues
        self._polls = ports.polls

    async def sizes(self, req: Request, resp: Response) -> None:
        """Of the types asked for; a type without a queue has 0."""
        waiting = {name_of(size): size.waiting for size in await self._sizes(req)}
        answers.json(resp, {wanted: waiting.get(wanted, 0) for wanted in texts(req, "taskType")})

    async def size(self, req: Request, resp: Response) -> None:
        task_type, domain = required(req, "taskType"), text(req, "domain") or None
        found = (
            size.waiting
            for size in await self._sizes(req)
            if size.task_type == task_type and size.domain == domain
        )
        answers.json(resp, sum(found))

    async def all(self, req: Request, resp: Response) -> None:
        answers.json(resp, {name_of(size): size.waiting for size in held(await self._sizes(req))})

    async def all_verbose(self, req: Request, resp: Response) -> None:
        """By queue and shard of it: ours have one. `uacked`: on their way to a worker."""
        answers.json(
            resp,
            {
                name_of(size): {SHARD: {"size": size.waiting, "uacked": size.handing}}
                for size in held(await self._sizes(req))
            },
        )

    async def poll_data(self, req: Request, resp: Response) -> None:
        """The last poll of a type, one of each domain."""
        task_type = required(req, "taskType")
        if not task_type:
            message = "TaskType cannot be null or empty."
            raise invalid([ValidationError(path="getPollData.arg0", message=message)])
        answers.json(resp, _shown(req, self._polls.of(task_type)))

    async def poll_data_all(self, req: Request, resp: Response) -> None:
        answers.json(resp, _shown(req, self._polls.all()))

    async def requeue(self, req: Request, resp: Response, task_type: str) -> None:
        """Begun tasks are offered once more; the answer is how many wait now."""
        answers.plain(resp, str(await self._queues.requeue(task_type, actor=actor_of(req))))

    async def _sizes(self, req: Request) -> list[QueueSize]:
        return [size for size in await self._queues.sizes() if may_read(req, size.task_type)]


def _shown(req: Request, polls: list[PollData]) -> list[PollData]:
    return [poll for poll in polls if may_read(req, poll.queue_name)]
