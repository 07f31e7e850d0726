"""What every store of keys does; one class of tests for each implementation inherits it."""

import asyncio

import pytest

from firmus.security.grants import Grant
from firmus_contracts.errors import Refusal

READER = (Grant("read"),)
ORDERS = (Grant("execute", "orders_*"),)


class KeysContract:
    """Needs the fixtures `keys` (empty) and `clock`."""

    async def test_a_created_key_is_known_and_its_secret_is_not(self, keys, clock):
        made = await keys.create("billing", ORDERS, actor="ann")
        key = keys.known(made.key_id)
        assert (key.name, key.grants, key.active) == ("billing", ORDERS, True)
        assert (key.created_ms, key.created_by) == (clock.now_ms(), "ann")
        assert made.key_secret not in repr(key) + key.secrets[0].hashed + key.secrets[0].signing
        assert await keys.all() == [key]

    async def test_every_key_has_its_own_id_and_secret(self, keys):
        made = [await keys.create("same", READER) for _ in range(3)]
        assert len({one.key_id for one in made}) == len({one.key_secret for one in made}) == 3

    async def test_a_rotated_key_has_both_secrets_for_a_while(self, keys, clock):
        made = await keys.create("billing", READER)
        again = await keys.rotate(made.key_id, overlap_s=60)
        newest, before = keys.known(made.key_id).secrets
        assert again.key_id == made.key_id
        assert again.key_secret != made.key_secret
        assert (newest.number, newest.until_ms) == (2, 0)
        assert (before.number, before.until_ms) == (1, clock.now_ms() + 60_000)

    async def test_grants_are_replaced(self, keys):
        made = await keys.create("billing", READER)
        await keys.grant(made.key_id, ORDERS)
        position = keys.position
        await keys.grant(made.key_id, ORDERS)
        assert keys.known(made.key_id).grants == ORDERS
        assert keys.position == position

    async def test_a_revoked_key_has_no_secret_and_stays_revoked(self, keys, clock):
        made = await keys.create("billing", READER)
        await keys.revoke(made.key_id, actor="bob")
        await keys.revoke(made.key_id, actor="eve")
        key = keys.known(made.key_id)
        assert (key.active, key.secrets, key.revoked_by) == (False, (), "bob")
        assert key.revoked_ms == clock.now_ms()
        for change in (keys.rotate(made.key_id), keys.grant(made.key_id, ORDERS)):
            with pytest.raises(Refusal, match="No such key"):
                await change

    async def test_what_cannot_be_is_refused(self, keys):
        made = await keys.create("billing", READER)
        for wrong, code in (
            (keys.create("", READER), "INVALID"),
            (keys.create("a\nb", READER), "INVALID"),
            (keys.create("a", ()), "INVALID"),
            (keys.grant(made.key_id, (Grant("read", ""),)), "INVALID"),
            (keys.rotate(made.key_id, overlap_s=-1), "INVALID"),
            (keys.revoke("nobody"), "NOT_FOUND"),
        ):
            with pytest.raises(Refusal) as refused:
                await wrong
            assert refused.value.code == code

    async def test_changes_at_the_same_time_all_count(self, keys):
        made = await keys.create("billing", READER)
        await asyncio.gather(*(keys.rotate(made.key_id) for _ in range(5)))
        assert keys.known(made.key_id).secrets[0].number == 6
