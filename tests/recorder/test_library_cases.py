"""The eventsourcing library's own acceptance tests, on a real server."""

import pytest
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)
from tests.recorder.names import environment

from firmus.eventlog.recorder import Factory

pytestmark = pytest.mark.nats


class TestAggregateRecorder(AggregateRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _factory(self, nats_url):
        with_factory = Factory(environment(nats_url))
        self.factory = with_factory
        yield
        with_factory.close()

    def create_recorder(self) -> AggregateRecorder:
        return self.factory.aggregate_recorder()


class TestApplicationRecorder(ApplicationRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _factory(self, nats_url):
        with_factory = Factory(environment(nats_url))
        self.factory = with_factory
        yield
        with_factory.close()

    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(NonInterleavingNotificationIDsBaseCase):
    @pytest.fixture(autouse=True)
    def _factory(self, nats_url):
        with_factory = Factory(environment(nats_url))
        self.factory = with_factory
        yield
        with_factory.close()

    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()


# Collected here they would run without a recorder.
del AggregateRecorderTestCase, ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
