"""Tags of definitions: words by which people find them; nothing else looks at them.

They belong to a name, all versions of a workflow share them, and end with its last definition.
"""

from collections.abc import Iterable
from typing import Final

from firmus.definitions.aggregate import Aggregate, DefinitionTagged, task_id, workflow_id
from firmus.ports import TagChange, TagOwner
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.requests import Tag

TAGS_MAX: Final = 100
CHARACTERS_MAX: Final = 255
PLAIN: Final = "METADATA"
LIMIT: Final = "RATE_LIMIT"


def identity_of(what: TagOwner, name: str) -> str:
    """The aggregate that has the tags."""
    return workflow_id(name) if what == "workflow" else task_id(name)


def present(aggregate: Aggregate, what: TagOwner, name: str) -> Aggregate:
    """The aggregate, if something is registered there. Raises Refusal NOT_FOUND."""
    if aggregate.workflows or aggregate.task is not None:
        return aggregate
    raise Refusal("NOT_FOUND", f"No such {what} definition: {name}")


def retag(
    aggregate: Aggregate,
    what: TagOwner,
    name: str,
    change: TagChange,
    given: list[Tag],
    *,
    now_ms: int,
) -> DefinitionTagged | None:
    """Adds, removes or replaces; a tag is meant by its key and value. None when nothing changes.
    Raises Refusal NOT_FOUND, INVALID, NOT_IMPLEMENTED.
    """
    had = present(aggregate, what, name).tags
    if change == "remove":
        gone = {(tag.key, tag.value) for tag in given}
        tags = tuple(tag for tag in had if (tag.key, tag.value) not in gone)
    else:
        kept = had if change == "add" else ()
        together = (*kept, *map(_checked, given))
        tags = tuple({(tag.key, tag.value): tag for tag in together}.values())
    if tags == had:
        return None
    if len(tags) > TAGS_MAX:
        raise Refusal("INVALID", f"A definition has at most {TAGS_MAX} tags")
    return DefinitionTagged(
        originator_id=identity_of(what, name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        tags=tags,
    )


def names_with(
    tagged: Iterable[tuple[str, Aggregate]], what: TagOwner, key: str | None, value: str | None
) -> set[str]:
    """Those that have a tag of this key and this value (None: of any)."""
    start = identity_of(what, "")
    return {
        identity.removeprefix(start)
        for identity, it in tagged
        if identity.startswith(start)
        and any(key in (None, tag.key) and value in (None, tag.value) for tag in it.tags)
    }


def each_with_name(tagged: Iterable[tuple[str, Aggregate]]) -> list[tuple[str, Tag]]:
    """Every tag of everything, with the name that has it."""
    return [(identity.partition("-")[2], tag) for identity, it in tagged for tag in it.tags]


def _checked(tag: Tag) -> Tag:
    """The tag as it is kept."""
    if tag.type == LIMIT:
        raise Refusal(
            "NOT_IMPLEMENTED",
            "A tag limits no task: `concurrentExecLimit` of its definition does",
        )
    errors = tuple(
        ValidationError(path=path, message=f"{path} must have 1 to {CHARACTERS_MAX} characters")
        for path, text in (("key", tag.key), ("value", tag.value))
        if text is None or not text.strip() or len(text) > CHARACTERS_MAX
    )
    if errors:
        raise Refusal("INVALID", "A tag has a key and a value", errors)
    return Tag(key=tag.key, value=tag.value, type=tag.type or PLAIN)
