"""The official SDKs, unchanged, with keys: tokens that expire, keys that are rotated and revoked."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import AuthorizationException
from conductor.client.orkes_clients import OrkesClients

from tests.e2e import test_javascript as javascript
from tests.e2e.processes import Child, environment, firmus, until
from tests.e2e.system import System, is_healthy, running_services, running_up
from tests.nats_server import NatsServer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    # The SDK's own models read fields that it has deprecated; it leaves its HTTP clients open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
TOKEN_TTL_S = "1"
"""So that every client meets expired tokens all the time."""
ROOT = "a-secret-that-the-operator-has-set"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("secured")
    flags = ("--security", "--log-level", "warning")
    given = {"FIRMUS_TOKEN_TTL_S": TOKEN_TTL_S, "FIRMUS_ADMIN_KEY": f"root:{ROOT}"}
    with running_up(folder, *flags, **given) as system:
        yield system


def command(system: System, *arguments: str, **environ: str) -> str:
    """What a command of firmus prints."""
    done = subprocess.run(
        firmus(*arguments), env=environment(**environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def keys(system: System, *arguments: str) -> Any:
    nats = ("--nats-url", system.nats_url)
    text = command(system, "keys", *arguments, *nats)
    return json.loads(text) if "--json" in arguments else text


def new_key(system: System, name: str, *grants: str) -> dict[str, str]:
    roles = [part for grant in grants for part in ("--role", grant)]
    found: dict[str, str] = keys(system, "create", name, *roles, "--json")
    return found


def as_variables(key: dict[str, str]) -> dict[str, str]:
    return {"CONDUCTOR_AUTH_KEY": key["keyId"], "CONDUCTOR_AUTH_SECRET": key["keySecret"]}


def clients(system: System, key: dict[str, str]) -> OrkesClients:
    given = AuthenticationSettings(key_id=key["keyId"], key_secret=key["keySecret"])
    return OrkesClients(Configuration(server_api_url=system.api, authentication_settings=given))


def register(system: System, name: str, *tasks: str) -> None:
    definition = WorkflowDef(name=name, version=1, owner_email="e2e@example.com")
    definition.tasks = [
        WorkflowTask(name=task, task_reference_name=f"t{place}", input_parameters={"n": place})
        for place, task in enumerate(tasks)
    ]
    admin = clients(system, new_key(system, "registrar", "admin"))
    admin.get_metadata_client().register_workflow_def(definition, overwrite=True)


def test_python_clients_and_workers_go_on_while_their_tokens_expire(
    secured: System, tmp_path: Path
) -> None:
    register(secured, "orders_double", *["sdk_double", "sdk_double_async"] * 8)
    shop = clients(secured, new_key(secured, "shop", "execute:orders_*")).get_workflow_client()
    worker = Child(
        "sdk",
        [sys.executable, "-m", "tests.e2e.sdk_workers", secured.api],
        tmp_path / "sdk.log",
        as_variables(new_key(secured, "doubler", "execute:sdk_*")),
    )
    worker.start()
    try:
        for _ in range(3):
            workflow_id = shop.start_workflow_by_name("orders_double", {})
            until("its end", lambda: shop.get_workflow(workflow_id).status == "COMPLETED")  # noqa: B023 - it is read at once
    finally:
        worker.stop()
    done = shop.get_workflow(workflow_id)
    assert (len(done.tasks), done.created_by) == (16, "shop")
    history = command(secured, "log", workflow_id, "--nats-url", secured.nats_url)
    assert "[start_workflow by shop]" in history
    assert "[update_task by doubler]" in history


def test_a_key_may_do_what_its_grants_say_and_no_more(secured: System) -> None:
    register(secured, "orders_one", "nobody_does_it")
    register(secured, "payroll", "nobody_does_it")
    shop = clients(secured, new_key(secured, "narrow", "execute:orders_*"))
    workflows = shop.get_workflow_client()
    workflow_id = workflows.start_workflow_by_name("orders_one", {})
    for refused in (
        lambda: workflows.start_workflow_by_name("payroll", {}),
        lambda: workflows.delete_workflow(workflow_id),
        lambda: shop.get_metadata_client().get_workflow_def("payroll"),
        lambda: shop.get_task_client().poll_task("nobody_does_it"),
    ):
        with pytest.raises(AuthorizationException) as told:
            refused()
        assert (told.value.status, told.value.error_code) == (403, "FORBIDDEN")
    names = {each.name for each in shop.get_metadata_client().get_all_workflow_defs()}
    assert "payroll" not in names
    assert "orders_one" in names


def test_rotated_keys_have_both_secrets_for_a_while_and_revoked_ones_end(secured: System) -> None:
    key = new_key(secured, "turning", "read")
    before = clients(secured, key).get_metadata_client()
    before.get_all_task_defs()
    again = keys(secured, "rotate", key["keyId"], "--overlap-s", "600", "--json")
    after = clients(secured, again).get_metadata_client()
    after.get_all_task_defs()
    before.get_all_task_defs()
    keys(secured, "revoke", key["keyId"])

    def ended() -> bool:
        try:
            after.get_all_task_defs()
        except AuthorizationException as told:
            return (told.status, told.error_code) == (401, "INVALID_TOKEN")
        return False

    until("the gateway knows", ended)
    assert "turning" not in keys(secured, "list")
    assert "turning  read:*  revoked by firmus keys/" in keys(secured, "list", "--all")


def test_the_key_of_the_settings_makes_the_first_ones_over_rest(secured: System) -> None:
    root = clients(secured, {"keyId": "root", "keySecret": ROOT})
    root.get_metadata_client().get_all_workflow_defs()
    wrong = clients(secured, {"keyId": "root", "keySecret": "x" * 40})
    with pytest.raises(AuthorizationException) as told:
        wrong.get_metadata_client().get_all_workflow_defs()
    assert told.value.status == 401
    body = {"name": "first", "grants": [{"role": "read"}]}
    made = rest(secured, "POST", "/api/keys", body)
    assert rest(secured, "DELETE", f"/api/keys/{made['keyId']}") is None
    assert f"{made['keyId']}" in keys(secured, "list", "--all")
    metrics = rest(secured, "GET", "/metrics")
    assert 'firmus_not_let_in_total{of="INVALID_CREDENTIALS"}' in metrics


def test_a_token_outlives_a_gateway_that_is_killed_and_not_its_key(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()
    try:
        with running_services(tmp_path, server.url, "--security") as running:
            system, gateway = running.system, running.children["gateway"]
            key = new_key(system, "lasting", "read")
            token = rest(system, "POST", "/api/token", key)["token"]
            bearer = f"Bearer {token}"
            assert rest(system, "GET", "/api/tasks/queue/all", credential=bearer) == {}
            gateway.kill()
            gateway.start()
            until("a healthy gateway", lambda: is_healthy(system.url))
            assert rest(system, "GET", "/api/tasks/queue/all", credential=bearer) == {}
            keys(system, "revoke", key["keyId"])
            until("it knows", lambda: status(system, "/api/tasks/queue/all", bearer) == 401)
    finally:
        server.stop()


def status(system: System, path: str, credential: str) -> int:
    try:
        rest(system, "GET", path, credential=credential)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200


def rest(system: System, method: str, path: str, body: Any = None, *, credential: str = "") -> Any:
    """A request with the key of the settings, as curl -u sends it, unless it is told another."""
    pair = b64encode(f"root:{ROOT}".encode()).decode()
    request = urllib.request.Request(
        system.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": credential or f"Basic {pair}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text or None


def test_commands_take_the_key_from_the_variables_of_the_official_clients(secured: System) -> None:
    register(secured, "orders_cli", "nobody_does_it")
    key = as_variables(new_key(secured, "cli", "execute:orders_*"))
    started = command(secured, "start", "orders_cli", "--url", secured.url, **key)
    found = json.loads(command(secured, "get", started.strip(), "--url", secured.url, **key))
    assert (found["status"], found["createdBy"]) == ("RUNNING", "cli")


@javascript.needs_the_sdk
def test_the_javascript_sdk_goes_on_while_its_tokens_expire(secured: System) -> None:
    javascript.play(secured.url, **as_variables(new_key(secured, "js", "admin:js_*")))
