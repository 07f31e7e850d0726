"""A worker over NATS, ready to run."""

from collections.abc import Sequence

import structlog

from firmus.broker.access import Servers
from firmus.clock import SystemClock
from firmus.returning import Returns
from firmus.transport.queues import RemoteQueues
from firmus.worker.link import open_link, own_name
from firmus.worker.runner import AnyTask, Runner

log = structlog.get_logger(__name__)

CONCURRENCY = 32
GRACE_S = 30.0


class Worker:
    """Works on `tasks` (functions decorated with @task) until stopped.

    `concurrency`: tasks of each name at once. `domain`: the task domain to work in. On `stop` it
    polls no more, finishes what runs within `grace_s` seconds, and hands the rest back.
    """

    def __init__(
        self,
        url: Servers,
        tasks: Sequence[AnyTask],
        *,
        concurrency: int = CONCURRENCY,
        domain: str | None = None,
        worker_id: str | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        if not tasks:
            raise ValueError("a worker needs at least one task")
        names = [(task.name, task.domain or domain) for task in tasks]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"more than one function for {sorted(map(str, twice))}")
        self._url = url
        self._tasks = tasks
        self._concurrency = concurrency
        self._domain = domain
        self._worker_id = worker_id or own_name()
        self._grace_s = grace_s
        self._runner: Runner | None = None
        self._stopped = False

    @property
    def done(self) -> int:
        """How many tasks were reported so far."""
        return 0 if self._runner is None else self._runner.done

    def stop(self) -> None:
        """Asks `run` to end gracefully."""
        self._stopped = True
        if self._runner is not None:
            self._runner.stop()

    async def run(self) -> None:
        """Returns after `stop`. Raises BrokerUnavailable when there is no system to work for."""
        link = await open_link(self._url, name=f"firmus worker {self._worker_id}")
        queues = RemoteQueues(link.connection, returns=Returns(link.decider))
        try:
            await queues.start()
            self._runner = Runner(
                queues=queues,
                decider=link.decider,
                clock=SystemClock(),
                tasks=self._tasks,
                worker_id=self._worker_id,
                concurrency=self._concurrency,
                domain=self._domain,
                grace_s=self._grace_s,
            )
            if self._stopped:
                return
            log.info("worker runs", tasks=[task.name for task in self._tasks])
            await self._runner.run()
        finally:
            await queues.stop()
            await link.close()
