"""The body that the application receives."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.message import Channel, Content
from queue_services.wire.callback import callback_body

SMS = Content(to="+1 555 0100", text="Hello")
EMAIL = Content(to="ada@example.com", subject="Hello", html="<p>Grüße ☺</p>")


def body(content: Content, metadata: str = "{}", channel: Channel = Channel.SMS) -> bytes:
    content = msgspec.structs.replace(content, metadata=msgspec.Raw(metadata.encode()))
    return callback_body(
        content, channel=channel, contact="contact-1", workspace="workspace-1", job="job-1"
    )


def test_an_sms_has_its_members_in_order() -> None:
    assert list(json.loads(body(SMS)).items()) == [
        ("to", "+1 555 0100"),
        ("message", "Hello"),
        ("contactId", "contact-1"),
        ("workspaceId", "workspace-1"),
        ("jobId", "job-1"),
    ]


def test_an_mms_names_its_media() -> None:
    assert (
        json.loads(body(msgspec.structs.replace(SMS, media_url="https://cdn.example/a.png")))[
            "mediaUrl"
        ]
        == "https://cdn.example/a.png"
    )


def test_an_email_carries_its_html_twice() -> None:
    assert list(json.loads(body(EMAIL, channel=Channel.EMAIL)).items()) == [
        ("to", "ada@example.com"),
        ("subject", "Hello"),
        ("html", "<p>Grüße ☺</p>"),
        ("content", "<p>Grüße ☺</p>"),
        ("contactId", "contact-1"),
        ("workspaceId", "workspace-1"),
        ("jobId", "job-1"),
    ]


def test_metadata_follows_with_all_its_members() -> None:
    sent = json.loads(
        body(
            SMS,
            '{"campaignId": "c1", "callbackEndpoint": "/x", "nested": {"a": [1, null]}, "subject":'
            ' "s"}',
        )
    )
    assert list(sent)[5:] == ["campaignId", "callbackEndpoint", "nested", "subject"]
    assert sent["nested"] == {"a": [1, None]}


@pytest.mark.parametrize("channel", list(Channel))
def test_metadata_replaces_no_member_of_the_message(channel: Channel) -> None:
    content = SMS if channel is Channel.SMS else EMAIL
    plain = json.loads(body(content, channel=channel))
    forged = json.dumps(dict.fromkeys(plain, "forged") | {"other": 1})
    assert json.loads(body(content, forged, channel)) == plain | {"other": 1}


def test_metadata_gives_the_media_url_only_where_the_message_has_none() -> None:
    metadata = '{"mediaUrl": "https://cdn.example/b.png"}'
    assert json.loads(body(SMS, metadata))["mediaUrl"] == "https://cdn.example/b.png"
    assert (
        json.loads(
            body(msgspec.structs.replace(SMS, media_url="https://cdn.example/a.png"), metadata)
        )["mediaUrl"]
        == "https://cdn.example/a.png"
    )


@pytest.mark.parametrize(
    "number",
    [
        "123456789012345678901234567890",
        "1.10",
        "1E400",
        "-0.0",
        "0.1000000000000000055511151231257827",
    ],
)
def test_numbers_in_metadata_keep_every_digit(number: str) -> None:
    assert f'"n":{number}'.encode() in body(SMS, f'{{"n": {number}}}')


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES), st.booleans())
def test_all_metadata_arrives_as_it_was_given(
    metadata: dict[str, object], ascii_only: bool
) -> None:
    sent = json.loads(body(SMS, json.dumps(metadata, ensure_ascii=ascii_only)))
    assert sent == metadata | json.loads(body(SMS))
