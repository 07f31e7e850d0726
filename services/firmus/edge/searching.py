"""Searches that a client may want to be as new as what it knows of."""

import msgspec

from firmus.ports import LATEST, SearchPage, SearchPort, SearchRequest, Unavailable

CATCH_UP_S = 5.0


async def new_enough(search: SearchPort, asked: SearchRequest) -> SearchPage:
    """A page that reflects the log up to `at_least`, for which it waits. Raises Unavailable when
    the read model does not come so far, Refusal for what cannot be read.
    """
    if asked.at_least:
        asked = msgspec.structs.replace(asked, wait_s=CATCH_UP_S)
    page = await search.search(asked)
    if page.lag if asked.at_least == LATEST else page.position < asked.at_least:
        raise Unavailable(f"the read model reaches position {page.position} only")
    return page
