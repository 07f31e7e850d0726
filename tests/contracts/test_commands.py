"""Commands as they travel between processes."""

import msgspec

from firmus_contracts import ids
from firmus_contracts.commands import NO_DEFINITION, Command, StartWorkflow

WORKFLOW = ids.mint_workflow_id(1_700_000_000_000, 7)


def travelled(command: Command) -> Command:
    return msgspec.json.decode(msgspec.json.encode(command), type=Command)


def test_a_start_travels_with_and_without_an_inline_definition() -> None:
    given = {"command_id": "c", "workflow_id": WORKFLOW, "name": "flow"}
    inline = StartWorkflow(**given, definition=msgspec.Raw(b'{"name":"flow"}'))
    assert travelled(inline) == inline
    assert travelled(StartWorkflow(**given)) == StartWorkflow(**given)
    assert travelled(StartWorkflow(**given, definition=NO_DEFINITION)).definition is NO_DEFINITION
