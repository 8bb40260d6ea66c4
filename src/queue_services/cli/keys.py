"""The command `keys`: makes, lists and revokes keys. It opens the store itself, so it works
where no administrator has a key any more. Used by `cli.app`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_audit, with_core
from queue_services.cli.terminal import Terminal, print_table
from queue_services.domain.key import Key, Permission
from queue_services.domain.message import Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue.keys import Keys, every
from queue_services.wire.bodies import LONGEST_ID
from queue_services.wire.times import instant, optional_rfc3339, rfc3339

app = cyclopts.App(name="keys", help="Make, list and revoke keys.")


@app.command
def create(
    *,
    workspace: Annotated[
        str | None,
        Parameter(
            help="the only workspace that it sees and touches; without it, an administrator's key"
        ),
    ] = None,
    scope: Annotated[
        list[Literal["read", "send", "manage"]] | None,
        Parameter(help="what it may do; all three, unless some are given", negative=""),
    ] = None,
    expires: Annotated[
        str | None,
        Parameter(help="when it ends: a time with an offset, such as 2027-01-31T00:00:00Z"),
    ] = None,
    per_minute: Annotated[
        int | None,
        Parameter(
            help="how many messages it may hand in a minute",
            validator=cyclopts.validators.Number(gte=1, lte=1_000_000_000),
        ),
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key and print it. It is shown this once: what is kept of it is its SHA-256."""
    permissions = [Permission(name) for name in scope] if scope else list(Permission)
    if workspace is not None and not 1 <= len(workspace) <= LONGEST_ID:
        raise InvalidRequest(Fault("--workspace", f"must be text of 1-{LONGEST_ID} characters"))

    async def work(core: bootstrap.Core) -> tuple[Key, str]:
        expires_at = None if expires is None else _expiry(expires, core.clock.now())
        return await _keys(core).create(
            workspace, permissions, per_minute=per_minute, expires_at=expires_at
        )

    key, text = with_audit(database_url, work, "make key", workspace or "administrator")
    Terminal(stderr=True, soft_wrap=True).print(
        f"key {key.id}, {_whose(key)}; it is not shown again:"
    )
    print(text)


@app.command(name="list")
def list_keys(*, database_url: DatabaseUrl = None) -> None:
    """List the keys that are not revoked."""
    table = Table(
        "key", "of", "scopes", "messages a minute", "created", "expires", box=None, pad_edge=False
    )
    for key in with_core(database_url, lambda core: every.run(core.database)):
        quota = "any number" if key.per_minute is None else f"{key.per_minute:,}"
        table.add_row(
            key.id,
            _whose(key),
            ", ".join(key.permissions),
            quota,
            rfc3339(key.created_at),
            optional_rfc3339(key.expires_at) or "never",
        )
    print_table(table)


@app.command
def revoke(key_id: str, *, database_url: DatabaseUrl = None) -> None:
    """End a key; within a second it opens nothing any more."""
    key = with_audit(
        database_url,
        lambda core: _keys(core).revoke(key_id.lower()),
        "revoke key",
        key_id.lower(),
    )
    Terminal(soft_wrap=True).print(f"revoked {key.id}, {_whose(key)}")


def _keys(core: bootstrap.Core) -> Keys:
    return Keys(core.database, core.clock)


def _whose(key: Key) -> str:
    return "an administrator's" if key.workspace is None else key.workspace


def _expiry(text: str, now: Instant) -> Instant:
    try:
        expires_at = instant(text)
    except ValueError as error:
        raise InvalidRequest(Fault("--expires", str(error))) from None
    if expires_at <= now:
        raise InvalidRequest(Fault("--expires", "must be a time to come"))
    return expires_at
