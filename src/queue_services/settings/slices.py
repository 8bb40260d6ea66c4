"""Every setting, in slices: what one part of the service needs, and is handed. `Settings` is
all of them in one, so a part takes the one object as its slice, and each default is here
alone.

Each field names its environment variable, its reader (`types`) and what it is for, so that
`check-config`, the README's table and the messages about faults all come from one line. No
default depends on the machine. Times end in their unit.
"""

from __future__ import annotations

from dataclasses import dataclass

from queue_services.settings import types
from queue_services.settings.variable import setting


@dataclass(frozen=True, kw_only=True, repr=False)
class LimitSettings:
    """The limits of the whole service; a limit is messages a second, or segments."""

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

    @property
    def counts_segments(self) -> bool:
        """Whether an SMS counts by its segments."""
        return self.sms_units == "segments"


@dataclass(frozen=True, kw_only=True, repr=False)
class DeliverySettings:
    """How messages go out."""

    max_attempts: int = setting(
        "MAX_ATTEMPTS", types.whole(1, 100), 3, "tries before a message is FAILED"
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
    callback_allow: tuple[types.Network, ...] = setting(
        "CALLBACK_ALLOW",
        types.each(types.network),
        (),
        "private networks that URLs set by API may lead to",
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class SigningSettings:
    """What shows the application that a request is the service's own."""

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


@dataclass(frozen=True, kw_only=True, repr=False)
class CallbackSettings(DeliverySettings, SigningSettings):
    """Where callbacks are POSTed, and how."""

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


@dataclass(frozen=True, kw_only=True, repr=False)
class EventSettings(DeliverySettings, SigningSettings):
    """Where events are POSTed, and how."""

    events_url: str | None = setting(
        "EVENTS_URL",
        types.base_url,
        None,
        "where events about messages and limits are POSTed",
        plain=True,
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class DispatchSettings(LimitSettings, EventSettings):
    """What a dispatching process is run with."""

    backoff_seconds: float = setting(
        "BACKOFF_SECONDS",
        types.number(0, 600),
        1,
        "longest wait before the second try; doubles with each, up to 10 minutes",
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


@dataclass(frozen=True, kw_only=True, repr=False)
class AccessSettings:
    """Who may do what, and where messages may lead."""

    admin_key: str | None = setting(
        "ADMIN_KEY",
        types.admin_key,
        None,
        "an administrator's key of at least 32 characters, beside those made by `keys create`",
        secret=True,
    )
    search_metadata: tuple[str, ...] = setting(
        "SEARCH_METADATA",
        types.each(types.metadata_path, most=types.MOST_PATHS),
        (),
        "paths of `metadata` that jobs are found by (`q=metadata.PATH=VALUE`), at most 8; indexed"
        " from then on",
    )
    callback_paths: tuple[str, ...] = setting(
        "CALLBACK_PATHS",
        types.each(types.path),
        ("/",),
        "prefixes that a `callbackEndpoint` must begin with one of",
    )
    root_path: str = setting(
        "ROOT_PATH",
        types.root_path,
        "",
        "path under which a proxy offers the service, such as `/queue`; the proxy may strip it"
        " or keep it",
    )
    trusted_proxies: tuple[types.Network, ...] = setting(
        "TRUSTED_PROXIES",
        types.each(types.network),
        (),
        "networks of proxies: the client is the rightmost `X-Forwarded-For` address outside them",
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class ApiSettings(LimitSettings, DeliverySettings, AccessSettings):
    """What the API needs."""

    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS", types.each(types.origin), (), "web origins whose pages may call the API"
    )
    insecure: bool = setting(
        "INSECURE", types.flag, False, "serve other addresses than loopback without a key"
    )
    body_memory_mib: float = setting(
        "BODY_MEMORY_MIB",
        types.whole(32, 1_000_000),
        256,
        "MiB of requests' bodies at once in one process; large ones beyond it are told 503",
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class DashboardSettings(LimitSettings, DeliverySettings, AccessSettings):
    """What the dashboard needs."""

    bull_board_username: str | None = setting(
        "BULL_BOARD_USERNAME", types.text, None, "the dashboard's login", plain=True
    )
    bull_board_password: str | None = setting(
        "BULL_BOARD_PASSWORD", types.text, None, "the dashboard's password", secret=True, plain=True
    )
    dashboard_read_only: bool = setting(
        "DASHBOARD_READ_ONLY", types.flag, False, "let the dashboard change nothing"
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class ProcessSettings:
    """What one process listens on, keeps its messages in and logs."""

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
    database_timeout_seconds: float = setting(
        "DATABASE_TIMEOUT_SECONDS",
        types.number(0.1, 600),
        5,
        "how long PostgreSQL may take to answer a statement before it counts as away",
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
    drain_seconds: float = setting(
        "DRAIN_SECONDS",
        types.number(0, 3600),
        0,
        "how long a stop goes on serving while `/health/ready` is 503 already, for load balancers"
        " to notice",
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


SLICES = (
    ProcessSettings,
    CallbackSettings,
    EventSettings,
    LimitSettings,
    DispatchSettings,
    ApiSettings,
    DashboardSettings,
)
"""In the order in which `check-config` lists them."""
