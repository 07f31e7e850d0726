"""All settings of a firmus process: one frozen struct, read once; flags beat FIRMUS_* variables."""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from firmus.broker.access import VARIABLES as NATS_VARIABLES
from firmus.broker.access import Access, access_in, variables_of
from firmus.tls import Identity

PREFIX = "FIRMUS_"
JDBC_PREFIX = "FIRMUS_JDBC_"
"""Before the name of a connection; its value is a URL with credentials in it."""

ROLES = (
    *("gateway", "intake", "schedules", "system-worker"),
    *("scheduler", "projection", "decider"),
)
"""The services, in the order in which they stop."""


class SettingsError(Exception):
    """A setting that cannot be used; the message names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`nats_url` None: `firmus up` starts its own nats-server in `data_dir`.

    `nats_access`: who we are there, of the variables FIRMUS_NATS_USER and so on (its URL does not
    count). `declare_streams`: make what is missing in NATS;
    without that, wait until another service has made it.

    `durability` says what a commit survives: `process` a crash of any process, `power` a loss of
    power too. `processes`: all services in `one`, the projection in a second (`two`), or `each`
    in its own. `instance` is a name that no other process of the same service has: started again
    under it, a killed service takes over its own leases at once. `nats_port` 0: the port of last
    time, else 4222, else any free one. `port` 0: any free one. `metrics_port`: where a service
    that runs alone shows its figures, 0 nowhere; the gateway always shows its own under /metrics.
    `grpc_port`: where the gateway speaks gRPC too, 0 nowhere.
    `shards` None: as the log has them, 16 in a new one. `http_public_only`: HTTP tasks reach no
    loopback, private or cloud metadata address; `http_verify_tls`: certificates are checked;
    `http_env_proxy`: HTTP_PROXY and its like count. `body_bytes_max`: of a request, unpacked;
    `gzip_bytes_min`: answers of that size are packed for who takes gzip, 0 none;
    `allowed_origins`: whose pages in a browser may call, separated by commas, * all.
    `rate_per_s`: requests of each client, 0 any number, `rate_burst` at once (0: those of two
    seconds). `connections_max`, `requests_max`: of a gateway at once, 0 any number.
    `tls_cert`, `tls_key`, `tls_client_ca`: PEM files by which REST and gRPC speak TLS (`tls`).
    `read_model`: where search looks, `sqlite` in `data_dir` or the URL of a PostgreSQL database,
    which may hold a password. `execution_namespace`: the system worker takes only tasks whose
    definition names it. `security`: nobody may do anything without a key or token
    (`SecuritySettings`).
    """

    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: str = "firmus-data"
    nats_url: str | None = None
    nats_access: Access = Access(url="")
    declare_streams: bool = True
    nats_port: int = 0
    nats_server: str | None = None
    durability: Literal["process", "power"] = "process"
    replicas: Literal[1, 3, 5] = 1
    shards: int | None = None
    processes: Literal["one", "two", "each"] = "two"
    instance: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    metrics_port: int = 0
    grpc_port: int = 0
    otel_endpoint: str | None = None
    otel_ratio: float = 1.0
    security: bool = False
    insecure_public: bool = False
    http_public_only: bool = False
    http_verify_tls: bool = True
    http_env_proxy: bool = False
    read_model: str = "sqlite"
    execution_namespace: str | None = None
    body_bytes_max: int = 32 * 1024 * 1024
    gzip_bytes_min: int = 16 * 1024
    allowed_origins: str = ""
    rate_per_s: float = 0.0
    rate_burst: int = 0
    connections_max: int = 10_000
    requests_max: int = 0
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_client_ca: str | None = None


FIELDS = tuple(field for field in Settings.__struct_fields__ if field != "nats_access")


class SecuritySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What security needs to know beside the keys in its store. Variables only, as some of it is
    secret. `admin_key`: `id:secret` of a key that may do everything. `oidc_audience`: whom tokens
    of `oidc_issuer` must be meant for.
    """

    admin_key: str | None = None
    token_ttl_s: int = 3600
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_roles_claim: str = "roles"
    oidc_name_claim: str = "sub"


def read_settings(environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings from flags (None: not given), else the environment, else the defaults.

    Raises SettingsError for a value that cannot be read, a variable that is nearly one of ours
    (others may share our prefix), or a public address that was not asked for.
    """
    given: dict[str, Any] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(JDBC_PREFIX):
            continue
        field = variable.removeprefix(PREFIX).lower()
        if variable in _SECURITY or variable in NATS_VARIABLES:
            continue
        if field not in FIELDS:
            _complain_of_typing_error(variable, field)
        elif value and not value.startswith(_KUBERNETES):
            given[field] = _boolean(value) if field in _SWITCHES else value
    given |= {
        name: value for name, value in (flags or {}).items() if value is not None and name in FIELDS
    }
    try:
        settings = msgspec.convert(given, Settings, strict=False)
        access = access_in(environ, "")
    except msgspec.ValidationError as error:
        raise SettingsError(str(error)) from None
    settings = msgspec.structs.replace(settings, nats_access=access)
    _check(settings)
    if read_security(environ) != SecuritySettings() and not settings.security:
        raise SettingsError(
            f"{' and '.join(sorted(_SECURITY & environ.keys()))} would do nothing: security is off"
        )
    return settings


def read_security(environ: Mapping[str, str]) -> SecuritySettings:
    """The settings of security: FIRMUS_ADMIN_KEY and so on. Raises SettingsError."""
    given = {
        field: value
        for field in SecuritySettings.__struct_fields__
        if (value := environ.get(PREFIX + field.upper()))
    }
    try:
        found = msgspec.convert(given, SecuritySettings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error)) from None
    if found.admin_key is not None and not _ADMIN_KEY.fullmatch(found.admin_key):
        raise SettingsError(
            f"{PREFIX}ADMIN_KEY is id:secret, the id of letters, digits, - and _, the secret of"
            f" {ADMIN_SECRET_CHARS_MIN} characters or more"
        )
    if not _TTL_S[0] <= found.token_ttl_s <= _TTL_S[1]:
        raise SettingsError(f"token_ttl_s must be {_TTL_S[0]}..{_TTL_S[1]}")
    if (found.oidc_issuer is None) != (found.oidc_audience is None):
        raise SettingsError(f"{PREFIX}OIDC_ISSUER and {PREFIX}OIDC_AUDIENCE need each other")
    if found.oidc_issuer and not (find_spec("jwt") and find_spec("cryptography")):
        raise SettingsError(f"{PREFIX}OIDC_ISSUER needs: pip install 'firmus[oidc]'")
    url = urlsplit(found.oidc_issuer or "")
    if found.oidc_issuer and url.scheme != "https" and not is_loopback(url.hostname or ""):
        raise SettingsError(f"{PREFIX}OIDC_ISSUER must be an https address")
    return found


def jdbc_connections(environ: Mapping[str, str]) -> dict[str, str]:
    """SQLAlchemy URLs by the names of connections: FIRMUS_JDBC_ORDERS is that of ORDERS."""
    return {
        name: url
        for variable, url in environ.items()
        if variable.startswith(JDBC_PREFIX) and (name := variable.removeprefix(JDBC_PREFIX)) and url
    }


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which another process reads these same settings."""
    return {
        PREFIX + name.upper(): _text(value)
        for name in FIELDS
        if (value := getattr(settings, name)) is not None
    } | variables_of(settings.nats_access)


def identity_of(settings: Settings) -> Identity | None:
    """Whom our servers say they are; None: they do not speak TLS."""
    if settings.tls_cert is None:
        return None
    return Identity(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def is_loopback(host: str) -> bool:
    """True when only this machine can reach an address. Other names count as public."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


ADMIN_SECRET_CHARS_MIN = 24
_ADMIN_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,64}}:[\x21-\x7e]{{{ADMIN_SECRET_CHARS_MIN},256}}")
_TTL_S = (1, 86_400)
_SECURITY = frozenset(PREFIX + name.upper() for name in SecuritySettings.__struct_fields__)
_KUBERNETES = "tcp://"
"""A cluster sets FIRMUS_PORT to such an address by itself when a service is named firmus."""

_SWITCHES = frozenset(name for name in FIELDS if isinstance(getattr(Settings(), name), bool))
_WORDS = {"1": True, "true": True, "yes": True, "on": True}
_WORDS |= {"0": False, "false": False, "no": False, "off": False}


def _complain_of_typing_error(variable: str, field: str) -> None:
    known = (*FIELDS, *SecuritySettings.__struct_fields__)
    close = difflib.get_close_matches(field, known, n=1, cutoff=0.8)
    if close:
        meant = PREFIX + close[0].upper()
        raise SettingsError(f"{variable} is not a setting; did you mean {meant}?")


def _check_read_model(read_model: str) -> None:
    """What is wrong is not shown: there may be a password in it."""
    if read_model == "sqlite":
        return
    if not read_model.startswith(("postgresql://", "postgres://")):
        raise SettingsError("read_model must be sqlite or a URL postgresql://…")
    if find_spec("psycopg") is None:
        raise SettingsError("read_model in PostgreSQL needs: pip install 'firmus[postgres]'")


def _boolean(text: str) -> bool | str:
    return _WORDS.get(text.lower(), text)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(settings: Settings) -> None:
    for name in ("port", "nats_port", "metrics_port", "grpc_port"):
        if not 0 <= getattr(settings, name) <= 65535:
            raise SettingsError(f"{name} must be 0..65535, not {getattr(settings, name)}")
    if settings.body_bytes_max < 1 or settings.gzip_bytes_min < 0:
        raise SettingsError("body_bytes_max must be above 0, gzip_bytes_min not below")
    for name in ("rate_per_s", "rate_burst", "connections_max", "requests_max"):
        if getattr(settings, name) < 0:
            raise SettingsError(f"{name} must not be negative")
    if settings.rate_burst and not settings.rate_per_s:
        raise SettingsError("rate_burst needs rate_per_s")
    if settings.tls_cert is None and (settings.tls_key or settings.tls_client_ca):
        raise SettingsError("tls_key and tls_client_ca need tls_cert")
    if settings.shards is not None and not 1 <= settings.shards <= 1024:
        raise SettingsError(f"shards must be 1..1024, not {settings.shards}")
    if not 0.0 <= settings.otel_ratio <= 1.0:
        raise SettingsError(f"otel_ratio must be 0..1, not {settings.otel_ratio}")
    _check_read_model(settings.read_model)
    if settings.replicas > 1 and settings.nats_url is None:
        raise SettingsError("replicas above 1 need a cluster: give nats_url")
    if not (is_loopback(settings.host) or settings.security or settings.insecure_public):
        raise SettingsError(
            f"{settings.host} can be reached from outside and security is off: ask for keys with "
            "--security, put a proxy that authenticates in front of a loopback address, or accept "
            "the risk with --insecure-public"
        )
