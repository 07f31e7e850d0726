"""KAFKA_PUBLISH: the record that an input describes, and a real broker where there is one."""

import os
from typing import Any
from uuid import uuid4

import pytest

from firmus.systemworker.kafka import KafkaTasks, Unusable, record_of
from firmus.systemworker.work import Work

SERVERS = os.environ.get("KAFKA_TEST_SERVERS")
GIVEN = {"bootStrapServers": "127.0.0.1:1", "topic": "t", "value": {"a": 1}}
SERIALIZERS = "org.apache.kafka.common.serialization."


def work(**fields: Any) -> Work:
    return Work(
        task_type="KAFKA_PUBLISH",
        task_id="t",
        workflow_instance_id="w",
        input_data={"kafka_request": {**GIVEN, **fields}},
    )


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("bootStrapServers", "No boot strap servers specified"),
        ("topic", "Missing Kafka topic."),
        ("value", "Missing Kafka value."),
    ],
)
async def test_what_is_missing_is_told_in_conductors_words(missing: str, reason: str) -> None:
    outcome = await KafkaTasks().execute(work(**{missing: None}))
    assert (outcome.status, outcome.output) == ("FAILED", {})
    assert str(outcome.reason).startswith(reason)


@pytest.mark.parametrize(
    ("key", "serializer", "written"),
    [
        (None, "", None),
        ("abc", "", b"abc"),
        (7, SERIALIZERS + "StringSerializer", b"7"),
        ("258", SERIALIZERS + "LongSerializer", b"\0\0\0\0\0\0\x01\x02"),
        (-1, SERIALIZERS + "IntegerSerializer", b"\xff\xff\xff\xff"),
    ],
)
def test_a_key_is_written_by_its_serializer(key: Any, serializer: str, written: Any) -> None:
    given = {"kafka_request": {**GIVEN, "key": key, "keySerializer": serializer}}
    assert record_of(given).key == written


def test_a_key_that_is_no_number_is_refused() -> None:
    bad = {"key": "x", "keySerializer": SERIALIZERS + "LongSerializer"}
    with pytest.raises(Unusable, match="is no number"):
        record_of({"kafka_request": {**GIVEN, **bad}})


def test_value_and_headers_are_written_as_json_and_text() -> None:
    record = record_of({"kafka_request": {**GIVEN, "value": "x", "headers": {"a": 1, "b": None}}})
    assert (record.value, record.headers) == (b'"x"', [("a", b"1")])


async def test_a_broker_that_is_not_there_fails_the_task() -> None:
    pytest.importorskip("aiokafka")
    tasks = KafkaTasks()
    outcome = await tasks.execute(work(maxBlockMs=2_000))
    await tasks.close()
    assert str(outcome.reason).startswith("Failed to invoke kafka task due to: ")


@pytest.mark.skipif(
    SERVERS is None and "CI" not in os.environ, reason="KAFKA_TEST_SERVERS names no broker"
)
async def test_a_real_broker_gets_the_record_once() -> None:
    import aiokafka

    topic = f"firmus-{uuid4().hex}"
    tasks = KafkaTasks()
    outcome = await tasks.execute(
        work(bootStrapServers=SERVERS, topic=topic, key="k", headers={"h": "v"})
    )
    assert (outcome.status, outcome.reason) == ("COMPLETED", None)
    consumer = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=SERVERS, auto_offset_reset="earliest"
    )
    await consumer.start()
    message = await consumer.getone()
    await consumer.stop()
    await tasks.close()
    assert (message.key, message.value) == (b"k", b'{"a":1}')
    assert message.headers == (("h", b"v"),)
