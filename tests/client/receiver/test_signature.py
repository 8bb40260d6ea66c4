from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from queue_services_client.receiver import Unverified, verify
from queue_services_client.receiver.signature import decode_secret, sign

from .builders import NOW, OTHER_SECRET, SECRET, signed_headers

BODY = b'{"to": "+15550100", "message": "Caf\xc3\xa9"}'


def refused(
    headers: dict[str, str],
    body: bytes = BODY,
    secrets: tuple[str, ...] = (SECRET,),
    now: float = NOW,
) -> str:
    with pytest.raises(Unverified) as refusal:
        verify(headers, body, secrets, now=now)
    return str(refusal.value)


@given(
    text=st.text(),
    key=st.binary(min_size=1, max_size=64),
    message_id=st.uuids().map(str),
    now=st.integers(1, 2**33),
)
def test_signs_as_the_reference_implementation_does(
    text: str, key: bytes, message_id: str, now: int
) -> None:
    body = text.encode(errors="replace")
    assert sign(key, message_id, str(now), body) == Webhook(key).sign(
        message_id, datetime.fromtimestamp(now, UTC), body.decode()
    )


def test_what_the_reference_implementation_signed_is_accepted() -> None:
    verify(signed_headers(BODY), BODY, [SECRET], now=NOW)


def test_header_names_may_come_in_any_case() -> None:
    verify(
        {name.title(): value for name, value in signed_headers(BODY).items()},
        BODY,
        [SECRET],
        now=NOW,
    )


def test_a_secret_counts_with_and_without_its_prefix_or_padding() -> None:
    assert decode_secret("whsec_AQID") == decode_secret("AQID") == b"\x01\x02\x03"
    assert decode_secret("whsec_AQ") == decode_secret("AQ==\n") == b"\x01"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_A"])
def test_a_secret_that_is_no_key_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret") as error:
        decode_secret(secret)
    assert "not base64!" not in str(error.value)


@given(position=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255))
def test_a_body_with_any_byte_changed_is_refused(position: int, flip: int) -> None:
    changed = BODY[:position] + bytes([BODY[position] ^ flip]) + BODY[position + 1 :]
    assert "does not match" in refused(signed_headers(BODY), changed)


@pytest.mark.parametrize(
    ("header", "value"), [("webhook-id", "job-2"), ("webhook-timestamp", str(int(NOW) + 1))]
)
def test_a_signed_header_that_was_changed_is_refused(header: str, value: str) -> None:
    assert "does not match" in refused({**signed_headers(BODY), header: value})


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(header: str) -> None:
    headers = signed_headers(BODY)
    del headers[header]
    assert "needed" in refused(headers)


@pytest.mark.parametrize(
    ("age", "accepted"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_recorded_callback_can_be_played_again_for_five_minutes_only(
    age: int, *, accepted: bool
) -> None:
    headers = signed_headers(BODY, now=NOW)
    if accepted:
        verify(headers, BODY, [SECRET], now=NOW + age)
    else:
        assert "300 s" in refused(headers, now=NOW + age)


@pytest.mark.parametrize("timestamp", ["1e9", "-1", " 1742638530", "nan", "١٧٤٢", "9" * 400])
def test_a_timestamp_that_is_no_whole_number_is_refused(timestamp: str) -> None:
    assert "whole number" in refused({**signed_headers(BODY), "webhook-timestamp": timestamp})


def test_during_a_rotation_either_secret_is_accepted_on_either_side() -> None:
    verify(signed_headers(BODY, OTHER_SECRET), BODY, [SECRET, OTHER_SECRET], now=NOW)
    old, new = signed_headers(BODY, SECRET), signed_headers(BODY, OTHER_SECRET)
    both = {**new, "webhook-signature": f"{old['webhook-signature']} {new['webhook-signature']}"}
    verify(both, BODY, [SECRET], now=NOW)
    verify(both, BODY, [OTHER_SECRET], now=NOW)


def test_a_retired_secret_is_refused() -> None:
    assert "does not match" in refused(signed_headers(BODY, SECRET), secrets=(OTHER_SECRET,))


@pytest.mark.parametrize("signature", ["v1,", "v1", "v1,é", "v2,{}", "v1a,{}", "{}", ","])
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    genuine = signed_headers(BODY)["webhook-signature"].removeprefix("v1,")
    assert "does not match" in refused(
        {**signed_headers(BODY), "webhook-signature": signature.format(genuine)}
    )
