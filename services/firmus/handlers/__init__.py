"""Event handlers: what happens when a message of an event arrives (spec 6)."""
