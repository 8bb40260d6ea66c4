"""Signatures that any Standard Webhooks library accepts."""

from __future__ import annotations

import base64
import json
import time

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from queue_services.delivery.signing import new_secret, secret_fault, sign

OLD, NEW = (
    "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "whsec_" + base64.b64encode(bytes(range(100, 124))).decode(),
)


def verify(secret: str, signature: str, body: str, seconds: int) -> object:
    headers = {
        "webhook-id": "job-1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature,
    }
    return standardwebhooks.Webhook(secret).verify(body, headers)


@given(st.binary(min_size=24, max_size=64), st.text(st.characters(exclude_categories=["Cs"])))
def test_another_implementation_verifies_what_is_signed(key: bytes, text: str) -> None:
    secret, body, seconds = (
        "whsec_" + base64.b64encode(key).decode(),
        json.dumps(text, ensure_ascii=False),
        int(time.time()),
    )
    assert verify(secret, sign([secret], "job-1", seconds, body.encode()), body, seconds) == text


def test_a_known_signature_stays_the_same() -> None:
    assert (
        sign([OLD], "msg_1", 1_700_000_000, '{"é":1}'.encode())
        == "v1,/yakws496luEhMlcuE5+sLAmNXm0FqO5SMNvLbmfOME="
    )


def test_while_a_secret_is_rotated_both_verify() -> None:
    seconds = int(time.time())
    signature = sign([NEW, OLD], "job-1", seconds, b'{"a":1}')
    assert signature.count("v1,") == 2
    assert (
        verify(NEW, signature, '{"a":1}', seconds)
        == verify(OLD, signature, '{"a":1}', seconds)
        == {"a": 1}
    )
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify(new_secret(), signature, '{"a":1}', seconds)


@pytest.mark.parametrize("changed", ["id", "time", "body"])
def test_a_signature_covers_id_time_and_body(changed: str) -> None:
    signatures = {
        sign([OLD], "a", 1, b"{}"),
        sign(
            [OLD],
            "b" if changed == "id" else "a",
            2 if changed == "time" else 1,
            b"[]" if changed == "body" else b"{}",
        ),
    }
    assert len(signatures) == 2


def test_new_secrets_are_good_and_differ() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {secret_fault(secret) for secret in secrets} == {None}
    assert all(secret.startswith("whsec_") for secret in secrets)


@pytest.mark.parametrize(
    ("key", "good"),
    [(bytes(23), False), (bytes(24), True), (bytes(64), True), (bytes(65), False)],
    ids=["23 bytes", "24 bytes", "64 bytes", "65 bytes"],
)
def test_a_secret_has_24_to_64_bytes(key: bytes, good: bool) -> None:
    text = base64.b64encode(key).decode()
    assert (secret_fault("whsec_" + text) is None) == (secret_fault(text) is None) == good


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_not base64 at all, truly",
        "whsec_" + "é" * 40,
        "whsk_" + OLD,
        OLD + "\n",
        OLD[:-1],
    ],
)
def test_what_is_no_secret_is_refused_without_being_repeated(text: str) -> None:
    fault = secret_fault(text)
    assert fault is not None
    assert not text.removeprefix("whsec_") or text not in fault
    with pytest.raises(ValueError, match="whsec_"):
        sign([text], "job-1", 1, b"")
