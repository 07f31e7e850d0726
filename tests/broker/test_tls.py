"""NATS over TLS, and every kind of credentials, on real nats-servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nkeys
import pytest
from tests.certificates import Authority
from tests.nats_server import NatsServer

from firmus.broker.access import Access, AccessError, access_in, access_to, variables_of
from firmus.broker.connection import BrokerUnavailable, BrokerUnsuitable, connect
from firmus.eventlog.recorder_thread import NatsThread

pytestmark = pytest.mark.nats


@contextmanager
def running(folder: Path, more: str) -> Iterator[NatsServer]:
    server = NatsServer(folder, more)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def tls(authority: Authority, *, verify: bool = False) -> str:
    cert, key = authority.issue("nats")
    asks = f', ca_file: "{authority.ca}", verify: true' if verify else ""
    return f'tls {{ cert_file: "{cert}", key_file: "{key}"{asks} }}\n'


async def lets_in(access: Access | str) -> bool:
    """Both of the ways in which firmus connects."""
    connection = await connect(access, name="test", within_s=2)
    await connection.flush()
    await connection.close()
    thread = NatsThread(access, connect_timeout_s=2)
    thread.close()
    return True


async def test_a_server_that_an_authority_of_ours_signed(tmp_path: Path):
    authority = Authority(tmp_path)
    with running(tmp_path, tls(authority)) as server:
        for url in (server.url, server.url.replace("nats:", "tls:")):
            assert await lets_in(Access(url=url, ca=authority.ca))


async def test_a_server_that_nobody_we_know_signed_is_not_talked_to(tmp_path: Path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    with running(tmp_path, tls(authority)) as server:
        for access in (
            Access(url=server.url, ca=other.ca),
            Access(url=server.url.replace("nats:", "tls:")),
        ):
            with pytest.raises(BrokerUnavailable, match="certificate"):
                await connect(access, name="test", within_s=1)


async def test_a_server_may_ask_for_our_certificate(tmp_path: Path):
    authority = Authority(tmp_path)
    cert, key = authority.issue("client")
    with running(tmp_path, tls(authority, verify=True)) as server:
        assert await lets_in(Access(url=server.url, ca=authority.ca, cert=cert, key=key))
        with pytest.raises(BrokerUnavailable):
            await connect(Access(url=server.url, ca=authority.ca), name="test", within_s=1)


async def test_a_seed_in_a_file(tmp_path: Path):
    pair = nkeys.from_seed(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER))
    seed = tmp_path / "seed"
    seed.write_bytes(bytes(pair.seed))
    public = pair.public_key.decode()
    with running(tmp_path, f"authorization {{ users: [ {{ nkey: {public} }} ] }}\n") as server:
        assert await lets_in(Access(url=server.url, nkey=str(seed), inbox="_INBOX.me"))
        with pytest.raises(BrokerUnavailable):
            await connect(server.url, name="test", within_s=1)


async def test_a_token(tmp_path: Path):
    with running(tmp_path, 'authorization { token: "s3cret/t" }\n') as server:
        assert await lets_in(Access(url=server.url, token="s3cret/t"))
        assert await lets_in(server.url.replace("//", "//s3cret%2Ft@"))
        with pytest.raises(BrokerUnavailable, match="Authorization Violation"):
            await connect(Access(url=server.url, token="other"), name="test", within_s=1)


@pytest.mark.parametrize("field", ["ca", "cert", "creds", "nkey"])
async def test_files_that_cannot_be_used_are_named(field: str, tmp_path: Path):
    for name in ("missing", "garbage"):
        file = tmp_path / f"{name}.pem"
        if name == "garbage":
            file.write_text("nothing")
        access = Access(url="nats://127.0.0.1:1", **{field: str(file)})
        if name == "missing" or field in {"ca", "cert"}:
            with pytest.raises(AccessError, match=file.name):
                access.options()
            with pytest.raises(BrokerUnsuitable, match=file.name):
                await connect(access, name="test", within_s=1)


def test_credentials_are_variables_and_go_on_to_other_processes():
    environ = {"FIRMUS_NATS_USER": "u", "FIRMUS_NATS_PASSWORD": "p", "FIRMUS_NATS_CA": ""}
    access = access_in(environ, "nats://a:1,nats://b:2")
    assert access == Access(url="nats://a:1,nats://b:2", user="u", password="p")
    assert variables_of(access) == {"FIRMUS_NATS_USER": "u", "FIRMUS_NATS_PASSWORD": "p"}
    assert access.inbox_prefix == "_INBOX.u"


def test_what_stands_in_a_url_is_taken_out_of_it():
    access = access_to("nats://u%40x:p%3A%2F@a:1,nats://u%40x:p%3A%2F@b:2")
    assert (access.user, access.password, access.servers) == (
        *("u@x", "p:/"),
        ["nats://a:1", "nats://b:2"],
    )
    assert access.shown() == "a:1,b:2"
    assert access.inbox_prefix == "_INBOX.u%40x"
