"""A whole firmus over TLS: the official SDK and the command line on REST, all services on NATS."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from firmus import wiring
from firmus.worker import Client, Worker, task
from tests.certificates import Authority
from tests.e2e.system import running_up
from tests.e2e.test_sdk import Sdk
from tests.e2e.users import access, guarded_server, services_on
from tests.gateway.client import Api

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    pytest.mark.timeout(120),
    # The SDK's own models read fields that it has deprecated; it leaves its HTTP clients open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


def test_the_official_sdk_and_the_commands_over_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    authority = Authority(tmp_path)
    cert, key = authority.issue("server")
    with running_up(tmp_path, "--tls-cert", cert, "--tls-key", key) as system:
        assert system.url.startswith("https://")
        monkeypatch.setenv("SSL_CERT_FILE", authority.ca)
        sdk = Sdk(system.api)
        name = sdk.register("over_tls")
        started = sdk.workflows.start_workflow_by_name(name, {"n": 1})
        polled = sdk.tasks.poll_task("over_tls")
        assert polled.workflow_instance_id == started
        monkeypatch.delenv("SSL_CERT_FILE")
        got = _firmus("get", started, "--url", system.url, FIRMUS_REST_CA=authority.ca)
        assert (got.returncode, started in got.stdout) == (0, True), got.stderr
        refused = _firmus("get", started, "--url", system.url)
        assert refused.returncode == 1
        assert "certificate" in refused.stderr.lower()


def test_a_server_that_asks_for_certificates_starts_and_lets_in_who_has_one(tmp_path: Path):
    authority = Authority(tmp_path)
    cert, key = authority.issue("server")
    mine = dict(zip(("FIRMUS_REST_CERT", "FIRMUS_REST_KEY"), authority.issue("me"), strict=True))
    given = ("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", authority.ca)
    with running_up(tmp_path, *given) as system:
        asked = ("get", "nobody", "--url", system.url)
        let_in = _firmus(*asked, FIRMUS_REST_CA=authority.ca, **mine)
        refused = _firmus(*asked, FIRMUS_REST_CA=authority.ca)
    assert "HTTP 404" in let_in.stderr
    assert "no answer" in refused.stderr


def test_bad_certificates_end_the_start_with_a_word(tmp_path: Path):
    ended = _firmus("up", "--data-dir", str(tmp_path), "--tls-cert", "nowhere.pem")
    assert ended.returncode == 2
    assert "nowhere.pem" in ended.stderr
    asked = {"FIRMUS_NATS_CA": "nowhere.pem"}
    ended = _firmus("serve", "gateway", "--nats-url", "tls://127.0.0.1:1", **asked)
    assert ended.returncode == 1
    assert "nowhere.pem" in ended.stderr


async def test_all_services_and_workers_over_tls_to_nats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settled: list[asyncio.Task[None] | None] = []
    monkeypatch.setattr(wiring, "settle_memory", lambda: settled.append(asyncio.current_task()))
    authority = Authority(tmp_path)
    cert, key = authority.issue("nats")
    more = f'tls {{ cert_file: "{cert}", key_file: "{key}" }}\n'
    server = guarded_server(tmp_path, more)
    server.start()

    @task("over_tls")
    async def work(_given: dict[str, int]) -> dict[str, int]:
        return {"done": 1}

    try:
        async with services_on(server, tmp_path, ca=authority.ca) as running:
            async with aiohttp.ClientSession() as session:
                api = Api(session, int(running.url.rpartition(":")[2]))
                await api.register("w", "over_tls")
                await api.put("/scheduler/schedules/none/pause")
            mine = access(server, "orders", ca=authority.ca)
            worker = Worker(mine, [work])
            working = asyncio.create_task(worker.run())
            async with Client(mine) as client:
                run = await client.execute("w", within_s=30)
            worker.stop()
            await working
            running.check()
    finally:
        server.stop()
    assert run.workflow.status == "COMPLETED"
    assert running.services["gateway"] in settled
    assert "Violation" not in server.said()


def _firmus(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firmus", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
    )
