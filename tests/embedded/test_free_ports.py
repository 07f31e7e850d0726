"""The ports that tests give to the systems they start."""

import socket
from contextlib import closing
from itertools import islice

from tests.nats_server import ports


def test_two_who_ask_at_once_never_get_the_same_port() -> None:
    with closing(ports(block=8)) as mine, closing(ports(block=8)) as others:
        given = [port for pair in islice(zip(mine, others, strict=True), 30) for port in pair]
    assert len(set(given)) == len(given)


def test_a_port_in_use_is_not_given() -> None:
    with closing(ports()) as asked:
        port = next(asked) + 1
        with socket.create_server(("127.0.0.1", port)):
            assert next(asked) > port
