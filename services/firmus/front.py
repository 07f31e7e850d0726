"""What the settings say about how the gateway meets its clients."""

from firmus.gateway.manners import Manners
from firmus.settings import Settings


def manners_of(settings: Settings) -> Manners:
    origins = (origin.strip() for origin in settings.allowed_origins.split(","))
    return Manners(
        body_bytes_max=settings.body_bytes_max,
        gzip_bytes_min=settings.gzip_bytes_min,
        allowed_origins=tuple(origin for origin in origins if origin),
    )
