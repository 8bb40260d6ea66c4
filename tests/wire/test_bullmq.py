"""BullMQ's jobs as messages: by their data, by paths, by a function."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from queue_services.domain.message import Channel, Priority
from queue_services.wire import bullmq, intake
from queue_services.wire.bullmq import BullJob

NOW = 1_742_638_530_123_000
DUE = 1_742_700_000_456
SMS = {"phoneNumber": "+15550100", "message": "Hi", "contactId": "c", "workspaceId": 7}
EMAIL = {"to": "a@example.com", "subject": "S", "html": "<p>", "contactId": "c", "workspaceId": "w"}


def job(data: Any, **fields: Any) -> BullJob:
    text = data if isinstance(data, bytes) else msgspec.json.encode(data)
    return BullJob(
        **{"id": "1", "name": "n", "opts": b"{}", "timestamp": 5, "priority": 0, **fields},
        data=text,
    )


def element(one: BullJob, mapping: bullmq.Map = bullmq.by_data) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(bullmq.element(one, mapping(one), "bull:q"))
    return decoded


@pytest.mark.parametrize(("data", "channel"), [(SMS, Channel.SMS), (EMAIL, Channel.EMAIL)])
def test_the_channel_follows_from_the_data_and_intake_takes_the_message(
    data: dict[str, Any], channel: Channel
) -> None:
    one = job(data, due=DUE)
    text = bullmq.element(one, bullmq.by_data(one), "bull:q")
    message = intake.element(text, NOW, intake.Rules())
    assert (message.channel, message.due_at) == (channel, DUE * 1000)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"to": "+1555"},
        {"html": "<p>"},
        {**EMAIL, "phoneNumber": "+1555"},
        {**SMS, "phoneNumber": None},
    ],
)
def test_data_that_is_no_message_or_two_is_not_guessed_at(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="--map"):
        bullmq.by_data(job(data))


@pytest.mark.parametrize("data", [b"", b"[1]", b'"text"', b"{", b'{"a":' * 2000])
def test_data_that_is_no_object_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        bullmq.by_data(job(data))


def test_times_keys_and_strangers_of_the_data_do_not_count() -> None:
    noise = {"delay": 5, "scheduledFor": "2020-01-01T00:00:00Z", "idempotencyKey": "k", "foo": 1}
    members = element(job({**SMS, **noise}))
    assert members == {"channel": "sms", **SMS, "idempotencyKey": "bullmq:bull:q:1:5"}


def test_metadata_is_passed_on_as_it_was_written() -> None:
    one = job(
        b'{"phoneNumber":"+15550","message":"m","contactId":"c","workspaceId":1,"metadata":{"x":1.50}}'
    )
    assert b'{"x":1.50}' in bullmq.element(one, bullmq.by_data(one), "q")


@pytest.mark.parametrize(
    ("own", "bull", "expected"),
    [
        (None, 0, Priority.NORMAL),
        (None, 1, Priority.LOW),
        ("high", 9, Priority.HIGH),
        (3, 0, Priority.NORMAL),
    ],
)
def test_jobs_with_a_priority_come_after_those_without_as_in_bullmq(
    own: Any, bull: int, expected: Priority
) -> None:
    one = job({**SMS, "priority": own}, priority=bull)
    text = bullmq.element(one, bullmq.by_data(one), "q")
    assert intake.element(text, NOW, intake.Rules()).priority == expected


def test_the_key_is_the_same_for_the_same_job_alone_and_never_too_long() -> None:
    keys = {
        bullmq.idempotency_key(one, queue)
        for one in (job({}), job({}), job({}, id="2"), job({}, timestamp=6), job({}, id="x" * 300))
        for queue in ("bull:a", "bull:b")
    }
    assert len(keys) == 8
    assert max(map(len, keys)) <= 255


def test_a_map_of_paths_finds_nested_members_and_constants() -> None:
    paths = {
        "channel": "sms",
        "phoneNumber": "user.mobile",
        "message": "text",
        "contactId": "user.id",
    }
    mapping = bullmq.by_paths(
        msgspec.json.encode({**paths, "workspaceId": {"value": "w"}, "mediaUrl": "none.here"})
    )
    members = element(job({"user": {"mobile": "+1555", "id": 4}, "text": "Hi"}), mapping)
    del members["idempotencyKey"]
    assert members == {
        "channel": "sms",
        "phoneNumber": "+1555",
        "message": "Hi",
        "contactId": 4,
        "workspaceId": "w",
    }


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (b"[]", "no JSON object"),
        (b'{"channel": "fax"}', "channel"),
        (b'{"channel": "sms", "phone": "x"}', "member phone"),
        (b'{"channel": "sms", "message": 3}', "message"),
        (b'{"channel": "sms", "message": {"values": 3}}', "message"),
    ],
)
def test_a_map_of_paths_that_cannot_work_is_refused(text: bytes, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        bullmq.by_paths(text)


def test_a_function_is_given_the_job_and_returns_the_message() -> None:
    seen: list[dict[str, Any]] = []

    def map_job(given: dict[str, Any]) -> dict[str, Any]:
        seen.append(given)
        return {"channel": "sms", **given["data"], "scheduledFor": "2026-01-01T00:00:00Z"}

    members = element(job(SMS, due=DUE, name="welcome"), bullmq.by_function(map_job))
    assert members["scheduledFor"] == "2026-01-01T00:00:00Z"
    assert seen == [
        {
            "id": "1",
            "name": "welcome",
            "data": SMS,
            "opts": {},
            "timestamp": 5,
            "priority": 0,
            "scheduledFor": "2025-03-23T03:20:00.456Z",
        }
    ]


@pytest.mark.parametrize(
    ("returned", "about"),
    [(None, "None"), ("text", "text"), ({"delay": 5}, "delay"), ({"to": object()}, "not JSON")],
)
def test_what_a_function_returns_is_checked(returned: Any, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        element(job(SMS), bullmq.by_function(lambda _: returned))


def test_what_a_function_raises_is_the_reason() -> None:
    with pytest.raises(ValueError, match="KeyError: 'mobile'"):
        element(job(SMS), bullmq.by_function(lambda given: given["data"]["mobile"]))
