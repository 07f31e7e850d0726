"""How Conductor's models are written: nulls omitted, everything else always present (spec 1.1)."""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Annotated, Any, dataclass_transform

import msgspec

Int = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""An integer of 32 bits: what lies outside is refused, as everywhere behind it."""
Long = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer of 64 bits."""
ABSENT = msgspec.Raw(b"")
"""The default of a property that holds JSON as it stands; compared by identity, never written."""


def always(make: Callable[[], Any]) -> Any:
    """A default that is written out too: Conductor writes empty collections.

    The partial hides the maker: msgspec leaves a default made by `list` or `dict` itself out.
    """
    return msgspec.field(default_factory=partial(make))


def value(default: Any) -> Any:
    """An immutable default that is written out too. Models have dozens of these: a factory that
    is no Python function costs half.
    """
    return msgspec.field(default_factory=repeat(default).__next__)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Model(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """A model of the public contract. Unknown properties are ignored on input."""
