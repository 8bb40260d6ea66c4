"""Checks that a callback comes from the service: Standard Webhooks 1.0
(standardwebhooks.com), symmetric signatures `v1`.

Called by `Receiver`, and by applications that do their own routing. Must never log or
repeat a secret or a signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from queue_services_client.receiver.refusals import Unverified

TOLERANCE = 300.0
"""Seconds a signature may be old or ahead of the clock: how long a recorded callback could
be played again.
"""
PREFIX = "whsec_"


def decode_secret(secret: str) -> bytes:
    """The key in `secret`: base64, with or without the prefix `whsec_`. Raises ValueError
    when it is empty or not base64; the secret is not repeated.
    """
    text = secret.strip().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(
            "the signing secret is not base64; copy it whole, with its prefix whsec_"
        ) from None
    if not key:
        raise ValueError(
            "the signing secret is empty; set the one the service signs this workspace's callbacks"
            " with"
        )
    return key


def sign(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of one `v1` signature: HMAC-SHA256 over `id.timestamp.body`, in base64
    (Standard Webhooks 1.0, "Signature scheme").
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Iterable[str | bytes],
    *,
    now: float,
    tolerance: float = TOLERANCE,
) -> None:
    """Returns if one of `secrets` signed `body`; several are live during a rotation. Header
    names in any case.

    `secrets` are `whsec_...` texts or decoded keys; `now` is in Unix seconds, `tolerance`
    in seconds. Compares in constant time. Raises Unverified, which says what is wrong but
    nothing that helps to forge.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp, signatures = (
        lower.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature")
    )
    if not (message_id and timestamp and signatures):
        raise Unverified(
            "the headers webhook-id, webhook-timestamp and webhook-signature are needed"
        )
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Unverified("webhook-timestamp is not a whole number of seconds")
    if abs(now - int(timestamp)) > tolerance:
        raise Unverified(
            f"webhook-timestamp is more than {tolerance:g} s from this machine's clock"
        )
    if not (message_id + signatures).isprintable():
        raise Unverified("webhook-id and webhook-signature must be printable text")
    given = [signature.encode() for signature in signatures.split(" ")]
    keys = [decode_secret(secret) if isinstance(secret, str) else secret for secret in secrets]
    expected = [sign(key, message_id, timestamp, body).encode() for key in keys]
    # A list, not a generator: every pair is compared, so that the time taken does not tell
    # which secret matched.
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise Unverified("webhook-signature does not match; is it this workspace's secret?")
