"""Workflows played in memory on virtual time: the real rules, no log, no workers, no waiting."""
