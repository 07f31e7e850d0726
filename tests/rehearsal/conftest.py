from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from firmus.clock import FixedClock
from firmus.decider.scripts import QuickJsScripts
from firmus.decider.scripts_jq import Evaluators, JqScripts
from firmus.definitions.memory import MemoryDefinitions
from firmus.rehearsal.service import Rehearsals
from firmus.rehearsal.world import Bounds
from firmus_contracts.bodies import decode_test_request
from firmus_contracts.executions import Workflow

Rehearse = Callable[..., Awaitable[Workflow]]


@pytest.fixture
async def rehearsals() -> AsyncIterator[Rehearsals]:
    javascript, jq = QuickJsScripts(threads=1), JqScripts(processes=1)
    yield Rehearsals(
        definitions=MemoryDefinitions(),
        scripts=Evaluators(javascript, jq),
        clock=FixedClock(),
        bounds=Bounds(decisions_max=200, events_max=4_000),
    )
    javascript.close()
    await jq.close()


@pytest.fixture
def rehearse(rehearsals: Rehearsals) -> Rehearse:
    """Tests a list of tasks against mocks by reference."""

    async def run(
        tasks: list[Any], mocks: dict[str, Any], *, timed: bool = False, **fields: Any
    ) -> Workflow:
        definition = {"name": "flow", "tasks": tasks, **fields.pop("definition", {})}
        request = {"name": "flow", "workflowDef": definition, "taskRefToMockOutput": mocks}
        body = msgspec.json.encode({**request, **fields})
        return await rehearsals.run(decode_test_request(body), timed=timed)

    return run
