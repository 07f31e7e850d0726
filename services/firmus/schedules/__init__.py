"""Starts repeated by the clock: cron schedules, their runs, and the service that makes them."""
