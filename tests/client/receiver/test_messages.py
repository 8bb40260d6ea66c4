from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services_client.receiver import (
    EmailMessage,
    FieldMap,
    Refusal,
    SmsMessage,
    parse,
    parse_email,
    parse_event,
    parse_sms,
)
from queue_services_client.types import Channel

from .builders import email, event, sms

NAMES = st.text(min_size=1, max_size=12)
OWN = {"to", "message", "contactId", "workspaceId", "jobId", "mediaUrl"}


def encoded(members: Any) -> bytes:
    return json.dumps(members).encode()


def test_an_sms_is_read_with_its_ids_its_picture_and_its_attempt() -> None:
    message = parse_sms(
        encoded(sms(mediaUrl="https://example.com/cat.png", campaignId="spring")), 2
    )
    assert message == SmsMessage(
        to="+15550100",
        message="Hello",
        contact_id="c1",
        workspace_id="w1",
        job_id="job-1",
        media_url="https://example.com/cat.png",
        metadata={"campaignId": "spring"},
        attempt=2,
    )


def test_an_email_is_read_without_the_copy_of_its_html() -> None:
    message = parse_email(encoded(email(source="campaign")))
    assert message == EmailMessage(
        to="ann@example.com",
        subject="Hello",
        html="<p>Hi</p>",
        contact_id="c1",
        workspace_id="w1",
        job_id="job-1",
        metadata={"source": "campaign"},
    )


@given(
    metadata=st.dictionaries(
        NAMES.filter(lambda name: name not in OWN),
        st.none() | st.booleans() | NAMES | st.lists(st.integers(-9, 9)),
    )
)
def test_every_other_member_comes_back_as_metadata(metadata: dict[str, Any]) -> None:
    assert parse_sms(encoded(sms(**metadata))).metadata == metadata


def test_metadata_may_use_the_names_of_our_own_attributes() -> None:
    message = parse_sms(encoded(sms(metadata={"a": 1}, attempt="x", contact_id="other")))
    assert (message.contact_id, message.attempt) == ("c1", 1)
    assert message.metadata == {"metadata": {"a": 1}, "attempt": "x", "contact_id": "other"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sms(), SmsMessage),
        (email(), EmailMessage),
        (sms(html="x", subject="y"), SmsMessage),
        (email(message="x"), EmailMessage),
    ],
)
def test_a_shared_endpoint_tells_the_channels_apart_whatever_the_metadata_holds(
    body: dict[str, Any], kind: type
) -> None:
    assert type(parse(encoded(body))) is kind


@pytest.mark.parametrize("member", ["to", "message", "contactId", "workspaceId", "jobId"])
def test_a_missing_or_mistyped_member_is_named(member: str) -> None:
    without = sms()
    del without[member]
    for body in (without, sms(**{member: 7})):
        with pytest.raises(Refusal, match=member) as refusal:
            parse_sms(encoded(body))
        assert refusal.value.code == 422


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b"7", b'{"to": "\xff"}', b"[" * 100_000, b'{"a":' * 100_000]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    for reader in (parse_sms, parse_email, parse, parse_event):
        with pytest.raises(Refusal):
            reader(body)


def test_an_event_is_read_with_its_instant() -> None:
    read = parse_event(encoded(event()))
    assert (read.event_id, read.type, read.job_id, read.status, read.error, read.channel) == (
        "e1",
        "message.failed",
        "job-1",
        "failed",
        "500",
        Channel.SMS,
    )
    assert read.timestamp == datetime(2025, 3, 22, 10, 15, 30, 123_000, UTC)


def test_an_event_of_a_type_and_with_members_yet_unknown_is_read() -> None:
    body = {
        "eventId": "e1",
        "type": "limit.weather",
        "timestamp": "2025-03-22T10:15:30Z",
        "sunny": True,
    }
    assert parse_event(encoded(body)).type == "limit.weather"


def test_a_field_map_gives_the_applications_own_names() -> None:
    names = FieldMap(
        {
            "contact.phone": "to",
            "contact.id": "contact_id",
            "text": "message",
            "tag": "metadata.tags.first",
            "subject": "subject",
        }
    )
    message = parse_sms(encoded(sms(tags={"first": "vip"})))
    assert names.apply(message) == {
        "contact": {"phone": "+15550100", "id": "c1"},
        "text": "Hello",
        "tag": "vip",
    }


def test_a_field_map_refuses_a_field_that_no_message_has() -> None:
    with pytest.raises(ValueError, match="phoneNumber"):
        FieldMap({"to": "phoneNumber"})
