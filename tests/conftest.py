"""What all tests share: a real broker."""

pytest_plugins = ["tests.nats_server"]
