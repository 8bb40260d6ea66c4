"""What `doctor` checks: each function looks at one thing and says how it is, and what to do
where it is not well. Nothing is changed, and nothing is sent but HEAD requests.

Called by `cli.doctor`.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import resource
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from queue_services import __version__
from queue_services.api.connections import SPARE
from queue_services.api.descriptors import DESCRIPTORS
from queue_services.bootstrap import is_loopback
from queue_services.clock import Clock
from queue_services.delivery.http1.answer import Failure
from queue_services.delivery.http1.client import Client
from queue_services.delivery.http1.target import head, read_target
from queue_services.delivery.signing import PREFIX, signature_headers
from queue_services.dispatcher.clock_keeping import measure
from queue_services.domain.message import SECOND
from queue_services.errors import ConfigurationError, StoreUnavailable
from queue_services.queue.keys import Keys
from queue_services.settings import Settings
from queue_services.settings.types import masked_url
from queue_services.storage import migrate, open_existing, statements
from queue_services.storage.port import Database

CLOCK_ERROR = SECOND
"""Processes follow the database's clock; a machine that is further off has no time service."""
ANSWER_SECONDS = 5
SHORTEST_ANSWER_SECONDS = 0.25
"""Endpoints that take this long must still let the limits be used."""
MEBIBYTE = 1024 * 1024
LEAST_FREE, LITTLE_FREE = 256 * MEBIBYTE, 1024 * MEBIBYTE


class State(StrEnum):
    """How something is. The service runs in spite of a WARN."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Check(msgspec.Struct, frozen=True):
    """One line of the report; `advice` says what to do."""

    name: str
    state: State
    about: str
    advice: str = ""


async def diagnose(settings: Settings) -> list[Check]:
    """Every check, in the order of the report."""
    store, *reached = await asyncio.gather(
        check_store(settings),
        check_endpoint("sms", settings.sms_api_url, settings.sms_callback_endpoint, "SMS_API_URL"),
        check_endpoint(
            "email", settings.email_api_url, settings.email_callback_endpoint, "EMAIL_API_URL"
        ),
    )
    if settings.events_url is not None:
        reached.append(await check_endpoint("events", settings.events_url, "", "EVENTS_URL"))
    return [
        *store,
        *reached,
        check_signature(settings.signing_secret),
        *check_limits(settings, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        check_disk(settings.database_url),
    ]


async def check_store(settings: Settings) -> list[Check]:
    """Whether the database answers, has this version's schema, agrees about the time, and
    holds a key where one is needed.
    """
    shown = masked_url(settings.database_url)
    try:
        database = open_existing(settings.database_url, settings.database_timeout_seconds)
    except ConfigurationError as error:
        advice = "the first start makes it; or set QUEUE_SERVICES_DATABASE_URL"
        absent = Check("database", State.WARN, error.faults[0].message, advice)
        return [absent, check_access(settings, keys=False)]
    try:
        clock = Clock()
        ahead = await measure(database, clock)
        answers = Check("database", State.OK, f"{shown} answers")
        checks = [answers, check_clock(ahead), await _version(database)]
        if checks[-1].state is State.OK:
            checks.append(check_access(settings, keys=await Keys(database, clock).exist()))
    except StoreUnavailable as error:
        advice = "start it, or correct QUEUE_SERVICES_DATABASE_URL"
        return [Check("database", State.FAIL, f"{shown}: {error.reason}", advice)]
    finally:
        await database.close()
    return checks


async def _version(database: Database) -> Check:
    wanted = statements.migrations(database.backend)
    about = f"queue-services {__version__}, schema {wanted[-1].number}"
    try:
        await database.read(migrate.check, wanted)
    except ConfigurationError:
        advice = "run `queue-services migrate`, or the version that made the schema"
        return Check("version", State.FAIL, f"{about}: the store has another schema", advice)
    return Check("version", State.OK, about)


def check_access(settings: Settings, *, keys: bool) -> Check:
    """Whether the service starts on its address: others than loopback need a key (`keys`:
    whether the store has one).
    """
    address = f"{settings.host}:{settings.port}"
    if keys or settings.admin_key is not None:
        return Check("access", State.OK, f"{address}, with a key")
    advice = "make one: queue-services keys create"
    if is_loopback(settings.host):
        return Check("access", State.OK, f"{address}, from this machine without a key")
    if settings.insecure:
        return Check("access", State.WARN, f"{address} is open to everybody, without a key", advice)
    return Check(
        "access", State.FAIL, f"{address} can be reached from elsewhere, and has no key", advice
    )


def check_clock(ahead: int) -> Check:
    """Whether this machine's clock agrees with the database's, which is `ahead` microseconds."""
    about = f"within {max(1, abs(ahead) // 1000):,} ms of the database's clock"
    if abs(ahead) < CLOCK_ERROR:
        return Check("clock", State.OK, about)
    about = f"{abs(ahead) / SECOND:.1f} s {'behind' if ahead > 0 else 'ahead of'} the database's"
    return Check("clock", State.WARN, about, "let a time service (NTP) set both machines' clocks")


async def check_endpoint(name: str, base: str | None, path: str, setting: str) -> Check:
    """Whether something answers HTTP where callbacks of a channel go; what it says to a HEAD
    request does not count, as it need only take POST.
    """
    if base is None:
        about = (
            f"{setting} is not set: due {name} waits, but for workspaces with a URL of their own"
        )
        return Check(name, State.WARN, about, f"set {setting}")
    url, shown = base + path, masked_url(base + path)
    target = read_target(url)
    login = {"authorization": target.credentials} if target.credentials else {}
    async with Client(ANSWER_SECONDS, 1) as client:
        outcome = await client.fetch(head(target, login))
    if isinstance(outcome, Failure):
        about = f"{shown} is not reached: {outcome.reason}"
        return Check(name, State.FAIL, about, f"start the application, or correct {setting}")
    if outcome.status >= 500:
        about = f"{shown} answers {outcome.status}"
        return Check(name, State.WARN, about, "look into the application's log")
    return Check(name, State.OK, f"{shown} is reached")


def check_signature(secret: str | None) -> Check:
    """Whether what is signed with the secret verifies by the rule of Standard Webhooks,
    computed here as a receiver does.
    """
    if secret is None:
        advice = "set QUEUE_SERVICES_SIGNING_SECRET (`queue-services init` makes one)"
        return Check("signature", State.WARN, "callbacks are not signed", advice)
    body = b'{"jobId":"doctor"}'
    headers = signature_headers([secret], "doctor", Clock().now(), body)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix(PREFIX))
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    if hmac.compare_digest(headers["webhook-signature"], f"v1,{expected}"):
        return Check("signature", State.OK, "a signed callback verifies")
    return Check("signature", State.FAIL, "a signed callback does not verify", "report a bug")


def check_limits(settings: Settings, most_files: int) -> Iterator[Check]:
    """Whether the limits can be used with the concurrency, and the concurrency with the files
    that this process may open (`most_files`; -1: any number).
    """
    both = settings.sms_per_second + settings.email_per_second
    answer = settings.concurrency / 2 / both
    about = f"{settings.sms_per_second:g} SMS and {settings.email_per_second:g} email a second"
    fits = f"are used in full while an answer takes {answer:.2g} s"
    if answer < SHORTEST_ANSWER_SECONDS:
        least = round(both * SHORTEST_ANSWER_SECONDS * 2)
        advice = f"set QUEUE_SERVICES_CONCURRENCY to {least:,} or more, or run more dispatchers"
        yield Check("limits", State.WARN, f"{about} {fits} at most", advice)
    else:
        yield Check("limits", State.OK, f"{about} {fits}")
    wanted = settings.max_connections + SPARE + settings.concurrency + DESCRIPTORS
    if 0 <= most_files < wanted:
        about = f"{most_files:,} may be open, {wanted:,} are wanted"
        advice = "raise it (ulimit -n, LimitNOFILE=), or lower QUEUE_SERVICES_MAX_CONNECTIONS"
        yield Check("files", State.WARN, about, advice)


def check_disk(database_url: str) -> Check:
    """Whether there is room for the store to grow, where it is a file of this machine."""
    if not database_url.startswith("sqlite:///"):
        return Check("disk", State.OK, "is the database's; watch it there")
    path = Path(database_url.removeprefix("sqlite:///"))
    folder = path.parent
    try:
        free, size = shutil.disk_usage(folder).free, path.stat().st_size if path.exists() else 0
    except OSError as error:
        return Check("disk", State.FAIL, f"{folder}: {error.strerror}", "make the folder")
    about = f"{free // MEBIBYTE:,} MiB free for a store of {size // MEBIBYTE:,} MiB in {folder}"
    if free < LEAST_FREE:
        return Check("disk", State.FAIL, about, "make room: a full disk stops every write")
    if free < max(LITTLE_FREE, size):
        return Check("disk", State.WARN, about, "make room for growth and a backup")
    return Check("disk", State.OK, about)
