"""Users for a nats-server, as the command prints them."""

import pytest

from firmus.broker.permissions import SERVICES
from firmus.cli import main
from firmus.console.nats_users import OUTSIDERS, variable


def test_passwords_make_users(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    asked = ["--user", "orders=worker", "--user", "shop=producer", "--outside", "crm.>"]
    assert main(["nats-passwords", *asked]) == 0
    given = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    names = [*SERVICES, "orders", "shop"]
    assert set(given) == {variable(name) for name in (*names, "route")}
    assert len(set(given.values())) == len(given)

    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(["nats-users", *asked]) == 0
    block = capsys.readouterr().out
    for name in names:
        assert f'user: "{name}"' in block
        assert f'password: "{given[variable(name)]}"' in block
    assert block.count('"crm.>"') == 3


def test_without_names_there_is_one_outsider_of_each_kind(capsys: pytest.CaptureFixture[str]):
    main(["nats-passwords"])
    assert len(capsys.readouterr().out.splitlines()) == len(SERVICES) + len(OUTSIDERS) + 1


def test_missing_passwords_are_named(capsys: pytest.CaptureFixture[str]):
    assert main(["nats-users"]) == 2
    assert "FIRMUS_NATS_PASSWORD_SYSTEM_WORKER" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["orders", "orders=king", "a b=worker", "=worker"])
def test_a_user_has_a_name_and_a_kind(text: str, capsys: pytest.CaptureFixture[str]):
    assert main(["nats-passwords", "--user", text]) == 2
    assert "NAME=KIND" in capsys.readouterr().err
