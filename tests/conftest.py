"""What all tests share: a real broker, and one whole system that nobody may disturb."""

pytest_plugins = ["tests.nats_server", "tests.e2e.system", "tests.e2e.sdk_clients", "pytester"]
