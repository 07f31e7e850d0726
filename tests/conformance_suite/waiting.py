"""Recorded scenarios that need what firmus does not do yet, and what that is.

A scenario that is listed here and passes fails the suite, so the table can only shrink.
"""

_BY_CAPABILITY = {
    "event handlers": (
        "rest_events.bad_handlers",
        "rest_events.handler_crud",
        "rest_events.handlers_end_to_end",
        "rest_events.handlers_of_an_event",
        "rest_http.client_mistakes_answered_with_500",
    ),
}

WAITING = {name: why for why, names in _BY_CAPABILITY.items() for name in names}
