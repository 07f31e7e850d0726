"""What the settings say about how the gateway meets its clients."""

import math

from firmus.edge.rates import Rate
from firmus.gateway.doorman import Limits
from firmus.gateway.manners import Manners
from firmus.settings import Settings


def rate_of(settings: Settings) -> Rate | None:
    """Of each client's requests; None for any number."""
    if not settings.rate_per_s:
        return None
    burst = settings.rate_burst or math.ceil(2 * settings.rate_per_s)
    return Rate(settings.rate_per_s, burst)


def manners_of(settings: Settings) -> Manners:
    origins = (origin.strip() for origin in settings.allowed_origins.split(","))
    return Manners(
        body_bytes_max=settings.body_bytes_max,
        gzip_bytes_min=settings.gzip_bytes_min,
        allowed_origins=tuple(origin for origin in origins if origin),
        limits=Limits(connections_max=settings.connections_max, requests_max=settings.requests_max),
        rate=rate_of(settings),
    )
