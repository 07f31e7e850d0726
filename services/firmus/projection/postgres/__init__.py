"""The read models in a PostgreSQL database, for deployments that share one."""
