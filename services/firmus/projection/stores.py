"""Which store keeps the read models, as a setting says it."""

from importlib import import_module
from pathlib import Path

from firmus.projection.folder import ReadModelFolder
from firmus.projection.port import ReadModels

SQLITE = "sqlite"


def models_of(read_model: str, folder: Path) -> ReadModels:
    """`read_model` is `sqlite`, whose files are in the folder, or the URL of a PostgreSQL database.
    Its driver is an extra, and so loaded only when it is wanted.
    """
    if read_model == SQLITE:
        return ReadModelFolder(folder)
    models: ReadModels = import_module("firmus.projection.postgres.models").PostgresModels(
        read_model
    )
    return models
