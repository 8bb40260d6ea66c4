"""What a key is: a secret text that says on whose behalf a request is made, and for what.
Used by the key flows, the key service and the API's guard.

Only the SHA-256 of a key is kept: 256 random bits need no slow hash, and a stolen table
opens nothing.
"""

from __future__ import annotations

import hashlib
import os
from enum import StrEnum

import msgspec

from queue_services.domain.message import SECOND, Instant

PREFIX = "qs_"
QUOTA_WINDOW = 60 * SECOND


class Permission(StrEnum):
    """What a key may be used for."""

    READ = "read"
    SEND = "send"
    MANAGE = "manage"


class Key(msgspec.Struct, frozen=True):
    """A key as it is kept. `workspace` None is an administrator's. `per_minute` is how many
    messages it may hand in a minute, None: any number.
    """

    id: str
    digest: str
    workspace: str | None
    permissions: tuple[Permission, ...]
    per_minute: int | None
    created_at: Instant
    expires_at: Instant | None

    def in_force(self, now: Instant) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


def new_key() -> str:
    """The text of a new key: `qs_` and 256 random bits."""
    return PREFIX + os.urandom(32).hex()


def digest(text: str) -> str:
    """What is kept of a key's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
