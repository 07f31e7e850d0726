from hypothesis import given
from hypothesis import strategies as st

from firmus.broker.shard_leases import Plan, plan


def test_one_instance_takes_all():
    wanted = plan(4, instance="a", instances=[], taken=[], held=[])
    assert wanted == Plan(take=(0, 1, 2, 3))


def test_a_newcomer_makes_the_others_give_back_their_surplus():
    wanted = plan(4, instance="a", instances=["a", "b"], taken=range(4), held=range(4))
    assert wanted == Plan(drop=(2, 3))


def test_what_others_hold_is_not_tried():
    wanted = plan(4, instance="b", instances=["a", "b"], taken=[0, 1, 2], held=[])
    assert wanted == Plan(take=(3,))


def test_an_instance_too_many_stands_by():
    wanted = plan(2, instance="c", instances=["a", "b", "c"], taken=[], held=[])
    assert wanted == Plan()


@given(st.integers(1, 64), st.sets(st.text(min_size=1, max_size=4), min_size=1, max_size=12))
def test_quotas_add_up_and_differ_by_one_at_most(shards, names):
    plans = [plan(shards, instance=n, instances=names, taken=[], held=[]) for n in names]
    sizes = [len(p.take) for p in plans]
    assert sum(sizes) == shards
    assert max(sizes) - min(sizes) <= 1
    assert len({shard for p in plans for shard in p.take}) == shards
