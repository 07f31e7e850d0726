"""How many requests a client may make."""

import pytest

from firmus.edge.entrance import client_at
from firmus.edge.rates import CLIENTS_MAX, Buckets, Rate, drawn
from firmus.gateway.manners import Manners
from tests.gateway.guarded import gated

RATE = Rate(per_s=2, burst=3)


@pytest.mark.parametrize(
    ("times_s", "waits_s"),
    [
        ([0], [0]),
        ([0, 0, 0], [0, 0, 0]),
        ([0, 0, 0, 0], [0, 0, 0, 0.5]),
        ([0, 0, 0, 0, 0, 0], [0, 0, 0, 0.5, 0.5, 0.5]),
        ([0, 0, 0, 0.25, 0.5, 0.5], [0, 0, 0, 0.25, 0, 0.5]),
        ([0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0.5]),
        ([0, 0, 0, 100, 100, 100, 100], [0, 0, 0, 0, 0, 0, 0.5]),
        ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5], [0, 0, 0, 0, 0, 0]),
    ],
)
def test_a_bucket_holds_a_burst_and_fills_by_the_second(times_s, waits_s):
    full_s, found = 0.0, []
    for now_s in times_s:
        full_s, wait_s = drawn(full_s, now_s, RATE)
        found.append(wait_s)

    assert found == pytest.approx(waits_s)


def test_clients_have_buckets_of_their_own_and_full_ones_are_forgotten():
    now_s = 0.0
    buckets = Buckets(RATE, lambda: now_s)
    assert [buckets.wait_s("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]
    assert buckets.wait_s("b") == 0
    now_s = 10.0
    assert buckets.wait_s("c") == 0
    assert len(buckets) == 1


def test_any_number_of_clients_takes_bounded_memory():
    buckets = Buckets(RATE, lambda: 0.0)
    for number in range(CLIENTS_MAX + 500):
        buckets.wait_s(str(number))
    assert len(buckets) == CLIENTS_MAX
    last = str(CLIENTS_MAX + 499)
    assert [buckets.wait_s(last) for _ in range(3)] == [0, 0, pytest.approx(0.5)]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:0:1:aaaa:bbbb:cccc:dddd", "2001:db8:0:1::"),
        ("2001:db8:0:2::1", "2001:db8:0:2::"),
        ("::1", "::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("/run/firmus.sock", "/run/firmus.sock"),
    ],
)
def test_an_address_of_ipv6_counts_with_all_of_its_network(address, client):
    assert client_at(address) == f"address {client}"


async def test_with_security_each_key_has_a_bucket_and_guesses_have_that_of_their_address():
    async with gated(Manners(rate=Rate(per_s=0.01, burst=3))) as gate:
        one = [(await gate.call("GET", "/metadata/workflow", by="read")).status for _ in range(4)]
        other = [
            (await gate.call("GET", "/metadata/workflow", by="admin")).status for _ in range(2)
        ]
        watched = [(await gate.call("GET", "//metrics", by="read")).status for _ in range(5)]
        wrong = {"Authorization": "Bearer guessed"}
        guesses = [
            (await gate.api.get("/metadata/workflow", headers=dict(wrong))).status for _ in range(5)
        ]
        still = (await gate.call("GET", "/metadata/workflow", by="admin")).status
        right = await gate.call("GET", "/metadata/workflow", by="execute")
    assert one == [200, 200, 200, 429]
    assert other == [200, 200]
    assert guesses == [401, 401, 401, 429, 429]
    assert still == 200
    assert (right.status, int(right.headers["Retry-After"]) > 0) == (429, True)
    assert watched == [200] * 5


async def test_requests_that_are_not_allowed_count_too():
    async with gated(Manners(rate=Rate(per_s=0.01, burst=3))) as gate:
        path = "/metadata/workflow/payroll"
        denied = [(await gate.call("GET", path, by="read:orders_*")).status for _ in range(4)]
    assert denied == [403, 403, 403, 429]


async def test_new_credentials_that_prove_somebody_cost_their_address_nothing():
    async with gated(Manners(rate=Rate(per_s=0.01, burst=3))) as gate:
        path = "/metadata/workflow"
        new = [(await gate.call("GET", path, by=f"read:{n}")).status for n in range(9)]
        free = "//metrics"
        wrong = [
            (await gate.api.get(free, headers={"X-Authorization": "x"})).status for _ in range(5)
        ]
    assert new == [200] * 9
    assert wrong == [401, 401, 401, 429, 429]
