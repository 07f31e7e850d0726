"""What the task queues hold and who polls them, over REST (spec 8.5, 9.4)."""

from firmus.gateway import answers
from firmus.gateway.polling import Polls
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, required, text, texts
from firmus.ports import QueueSize


class Queues:
    """Handlers of `/api/tasks/queue`."""

    def __init__(self, ports: GatewayPorts, polls: Polls) -> None:
        self._queues = ports.queues
        self._polls = polls

    async def sizes(self, req: Request, resp: Response) -> None:
        """Of the types asked for; a type without a queue has 0."""
        waiting = {name(size): size.waiting for size in await self._queues.sizes()}
        answers.json(resp, {wanted: waiting.get(wanted, 0) for wanted in texts(req, "taskType")})

    async def size(self, req: Request, resp: Response) -> None:
        task_type, domain = required(req, "taskType"), text(req, "domain") or None
        found = (
            size.waiting
            for size in await self._queues.sizes()
            if size.task_type == task_type and size.domain == domain
        )
        answers.json(resp, sum(found))

    async def all(self, _req: Request, resp: Response) -> None:
        sizes = sorted(await self._queues.sizes(), key=name)
        answers.json(resp, {name(size): size.waiting for size in sizes})

    async def all_verbose(self, _req: Request, resp: Response) -> None:
        """By queue and part of it; our queues have one part, named as its type."""
        sizes = sorted(await self._queues.sizes(), key=name)
        answers.json(
            resp,
            {
                name(size): {size.task_type: {"size": size.waiting, "uacked": size.in_flight}}
                for size in sizes
            },
        )

    async def poll_data(self, req: Request, resp: Response) -> None:
        """The last polls of a type at this gateway, one of each domain."""
        answers.json(resp, self._polls.pollers(required(req, "taskType")))

    async def poll_data_all(self, _req: Request, resp: Response) -> None:
        answers.json(resp, self._polls.pollers())

    async def requeue(self, _req: Request, resp: Response, task_type: str) -> None:
        """How many tasks were put back: none, as a queue is a fold of the log and loses nothing."""
        del task_type
        answers.plain(resp, "0")


def name(size: QueueSize) -> str:
    """A queue's name as Conductor writes it."""
    return f"{size.domain}:{size.task_type}" if size.domain else size.task_type
