"""Carries out the tasks that need no worker of the users'."""

import contextlib
import os
from collections.abc import AsyncIterator

from firmus.decider.scripts import QuickJsScripts
from firmus.node import Node
from firmus.ports import DeciderPort, QueuesPort
from firmus.settings import jdbc_connections
from firmus.systemworker.event_sink import NatsEvents
from firmus.systemworker.http_client import HttpTasks
from firmus.systemworker.http_poll import HttpPolls
from firmus.systemworker.jdbc import JdbcTasks
from firmus.systemworker.kafka import KafkaTasks
from firmus.systemworker.service import SystemWorker
from firmus.transport.queue_news import QueueNews


@contextlib.asynccontextmanager
async def system_worker_role(
    node: Node, decider: DeciderPort, queues: QueuesPort
) -> AsyncIterator[SystemWorker]:
    settings = node.settings
    http = HttpTasks(
        public_only=settings.http_public_only,
        verify_tls=settings.http_verify_tls,
        env_proxy=settings.http_env_proxy,
    )
    scripts = QuickJsScripts(threads=2)
    worker = SystemWorker(
        queues=queues,
        decider=decider,
        executors={
            "HTTP": http,
            "HTTP_POLL": HttpPolls(http, scripts),
            "EVENT": NatsEvents(node.connection),
            "KAFKA_PUBLISH": KafkaTasks(),
            "JDBC": JdbcTasks(jdbc_connections(os.environ)),
        },
        worker_id=node.instance,
        namespace=settings.execution_namespace,
    )
    worker.start()
    news = QueueNews(node.connection, worker.serve)
    await news.start()
    try:
        yield worker
    finally:
        await news.stop()
        await worker.stop()
        scripts.close()
