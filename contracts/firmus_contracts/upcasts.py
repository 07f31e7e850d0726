"""How events that were written under a retired tag become events of today.

A tag never changes its meaning. When an event has to change in a way that a default cannot
express, it gets a new tag and the old one an entry here: a pure function from the old event's
JSON object (its `type` included) to the new one's. Functions may be chained: their result is
looked up again.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: Mapping[str, Upcast] = {}
