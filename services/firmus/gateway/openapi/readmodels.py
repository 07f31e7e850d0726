"""Operations on the read models, as they are told."""

from typing import Final, get_args

from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import Operation, done, shaped
from firmus.ports import ReadModelStatus, RebuildProgress, Verify

_ADMIN: Final = "Admin"

READ_MODELS: Final = {
    "GET /api/admin/readmodel": Operation(
        id="getReadModel",
        tag=_ADMIN,
        summary="Get how far search and public events are",
        about="With the progress of a rebuild that runs, or else what the last one came to.",
        answers=shaped(ReadModelStatus, "What the active projection says"),
        refuses=(501,),
    ),
    "POST /api/admin/readmodel/rebuild": Operation(
        id="rebuildReadModel",
        tag=_ADMIN,
        summary="Build the read model anew from the log",
        about="Beside the one in use, which is then compared with it and kept for a rollback.",
        parameters=(
            p.text(
                "verify",
                "What differences do: they are told (`report`), keep the old one in use"
                " (`strict`), or are not looked for (`off`).",
                default="report",
                among=get_args(Verify),
            ),
        ),
        answers=shaped(RebuildProgress, "It has begun"),
        refuses=(409, 501),
    ),
    "POST /api/admin/readmodel/rollback": Operation(
        id="rollBackReadModel",
        tag=_ADMIN,
        summary="Put the read model from before the last rebuild in use again",
        about="It catches up with the log by itself; the other one is kept instead.",
        answers=shaped(RebuildProgress, "It is in use, and catches up"),
        refuses=(404, 409, 501),
    ),
    "DELETE /api/admin/readmodel/kept": Operation(
        id="dropKeptReadModel",
        tag=_ADMIN,
        summary="Remove the read model that is kept for a rollback",
        answers=done(),
        refuses=(409, 501),
    ),
}
