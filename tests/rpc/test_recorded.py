"""The same calls, and the same answers, as those of the real Conductor 3.32.3."""

from typing import Any

import msgspec

from tests.gateway.ports import World
from tests.rpc.client import Rpc
from tests.rpc.recording import RECORDED, STEPS, Player

SAYS_NOTHING = {"INTERNAL", "UNKNOWN"}


async def test_answers_are_those_of_the_recording(rpc: Rpc) -> None:
    """A failure that Conductor gives no code has the one that the step says."""
    recorded: list[dict[str, Any]] = msgspec.json.decode(RECORDED.read_bytes())
    ours = await Player(rpc).play()
    assert len(recorded) == len(ours) == len(STEPS) > 50
    for step, theirs, found in zip(STEPS, recorded, ours, strict=True):
        if step.code:
            assert theirs["code"] in SAYS_NOTHING
            assert (step.call, found.get("code")) == (step.call, step.code)
        else:
            assert found == theirs


async def test_the_player_leaves_what_it_should(rpc: Rpc, world: World) -> None:
    """What was played is there to be seen: the recording is of real work."""
    await Player(rpc).play()
    assert len(await world.definitions.workflows()) == 2
    assert await world.definitions.tasks() == []
