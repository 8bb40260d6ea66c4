"""What the service itself builds and signs, read by the receiver: the two halves share no
code, only the contract.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from queue_services.delivery.signing import new_secret, sign
from queue_services.domain.message import Channel, Content
from queue_services.wire.callback import callback_body
from queue_services_client.receiver import (
    EmailMessage,
    Receiver,
    SmsMessage,
    parse,
    parse_email,
    parse_sms,
)
from queue_services_client.types import CallbackRequest

from .builders import NOW, Clock

OLD, NEW = new_secret(), new_secret()
NAMES = st.sampled_from(
    [
        "to",
        "message",
        "html",
        "content",
        "subject",
        "jobId",
        "mediaUrl",
        "campaignId",
        "attempt",
        "é",
    ]
)
METADATA = st.dictionaries(NAMES, st.none() | st.text(max_size=5) | st.integers(-5, 5))


def sent(body: bytes, *secrets: str) -> CallbackRequest:
    headers = {
        "webhook-id": "job-1",
        "webhook-timestamp": str(int(NOW)),
        "webhook-signature": sign(secrets, "job-1", int(NOW), body),
        "x-attempt": "1",
    }
    return CallbackRequest(path="/", headers=headers, body=body)


def built(channel: Channel, metadata: dict[str, Any], **content: Any) -> bytes:
    return callback_body(
        Content(metadata=msgspec.Raw(msgspec.json.encode(metadata)), **content),
        channel=channel,
        contact="c1",
        workspace="w1",
        job="job-1",
    )


@given(
    text=st.text(min_size=1),
    metadata=METADATA,
    picture=st.none() | st.just("https://example.com/cat.png"),
)
def test_an_sms_the_service_built_is_read_as_it_was_scheduled(
    text: str, metadata: dict[str, Any], picture: str | None
) -> None:
    got: list[SmsMessage] = []
    body = built(Channel.SMS, metadata, to="+1555", text=text.replace("\0", ""), media_url=picture)
    assert (
        Receiver(NEW, clock=Clock()).receive(sent(body, OLD, NEW), parse_sms, got.append).status
        == 200
    )
    (message,) = got
    own = {"to", "message", "contactId", "workspaceId", "jobId"}
    shown = picture or (metadata["mediaUrl"] if isinstance(metadata.get("mediaUrl"), str) else None)
    if shown is not None:
        own.add("mediaUrl")
    assert (message.to, message.message, message.job_id, message.media_url) == (
        "+1555",
        text.replace("\0", ""),
        "job-1",
        shown,
    )
    assert message.metadata == {name: value for name, value in metadata.items() if name not in own}


@given(html=st.text(min_size=1), metadata=METADATA)
def test_an_email_the_service_built_is_read_as_it_was_scheduled(
    html: str, metadata: dict[str, Any]
) -> None:
    got: list[EmailMessage] = []
    body = built(Channel.EMAIL, metadata, to="a@example.com", subject="Hi", html=html)
    assert (
        Receiver(OLD, clock=Clock()).receive(sent(body, OLD), parse_email, got.append).status == 200
    )
    own = {"to", "subject", "html", "content", "contactId", "workspaceId", "jobId"}
    assert got[0].metadata == {name: value for name, value in metadata.items() if name not in own}
    assert parse(body) == got[0]
