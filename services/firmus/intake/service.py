"""The intake: takes start events from the START stream and answers for each of them.

FastStream's broker pulls from one durable consumer that all intakes share. A message is
acknowledged after its workflow's first commit, so a crash in between repeats it, harmlessly.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig

from firmus.broker.access import Servers, access_to
from firmus.intake.handling import Dead, Later, Started, handle
from firmus.intake.login import login
from firmus.intake.starts import StartMessage, definition_of
from firmus.ports import PayloadsPort, StartsPort
from firmus_contracts import subjects

log = structlog.get_logger(__name__)

CONSUMER = "firmus-intake"
BATCH = 100
PULL_S = 5.0
ACK_WITHIN_S = 30.0
DEAD_LETTER_RETRY_S = 5.0
PUBLISH_WITHIN_S = 5.0
REASON_MAX = 1000


class Intake:
    """Several may run at once on one NATS; a URL may hold several addresses, comma between."""

    def __init__(
        self,
        servers: Servers,
        *,
        starts: StartsPort,
        payloads: PayloadsPort | None = None,
    ) -> None:
        self._starts = starts
        self._payloads = payloads
        self.started = 0
        self.postponed = 0
        self.dead_letters = 0
        access = access_to(servers)
        self._broker = NatsBroker(
            **login(access),
            name="firmus intake",
            max_reconnect_attempts=-1,
            apply_types=False,
            logger=None,
        )
        subscribe = self._broker.subscriber(
            subjects.START_SUBJECTS,
            durable=CONSUMER,
            stream=JStream(subjects.START_STREAM, declare=False),
            pull_sub=PullSub(batch_size=BATCH, timeout=PULL_S),
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{access.inbox_prefix}.".encode(),
            decoder=_as_it_is,
            config=ConsumerConfig(
                filter_subjects=[], ack_wait=ACK_WITHIN_S, max_ack_pending=10 * BATCH
            ),
        )
        subscribe(self._received)

    async def start(self) -> None:
        """Begins to take events. The START stream must be there."""
        await self._broker.start()

    async def stop(self) -> None:
        await self._broker.stop()

    async def _received(self, message: NatsMessage) -> None:
        start = _start_message(message)
        try:
            outcome = await handle(start, self._starts, self._payloads)
        except Exception:
            log.exception("a start event could not be handled", sequence=start.sequence)
            outcome = Later(DEAD_LETTER_RETRY_S, "a fault of the intake")
        match outcome:
            case Started():
                self.started += 1
                await message.ack()
            case Later(delay_s, why):
                self.postponed += 1
                log.warning("start event postponed", subject=start.subject, why=why, by_s=delay_s)
                await message.nack(delay=delay_s)
            case Dead():
                await self._bury(message, start, outcome)

    async def _bury(self, message: NatsMessage, start: StartMessage, dead: Dead) -> None:
        """Moves a message to the dead letters; it stays where it is until that is sure."""
        definition = definition_of(start.subject)
        log.warning("start event refused", definition=definition, code=dead.code, why=dead.reason)
        try:
            await self._broker.publish(
                start.data,
                subjects.dead_letter_subject(definition),
                headers=_dead_headers(message.raw_message.headers or {}, start, dead),
                stream=subjects.DEAD_LETTER_STREAM,
                timeout=PUBLISH_WITHIN_S,
            )
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("dead letter not stored", error=repr(error))
            await message.nack(delay=DEAD_LETTER_RETRY_S)
            return
        self.dead_letters += 1
        await message.reject()


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    """FastStream's decoder: the handler wants the message whole."""
    return message


def _start_message(message: NatsMessage) -> StartMessage:
    raw = message.raw_message
    stored = raw.metadata
    return StartMessage(
        subject=raw.subject,
        data=raw.data,
        headers={key.lower(): value for key, value in (raw.headers or {}).items()},
        sequence=stored.sequence.stream,
        stored_ms=int(stored.timestamp.timestamp() * 1000),
        delivery=stored.num_delivered or 1,
    )


def _dead_headers(given: Mapping[str, str], start: StartMessage, dead: Dead) -> dict[str, Any]:
    """The message's own headers, those for the broker taken out, and why it is dead."""
    kept = {key: value for key, value in given.items() if not key.lower().startswith("nats-")}
    return kept | {
        "Nats-Msg-Id": f"{subjects.START_STREAM}/{start.sequence}/{start.stored_ms}",
        "Firmus-Code": dead.code,
        "Firmus-Reason": " ".join(dead.reason.split())[:REASON_MAX],
        "Firmus-Subject": start.subject,
        "Firmus-Sequence": str(start.sequence),
        "Firmus-Stored-Ms": str(start.stored_ms),
    }
