"""The read models for operators: how far they are, rebuilds, and going back to the one before."""

from typing import Any

import msgspec

from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, text
from firmus.ports import ReadModelsPort, Verify
from firmus_contracts.errors import Refusal


class ReadModels:
    """Handlers below `/api/admin/readmodel`. The active projection answers, wherever it runs."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._given = ports.read_models

    async def status(self, _req: Request, resp: Response) -> None:
        """How far search and the public events are; progress and outcome of the last rebuild."""
        answers.json(resp, _without_nulls(await self._models.status()))

    async def rebuild(self, req: Request, resp: Response) -> None:
        """Starts to build the read model anew beside the one in use. `verify`: `report` tells of
        differences, `strict` swaps only without them, `off` does not compare.
        """
        try:
            verify = msgspec.convert(text(req, "verify") or "report", Verify)
        except msgspec.ValidationError:
            raise Refusal("INVALID", "verify: report, strict or off") from None
        answers.json(resp, _without_nulls(await self._models.rebuild(verify)))

    async def roll_back(self, _req: Request, resp: Response) -> None:
        """Puts the read model from before the last rebuild in use again; it catches up."""
        answers.json(resp, _without_nulls(await self._models.roll_back()))

    async def drop_kept(self, _req: Request, resp: Response) -> None:
        """Removes the read model that is kept for a rollback."""
        await self._models.drop_kept()
        answers.empty(resp)

    @property
    def _models(self) -> ReadModelsPort:
        if self._given is None:
            raise Refusal("NOT_IMPLEMENTED", "This server has no read models")
        return self._given


def _without_nulls(value: object) -> Any:
    """Answers leave out what there is not."""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict):
        return {key: _without_nulls(it) for key, it in plain.items() if it is not None}
    return plain
