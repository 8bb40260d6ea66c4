"""Every setting of the service, read from the environment: the only module that looks
there. Called by `bootstrap` and `cli`.

Each field names its environment variable, its reader (`settings.types`) and what it is for,
so that `check-config`, the README's table and the messages about faults all come from one
line. Nothing else belongs here: no defaults that depend on the machine, no I/O but secrets
kept in files.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from queue_services.errors import ConfigurationError, Fault
from queue_services.settings import types

T = TypeVar("T")
D = TypeVar("D")

PREFIX = "QUEUE_SERVICES_"
_READ_BY_OTHERS = {"QUEUE_SERVICES_URL", "QUEUE_SERVICES_KEY", "QUEUE_SERVICES_TEST_PG_BIN"}
# Kubernetes sets these in every pod beside a Service called queue-services;
# QUEUE_SERVICES_PORT is then tcp://ADDRESS:PORT.
_KUBERNETES = re.compile(r"QUEUE_SERVICES_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)\w*)")


@dataclass(frozen=True, slots=True)
class Variable:
    """Where one setting comes from. `plain` ones are read under their bare name as well, as
    the original service did.
    """

    name: str
    read: Callable[[str], Any]
    about: str
    secret: bool
    plain: bool

    def names(self) -> Iterator[str]:
        """The names it may have in the environment; the first that is set wins."""
        yield PREFIX + self.name
        if self.plain:
            yield self.name

    def file_names(self) -> Iterator[str]:
        """The names of those that hold the path of a file with a secret in it."""
        yield from (name + "_FILE" for name in self.names() if self.secret)

    @property
    def shown(self) -> str:
        """The name that documentation and faults use."""
        return self.name if self.plain else PREFIX + self.name


def setting(
    name: str,
    read: Callable[[str], T],
    default: D,
    about: str,
    *,
    secret: bool = False,
    plain: bool = False,
) -> T | D:
    """A field of `Settings`, read from the variable `name` by `read`."""
    variable = Variable(name, read, about, secret, plain)
    return dataclasses.field(default=default, metadata={"variable": variable})


@dataclass(frozen=True, slots=True)
class Described:
    """One line of `check-config`: `value` is masked where it is secret, `source` is
    default, environment, file or option.
    """

    name: str
    value: str
    source: str
    about: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """The settings in force, checked and typed. Times end in their unit; a limit is
    messages a second.
    """

    host: str = setting("HOST", types.text, "127.0.0.1", "address to listen on", plain=True)
    port: int = setting(
        "PORT", types.whole(0, 65535), 3000, "port to listen on; 0 takes a free one", plain=True
    )
    database_url: str = setting(
        "DATABASE_URL",
        types.database_url,
        "sqlite:///queue-services.db",
        "the store: `sqlite:///FILE` or `postgresql://...`",
        secret=True,
    )

    sms_api_url: str | None = setting(
        "SMS_API_URL", types.base_url, None, "the application's base URL for SMS", plain=True
    )
    email_api_url: str | None = setting(
        "EMAIL_API_URL", types.base_url, None, "the application's base URL for email", plain=True
    )
    sms_callback_endpoint: str = setting(
        "SMS_CALLBACK_ENDPOINT", types.path, "/send-sms", "path that SMS are POSTed to", plain=True
    )
    email_callback_endpoint: str = setting(
        "EMAIL_CALLBACK_ENDPOINT",
        types.path,
        "/api/email/send",
        "path that email is POSTed to",
        plain=True,
    )
    callback_paths: tuple[str, ...] = setting(
        "CALLBACK_PATHS",
        types.each(types.path),
        ("/",),
        "prefixes that a `callbackEndpoint` must begin with one of",
    )
    callback_allow: tuple[types.Network, ...] = setting(
        "CALLBACK_ALLOW",
        types.each(types.network),
        (),
        "private networks that base URLs set by API may lead to",
    )
    callback_authorization: str | None = setting(
        "CALLBACK_AUTHORIZATION",
        types.header_value,
        None,
        "`authorization` header of callbacks to `SMS_API_URL` and `EMAIL_API_URL`, and of events"
        " to `EVENTS_URL`; never sent to a workspace's own URL",
        secret=True,
    )
    signing_secret: str | None = setting(
        "SIGNING_SECRET",
        types.signing_secret,
        None,
        "signs callbacks and events (Standard Webhooks, `whsec_...`), but for those to a"
        " workspace's own URL",
        secret=True,
    )
    events_url: str | None = setting(
        "EVENTS_URL",
        types.base_url,
        None,
        "where events about messages and limits are POSTed",
        plain=True,
    )

    sms_per_second: float = setting(
        "SMS_PER_SECOND", types.limit, 50, "SMS a second of the whole service"
    )
    email_per_second: float = setting(
        "EMAIL_PER_SECOND", types.limit, 100, "email a second of the whole service"
    )
    sms_units: str = setting(
        "SMS_UNITS",
        types.one_of("messages", "segments"),
        "messages",
        "what the SMS limits count: `messages`, or their `segments`",
    )
    max_attempts: int = setting(
        "MAX_ATTEMPTS", types.whole(1, 100), 3, "tries before a message is FAILED"
    )
    backoff_seconds: float = setting(
        "BACKOFF_SECONDS",
        types.number(0, 600),
        1,
        "longest wait before the second try; doubles with each, up to 10 minutes",
    )
    delivery_timeout_seconds: float = setting(
        "DELIVERY_TIMEOUT_SECONDS",
        types.number(0.01, 600),
        10,
        "how long a callback may take to answer",
    )
    concurrency: int = setting(
        "CONCURRENCY", types.whole(1, 10_000), 256, "callbacks in flight at once in one process"
    )
    lease_seconds: float = setting(
        "LEASE_SECONDS",
        types.number(0.1, 3600),
        30,
        "how long a dispatcher that died keeps its messages",
    )
    retention_days: float = setting(
        "RETENTION_DAYS", types.number(0, 36_500), 30, "how long finished jobs are kept"
    )
    history_days: float = setting(
        "HISTORY_DAYS",
        types.number(90, 36_500),
        1095,
        "how long the days of the metrics' history are kept, two rows a day of each workspace that"
        " sent",
    )
    body_days: float | None = setting(
        "BODY_DAYS",
        types.number(0, 36_500),
        None,
        "how long the bodies of delivered messages are kept; as long as their jobs where it is"
        " not set",
    )
    shutdown_seconds: float = setting(
        "SHUTDOWN_SECONDS",
        types.number(0, 3600),
        15,
        "how long a stop waits for callbacks in flight",
    )
    drain_seconds: float = setting(
        "DRAIN_SECONDS",
        types.number(0, 3600),
        0,
        "how long a stop goes on serving while `/health/ready` is 503 already, for load balancers"
        " to notice",
    )
    share_port: bool = setting(
        "SHARE_PORT",
        types.flag,
        False,
        "let several processes of this user listen on the same address, for a restart without"
        " a gap",
    )
    max_connections: int = setting(
        "MAX_CONNECTIONS",
        types.whole(1, 1_000_000),
        1000,
        "clients' connections at once in one process; more are told 503",
    )
    body_memory_mib: int = setting(
        "BODY_MEMORY_MIB",
        types.whole(32, 1_000_000),
        256,
        "MiB of requests' bodies at once in one process; large ones beyond it are told 503",
    )

    admin_key: str | None = setting(
        "ADMIN_KEY",
        types.admin_key,
        None,
        "an administrator's key of at least 32 characters, beside those made by `keys create`",
        secret=True,
    )
    bull_board_username: str | None = setting(
        "BULL_BOARD_USERNAME", types.text, None, "the dashboard's login", plain=True
    )
    bull_board_password: str | None = setting(
        "BULL_BOARD_PASSWORD", types.text, None, "the dashboard's password", secret=True, plain=True
    )
    dashboard_read_only: bool = setting(
        "DASHBOARD_READ_ONLY", types.flag, False, "let the dashboard change nothing"
    )
    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS", types.each(types.origin), (), "web origins whose pages may call the API"
    )
    insecure: bool = setting(
        "INSECURE", types.flag, False, "serve other addresses than loopback without a key"
    )

    test_clock: bool = setting(
        "TEST_CLOCK",
        types.flag,
        False,
        "let POST /api/test-clock/advance move the time; for tests alone, and `serve` alone",
    )

    log_level: str = setting(
        "LOG_LEVEL",
        types.one_of("debug", "info", "warning", "error"),
        "info",
        "`debug`, `info`, `warning` or `error`",
    )
    log_format: str = setting(
        "LOG_FORMAT",
        types.one_of("auto", "console", "json"),
        "auto",
        "`console`, `json`, or `auto`: console on a terminal",
    )

    sources: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)

    VARIABLES: ClassVar[Mapping[str, Variable]]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Read every setting; `options` (command line; None = not given) go before the
        environment, an empty variable counts as unset.

        A secret may also stand in a file: `NAME_FILE` holds its path. Raises ConfigurationError
        with every fault found.
        """
        if strange := options.keys() - cls.VARIABLES.keys():
            raise TypeError(f"no such settings: {', '.join(sorted(strange))}")
        faults = list(_unknown_names(environ, cls.VARIABLES.values()))
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for field, variable in cls.VARIABLES.items():
            try:
                name, written, source = _written(variable, environ, options.get(field))
                if written is not None:
                    values[field], sources[field] = _read(name, variable, written), source
            except ConfigurationError as error:
                faults.extend(error.faults)
        settings = cls(**values, sources=sources)
        if (settings.bull_board_username is None) != (settings.bull_board_password is None):
            faults.append(
                Fault("BULL_BOARD_USERNAME", "set it and BULL_BOARD_PASSWORD, or neither")
            )
        if faults:
            raise ConfigurationError(*faults)
        return settings

    def describe(self) -> list[Described]:
        """Every setting with its value and where it came from, for `check-config`; secrets, and
        credentials in URLs, are masked.
        """
        return [
            Described(
                variable.shown,
                _shown(getattr(self, field), variable),
                self.sources.get(field, "default"),
                variable.about,
            )
            for field, variable in self.VARIABLES.items()
        ]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{line.name}={line.value}' for line in self.describe())})"


Settings.VARIABLES = {
    field.name: field.metadata["variable"]
    for field in dataclasses.fields(Settings)
    if "variable" in field.metadata
}


def environment_for(**values: str) -> dict[str, str]:
    """This process's environment with `values` as its only settings: for a process that
    shares neither our store nor our keys.
    """
    ours = {
        name
        for variable in Settings.VARIABLES.values()
        for name in (*variable.names(), *variable.file_names())
    }
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(PREFIX)
    } | values


def _written(
    variable: Variable, environ: Mapping[str, str], option: Any
) -> tuple[str, str | None, str]:
    """The name a setting was found under, its text (None = nowhere), and its source."""
    if option is not None:
        return "--" + variable.name.lower().replace("_", "-"), _as_text(option), "option"
    for name in variable.names():
        if name == "QUEUE_SERVICES_PORT" and "://" in environ.get(name, ""):
            continue
        kept_in = environ.get(name + "_FILE") if variable.secret else None
        if environ.get(name) and kept_in:
            raise ConfigurationError(Fault(name, f"set it or {name}_FILE, not both"))
        if kept_in:
            return name + "_FILE", _file_text(name + "_FILE", kept_in), "file"
        if environ.get(name):
            return name, environ[name].strip(), "environment"
    return variable.shown, None, "default"


def _file_text(name: str, path: str) -> str:
    """The one line of a secret's file. Raises ConfigurationError where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            Fault(
                name,
                f"the file it names cannot be read ({reason}); give the path of a readable file",
            )
        ) from None


def _read(name: str, variable: Variable, written: str) -> Any:
    """The typed value. Raises ConfigurationError with the reader's advice."""
    try:
        return variable.read(written)
    except ValueError as error:
        raise ConfigurationError(Fault(name, str(error))) from None


def _as_text(option: Any) -> str:
    """A command line's value as it would stand in the environment, so that both are checked
    by the same reader.
    """
    if isinstance(option, (list, tuple)):
        return ",".join(str(element) for element in option)
    return str(option)


def _unknown_names(environ: Mapping[str, str], variables: Iterable[Variable]) -> Iterator[Fault]:
    """A fault for each QUEUE_SERVICES_ name that nothing reads: a misspelt limit must not
    silently be the default.
    """
    known = {
        name for variable in variables for name in (*variable.names(), *variable.file_names())
    } | _READ_BY_OTHERS
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and not _KUBERNETES.fullmatch(name):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            yield Fault(
                name,
                (
                    f"is no setting; did you mean {near[0]}?"
                    if near
                    else "is no setting; remove it (`queue-services check-config` lists all)"
                ),
            )


def _shown(value: Any, variable: Variable) -> str:
    """The value as `check-config` may show it: of a URL or a path what authenticates nobody."""
    if value is None or value == ():
        return "not set"
    if isinstance(value, tuple):
        return ", ".join(str(element) for element in value)
    if variable.read in (types.base_url, types.database_url, types.path):
        return types.masked_url(value)
    if variable.secret:
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
