import pytest

pytest.register_assert_rewrite("tests.definitions_store.contract")
