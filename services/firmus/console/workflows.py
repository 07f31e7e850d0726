"""`firmus start` and `firmus get`, over REST."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from firmus.console.outcome import CommandError, say
from firmus.console.rest import RestClient
from firmus_contracts.statuses import WorkflowStatus

_LOOK_FIRST_S = 0.02
_LOOK_MOST_S = 1.0


def start(options: argparse.Namespace) -> int:
    client = RestClient(options.url)
    request = {
        "name": options.name,
        "version": options.version,
        "input": _object(options.input),
        "correlationId": options.correlation_id,
        "priority": options.priority,
    }
    workflow_id = client.start({key: value for key, value in request.items() if value is not None})
    if not options.wait:
        say(workflow_id)
        return 0
    workflow = _ended(client, workflow_id)
    say(json.dumps(workflow, indent=2))
    return 0 if workflow["status"] == WorkflowStatus.COMPLETED else 1


def get(options: argparse.Namespace) -> int:
    workflow = RestClient(options.url).workflow(options.id, tasks=not options.no_tasks)
    say(json.dumps(workflow, indent=2))
    return 0


def _object(text: str) -> dict[str, Any]:
    """The object in JSON text, or in the file that @FILE names."""
    try:
        given = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        found = json.loads(given)
    except (OSError, ValueError) as error:
        raise CommandError(f"--input: {error}", exit_code=2) from None
    if not isinstance(found, dict):
        raise CommandError("--input must be a JSON object", exit_code=2)
    return found


def _ended(client: RestClient, workflow_id: str) -> dict[str, Any]:
    pause_s = _LOOK_FIRST_S
    while not WorkflowStatus(client.workflow(workflow_id, tasks=False)["status"]).terminal:
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LOOK_MOST_S)
    return client.workflow(workflow_id)
