"""What a process is given by its environment for workflows to read."""

from collections.abc import Mapping

SECRET_PREFIX = "CONDUCTOR_SECRET_"  # noqa: S105 - where secrets are looked for
ENVIRONMENT_PREFIX = "CONDUCTOR_ENV_"


def named_values(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Secrets and `${workflow.env.…}` come from the decider's own environment, each under
    Conductor's prefix and nothing else of it (spec 2.4, 2.7).
    """
    return {
        name.removeprefix(prefix): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }
