"""Task queues as clients see them (spec 9.4)."""

from firmus.ports import QueueSize

SHARD = "a"
"""As Conductor calls the one shard of its queues."""


def name_of(size: QueueSize) -> str:
    """A queue's name as Conductor writes it."""
    return f"{size.domain}:{size.task_type}" if size.domain else size.task_type


def held(sizes: list[QueueSize]) -> list[QueueSize]:
    """The queues that hold something, or are just handing it out, by name."""
    return sorted((size for size in sizes if size.waiting or size.handing), key=name_of)
