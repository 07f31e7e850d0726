"""Settings: flags beat the environment, the environment beats the defaults, mistakes are named."""

import pytest

from firmus.settings import (
    FIELDS,
    SecuritySettings,
    Settings,
    SettingsError,
    environment,
    is_loopback,
    jdbc_connections,
    read_security,
    read_settings,
)


def test_nothing_given_means_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_flags_beat_the_environment_and_none_means_not_given() -> None:
    environ = {"FIRMUS_PORT": "9000", "FIRMUS_SHARDS": "4", "HOME": "/x"}
    settings = read_settings(environ, {"port": 9001, "shards": None, "run": "system:up"})
    assert (settings.port, settings.shards) == (9001, 4)


def test_texts_of_the_environment_become_numbers_and_truth_values() -> None:
    environ = {"FIRMUS_HTTP_PUBLIC_ONLY": "on", "FIRMUS_REPLICAS": "3", "FIRMUS_OTEL_RATIO": "0.5"}
    settings = read_settings({**environ, "FIRMUS_NATS_URL": "nats://a"})
    assert (settings.http_public_only, settings.replicas, settings.otel_ratio) == (True, 3, 0.5)


def test_an_empty_variable_counts_as_not_given() -> None:
    assert read_settings({"FIRMUS_NATS_URL": ""}).nats_url is None


def test_the_address_that_kubernetes_puts_into_firmus_port_is_left_alone() -> None:
    assert read_settings({"FIRMUS_PORT": "tcp://10.0.0.1:8080"}).port == 8080


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"FIRMUS_PORT": "many"}, "port"),
        ({"FIRMUS_PORT": "70000"}, "port"),
        ({"FIRMUS_SHARDS": "0"}, "shards"),
        ({"FIRMUS_DURABILITY": "hope"}, "durability"),
        ({"FIRMUS_HTTP_PUBLIC_ONLY": "perhaps"}, "http_public_only"),
        ({"FIRMUS_OTEL_RATIO": "2"}, "otel_ratio"),
        ({"FIRMUS_REPLICAS": "3"}, "nats_url"),
        ({"FIRMUS_DURABILTY": "power"}, "FIRMUS_DURABILITY"),
    ],
)
def test_a_mistake_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_settings(environ)


def test_a_public_address_needs_consent() -> None:
    with pytest.raises(SettingsError, match="--insecure-public"):
        read_settings({"FIRMUS_HOST": "0.0.0.0"})
    assert read_settings({"FIRMUS_HOST": "0.0.0.0"}, {"insecure_public": True}).insecure_public


def test_a_public_address_is_fine_with_security() -> None:
    assert read_settings({"FIRMUS_HOST": "0.0.0.0", "FIRMUS_SECURITY": "on"}).security


OIDC = {"FIRMUS_OIDC_ISSUER": "https://id.example/realm", "FIRMUS_OIDC_AUDIENCE": "firmus"}


def test_what_is_secret_about_security_stands_in_variables_only() -> None:
    environ = {"FIRMUS_ADMIN_KEY": "root:" + "s" * 24, "FIRMUS_TOKEN_TTL_S": "60", **OIDC}
    assert read_security(environ) == SecuritySettings(
        admin_key="root:" + "s" * 24,
        token_ttl_s=60,
        oidc_issuer="https://id.example/realm",
        oidc_audience="firmus",
    )
    assert read_settings({**environ, "FIRMUS_SECURITY": "on"}) == Settings(security=True)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"FIRMUS_ADMIN_KEY": "root:short"}, "FIRMUS_ADMIN_KEY"),
        ({"FIRMUS_ADMIN_KEY": "ro.ot:" + "s" * 24}, "FIRMUS_ADMIN_KEY"),
        ({"FIRMUS_ADMIN_KEY": "s" * 60}, "FIRMUS_ADMIN_KEY"),
        ({"FIRMUS_TOKEN_TTL_S": "0"}, "token_ttl_s"),
        ({"FIRMUS_TOKEN_TTL_S": "soon"}, "token_ttl_s"),
        ({"FIRMUS_OIDC_ISSUER": "https://id.example"}, "FIRMUS_OIDC_AUDIENCE"),
        ({"FIRMUS_OIDC_AUDIENCE": "firmus"}, "FIRMUS_OIDC_ISSUER"),
        ({**OIDC, "FIRMUS_OIDC_ISSUER": "http://id.example"}, "https"),
        ({"FIRMUS_OIDC_AUDIENC": "firmus"}, "did you mean FIRMUS_OIDC_AUDIENCE"),
    ],
)
def test_a_mistake_about_security_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_settings({**environ, "FIRMUS_SECURITY": "on"})


def test_settings_of_security_that_is_off_are_a_mistake() -> None:
    with pytest.raises(SettingsError, match="FIRMUS_ADMIN_KEY would do nothing: security is off"):
        read_settings({"FIRMUS_ADMIN_KEY": "root:" + "s" * 24})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("::", False), ("a.example", False)],
)
def test_only_this_machine_reaches_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_another_process_reads_the_same_settings_from_the_environment() -> None:
    settings = Settings(
        host="0.0.0.0",
        insecure_public=True,
        metrics_port=9100,
        nats_url="nats://a:1",
        replicas=3,
        otel_ratio=0.25,
        processes="each",
    )
    assert read_settings(environment(settings)) == settings


def test_there_are_few_settings() -> None:
    assert len(FIELDS) < 40


def test_connections_of_jdbc_are_no_settings_and_have_names_of_their_own() -> None:
    environ = {"FIRMUS_JDBC_METRICS_PORT": "sqlite://", "FIRMUS_JDBC_": "x", "FIRMUS_JDBC_A": ""}
    assert read_settings(environ) == Settings()
    assert jdbc_connections(environ) == {"METRICS_PORT": "sqlite://"}


def test_the_store_of_search_is_sqlite_or_a_database() -> None:
    assert read_settings({}).read_model == "sqlite"
    url = "postgresql://me:open-sesame@db/firmus"
    assert read_settings({"FIRMUS_READ_MODEL": url}).read_model == url
    for wrong in ("mysql://me:open-sesame@db/firmus", "postgres", "me:open-sesame@db"):
        with pytest.raises(SettingsError, match="read_model must be sqlite or a URL") as found:
            read_settings({"FIRMUS_READ_MODEL": wrong})
        assert "sesame" not in str(found.value)
