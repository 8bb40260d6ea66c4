"""Signatures on what is sent to the application, after Standard Webhooks 1.0: HMAC-SHA256
over id, time and body.

Called by the senders of callbacks and events, and by whatever takes or makes a secret.
Verifying is the receiver's part.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import secrets as random
from collections.abc import Iterable

from queue_services.domain.message import SECOND, Instant

PREFIX = "whsec_"
SHORTEST_KEY, NEW_KEY, LONGEST_KEY = 24, 32, 64


def sign(secrets: Iterable[str], message_id: str, timestamp_seconds: int, body: bytes) -> str:
    """The `webhook-signature` header: a `v1,` signature for each secret, separated by
    spaces, so that a rotated secret still verifies.

    `timestamp_seconds` is what goes into `webhook-timestamp`. Raises ValueError for a
    secret that `secret_fault` objects to.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp_seconds, body)
    return " ".join(
        f"v1,{base64.b64encode(hmac.digest(_key(secret), signed, 'sha256')).decode()}"
        for secret in secrets
    )


def signature_headers(
    secrets: Iterable[str], message_id: str, now: Instant, body: bytes
) -> dict[str, str]:
    """The three headers of a message that is sent at `now`. Raises ValueError for a secret
    that `secret_fault` objects to.
    """
    seconds = now // SECOND
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": sign(secrets, message_id, seconds, body),
    }


def secret_fault(text: str) -> str | None:
    """What is wrong with a signing secret, without repeating it, or None. The prefix may be
    missing.
    """
    try:
        _key(text)
    except ValueError as fault:
        return str(fault)
    return None


def new_secret() -> str:
    """A new secret: `whsec_` and the base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(random.token_bytes(NEW_KEY)).decode()


@functools.lru_cache(maxsize=1024)
def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError(
            f"must be {PREFIX} followed by the base64 of {SHORTEST_KEY} to {LONGEST_KEY} random"
            " bytes"
        )
    return key
