"""What the settings say about how the gateway meets its clients."""

import math

from firmus.gateway.doorman import Limits
from firmus.gateway.manners import Manners
from firmus.gateway.rates import Rate
from firmus.settings import Settings


def manners_of(settings: Settings) -> Manners:
    origins = (origin.strip() for origin in settings.allowed_origins.split(","))
    rate = None
    if settings.rate_per_s:
        burst = settings.rate_burst or math.ceil(2 * settings.rate_per_s)
        rate = Rate(settings.rate_per_s, burst)
    return Manners(
        body_bytes_max=settings.body_bytes_max,
        gzip_bytes_min=settings.gzip_bytes_min,
        allowed_origins=tuple(origin for origin in origins if origin),
        limits=Limits(connections_max=settings.connections_max, requests_max=settings.requests_max),
        rate=rate,
    )
