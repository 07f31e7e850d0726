"""Conductor's gRPC interface, on the ports that the REST gateway stands on."""
