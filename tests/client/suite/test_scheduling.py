"""Scheduling one message and many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from queue_services_client import Channel, Conflict, Status, ValidationFailed
from tests.client.suite.messages import email, sms
from tests.client.suite.worlds import World, job_id


def test_a_scheduled_message_is_a_job_with_what_was_said(world: World) -> None:
    before = world.now()
    result = world.service.schedule_message(
        sms(world, delay=timedelta(hours=1), campaign_id="spring", metadata={"order": {"no": 7}})
    )
    job = world.service.status(job_id(result))
    assert (job.status, job.channel, job.workspace_id, job.contact_id) == (
        Status.SCHEDULED,
        Channel.SMS,
        world.workspace,
        f"c-{world.workspace}",
    )
    assert (job.campaign_id, job.metadata, job.attempts, job.attempts_made) == (
        "spring",
        {"order": {"no": 7}, "campaignId": "spring"},
        (),
        0,
    )
    assert (job.finished_at, job.reason, job.error) == (None, None, None)
    assert timedelta(0) <= job.scheduled_for - before - timedelta(hours=1) < timedelta(seconds=5)
    assert job.scheduled_for == result.scheduled_for


def test_an_instant_is_kept_to_the_millisecond(world: World) -> None:
    due = (world.now() + timedelta(days=3)).replace(microsecond=123_000)
    assert world.service.schedule_message(email(world, delay=due)).scheduled_for == due


def test_an_sms_that_is_due_now_reaches_the_endpoint(world: World) -> None:
    result = world.service.schedule_message(sms(world, metadata={"order": 7}))
    (job,) = world.ended(result)
    (body,) = world.endpoint.bodies(world.workspace)
    assert body == {
        "to": "+49 170 1234567",
        "message": "See you at ten",
        "contactId": job.contact_id,
        "workspaceId": world.workspace,
        "jobId": job.job_id,
        "order": 7,
    }
    assert (
        job.status,
        job.attempts_made,
        [(one.number, one.outcome, one.status_code) for one in job.attempts],
    ) == (
        Status.COMPLETED,
        1,
        [(1, "delivered", 200)],
    )
    assert job.finished_at is not None


def test_an_email_reaches_its_own_endpoint(world: World) -> None:
    result = world.service.schedule_message(email(world, callback_endpoint="/hooks/mail"))
    world.ended(result)
    (request,) = (
        request
        for request in world.endpoint.requests
        if request.headers["idempotency-key"] == result.job_id
    )
    (body,) = world.endpoint.bodies(world.workspace)
    assert (request.path, request.headers["x-workspace-id"], request.headers["x-attempt"]) == (
        "/hooks/mail",
        world.workspace,
        "1",
    )
    assert (body["subject"], body["html"], body["content"], body["callbackEndpoint"]) == (
        "Welcome",
        "<p>Hello</p>",
        "<p>Hello</p>",
        "/hooks/mail",
    )


def test_the_same_key_again_is_the_same_job_whatever_its_time(world: World) -> None:
    first = world.service.schedule_message(sms(world, idempotency_key="order-7", delay=60_000))
    again = world.service.schedule_message(
        sms(world, idempotency_key="order-7", delay=90_000, priority="high")
    )
    assert (again.success, again.replayed, again.job_id) == (True, True, first.job_id)
    assert not first.replayed


@pytest.mark.parametrize(
    "other",
    [
        {"message": "Other"},
        {"to": "+49 170 7654321"},
        {"contact_id": "c-other"},
        {"metadata": {"a": 1}},
    ],
)
def test_the_same_key_for_another_message_is_a_conflict(
    world: World, other: dict[str, Any]
) -> None:
    world.service.schedule_message(sms(world, idempotency_key="order-7", delay=60_000))
    with pytest.raises(Conflict):
        world.service.schedule_message(
            sms(world, idempotency_key="order-7", delay=60_000, **other), raise_errors=True
        )


def test_a_key_belongs_to_its_workspace(world: World) -> None:
    results = [
        world.service.schedule_message(
            sms(world, idempotency_key="k", delay=60_000, workspace_id=f"{world.workspace}-{side}")
        )
        for side in "ab"
    ]
    assert [result.replayed for result in results] == [False, False]


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"to": "not a number"}, {"phoneNumber"}),
        ({"message": "", "contact_id": ""}, {"message", "contactId"}),
        ({"delay": 401 * 86_400_000}, {"delay"}),
        ({"media_url": "ftp://example.org/a.png"}, {"mediaUrl"}),
        ({"metadata": {"text": "x" * 17_000}}, {"metadata"}),
        ({"priority": "urgent"}, {"priority"}),
        ({"callback_endpoint": "//evil.example/x"}, {"metadata.callbackEndpoint"}),
        ({"callback_endpoint": "/a/../x"}, {"metadata.callbackEndpoint"}),
        ({"callback_endpoint": "/a/%2e%2e/x"}, {"metadata.callbackEndpoint"}),
        ({"callback_endpoint": "http://evil.example/x"}, {"metadata.callbackEndpoint"}),
        ({"contact_id": "c" * 256, "workspace_id": "w" * 256}, {"contactId", "workspaceId"}),
        ({"idempotency_key": "k" * 256, "to": "x"}, {"idempotencyKey", "phoneNumber"}),
    ],
)
def test_every_fault_of_a_message_is_named_at_once_and_nothing_is_scheduled(
    world: World, wrong: dict[str, Any], fields: set[str]
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        world.service.schedule_message(sms(world, **wrong), raise_errors=True)
    assert {fault.field for fault in refused.value.faults} == fields
    assert list(world.service.jobs(workspace_id=world.workspace)) == []


@pytest.mark.parametrize(
    "address", ["", "x", "x@", "@example.org", "a b@example.org", "a@b@example.org"]
)
def test_an_email_address_that_is_none_is_refused(world: World, address: str) -> None:
    result = world.service.schedule_message(email(world, to=address))
    assert (result.success, [fault.field for fault in result.faults]) == (False, ["to"])


def test_many_are_scheduled_in_order_and_a_bad_one_is_named_in_its_place(world: World) -> None:
    messages = [
        sms(world, message=f"{number}" if number != 1_500 else "", delay=60_000)
        for number in range(2_001)
    ]
    many = world.service.schedule_many(messages)
    assert (many.accepted, many.rejected, many.replayed) == (2_000, 1, 0)
    assert [fault.field for fault in many.results[1_500].faults] == ["message"]
    assert len({result.job_id for result in many.results}) == 2_001
    assert sum(1 for _ in world.service.jobs(workspace_id=world.workspace)) == 2_000


def test_many_scheduled_twice_under_their_keys_are_scheduled_once(world: World) -> None:
    messages = [sms(world, idempotency_key=f"k-{number}", delay=60_000) for number in range(5)]
    first = world.service.schedule_many(messages)
    again = world.service.schedule_many(
        [*messages, sms(world, idempotency_key="k-0", message="other")]
    )
    assert (again.accepted, again.replayed, again.rejected) == (5, 5, 1)
    assert [result.job_id for result in again.results[:5]] == [
        result.job_id for result in first.results
    ]


async def test_the_awaiting_client_schedules_one_and_many(world: World) -> None:
    async with world.awaiting() as service:
        one = await service.schedule_message(sms(world, delay=60_000))
        many = await service.schedule_many(sms(world, delay=60_000) for _ in range(2_500))
        found = await service.statuses([job_id(one), *(job_id(result) for result in many.results)])
    assert (len(found.jobs), found.unknown) == (2_501, ())
