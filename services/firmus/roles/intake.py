"""Start events, and messages that event handlers wait for."""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.starting import Starts
from firmus.decider.scripts import QuickJsScripts
from firmus.eventlog.uploads import JetStreamUploads
from firmus.handlers.handling import Handling
from firmus.handlers.service import EventHandling
from firmus.metrics import (
    event_handling_metrics,
    intake_metrics,
)
from firmus.node import Node
from firmus.ports import DeciderPort
from firmus.roles.background import background
from firmus_contracts.subjects import HANDLERS_SUBJECTS

if TYPE_CHECKING:
    from firmus.intake.service import Intake


@contextlib.asynccontextmanager
async def intake_role(node: Node, decider: DeciderPort) -> AsyncIterator["Intake"]:
    """Start events, and messages that event handlers wait for."""
    from firmus.intake.service import Intake  # noqa: PLC0415 - FastStream, which nobody else needs

    starts = Starts(decider, JetStreamKeyStore(node.wire))
    uploads = JetStreamUploads(node.wire, node.blobs)
    intake = Intake(node.access, starts=starts, payloads=uploads)
    intake_metrics(node.metrics, intake)
    scripts = QuickJsScripts(threads=1)
    handling = EventHandling(
        node.connection, node.event_handlers, Handling(decider, starts, scripts)
    )
    event_handling_metrics(node.metrics, handling)
    watch = await node.connection.open_lane(HANDLERS_SUBJECTS, lambda *_: handling.wake())
    await intake.start()
    try:
        async with background(handling.run()):
            yield intake
    finally:
        await node.connection.close_lane(watch)
        await intake.stop()
        scripts.close()
