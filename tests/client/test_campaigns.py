"""Campaigns against the fake: who is written to, when, what is reported, and what a second
launch does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from queue_services_client import (
    Campaign,
    Contact,
    NotFound,
    QueueService,
    Rollout,
    Status,
    Step,
    Unavailable,
    ValidationFailed,
    jinja_templates,
)
from queue_services_client.plan import idempotency_key
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService, QueueClock
from tests.client.builders import JOB, Naps, Script, answer

ADA = Contact("c-1", phone="+491701234567", email="ada@example.org", fields={"name": "Ada <b>"})
BOB = Contact(
    "c-2", phone="+815012345678", email="bob@example.org", zone="Asia/Tokyo", fields={"name": "Bob"}
)
HELLO = Step(0, "09:30", "sms", template="Hello $name")
NEWS = Step(3, "18:00", "email", subject="For $name", template="<p>Dear $name</p>")
BERLIN_BEFORE_SUMMER_TIME = datetime(
    2026, 3, 27, 7, 0, tzinfo=UTC
)  # 08:00 in Berlin, 16:00 in Tokyo


@pytest.fixture
def service() -> FakeQueueService:
    return FakeQueueService(clock=QueueClock(BERLIN_BEFORE_SUMMER_TIME))


def campaign(service: QueueService, *steps: Step, **options: Any) -> Campaign:
    return Campaign(
        "spring",
        steps or (HELLO, NEWS),
        **{"zone": "Europe/Berlin", "workspace_id": "acme", "service": service, **options},
    )


def local_times(service: FakeQueueService) -> list[str]:
    return [message.due.strftime("%m-%d %H:%M") for message in service.messages]


def test_every_step_is_scheduled_for_every_contact_at_its_wall_clock_time(
    service: FakeQueueService,
) -> None:
    launch = campaign(service).launch([ADA, BOB])
    assert (launch.accepted, launch.rejected) == (4, 0)
    # Berlin changes its clocks between the two steps; in Tokyo, 09:30 is past already.
    assert local_times(service) == ["03-27 08:30", "03-30 16:00", "03-28 00:30", "03-30 09:00"]


def test_a_message_is_written_by_its_template_and_html_is_escaped(
    service: FakeQueueService,
) -> None:
    campaign(service).launch([ADA])
    sms, email = service.messages
    assert sms.content == {"message": "Hello Ada <b>"}
    assert email.content == {"subject": "For Ada <b>", "html": "<p>Dear Ada &lt;b&gt;</p>"}


def test_a_message_names_its_campaign_and_step(service: FakeQueueService) -> None:
    campaign(service).launch([ADA])
    assert service.messages[1].metadata == {"campaignId": "spring", "messageId": "2"}


def test_job_ids_are_found_by_contact_and_step(service: FakeQueueService) -> None:
    launch = campaign(service).launch([ADA])
    assert service.status(launch.job_ids["c-1", "2"]).channel == "email"


def test_launching_twice_schedules_once(service: FakeQueueService) -> None:
    first = campaign(service).launch([ADA, BOB])
    service.clock.sleep(3_600)
    again = campaign(service).launch([ADA, BOB])
    assert (again.accepted, again.replayed, len(service.messages)) == (4, 4, 4)
    assert again.job_ids == first.job_ids


def test_a_launch_that_was_cut_off_adds_only_what_is_missing(service: FakeQueueService) -> None:
    campaign(service).launch([ADA])
    assert campaign(service).launch([ADA, BOB]).replayed == 2
    assert len(service.messages) == 4


@pytest.mark.parametrize(
    ("contact", "error"),
    [
        (
            Contact("c-3", email="x@example.org", fields={"name": "X"}),
            "phone: contact c-3 has none",
        ),
        (
            Contact("c-3", phone="+491", zone="Mars/Olympus", fields={"name": "X"}),
            "zone: 'Mars/Olympus' is no time zone",
        ),
        (Contact("c-3", phone="+491"), "the template of step 1 does not fit: KeyError: 'name'"),
        (Contact("c-3", phone="not a number", fields={"name": "X"}), "phoneNumber: "),
    ],
)
def test_a_contact_that_cannot_be_written_to_is_reported_and_the_others_are(
    service: FakeQueueService, contact: Contact, error: str
) -> None:
    launch = campaign(service, HELLO).launch([ADA, contact, BOB])
    (failure,) = launch.failures
    assert (launch.accepted, launch.rejected) == (2, 1)
    assert (failure.contact_id, failure.step_id, failure.job_id) == ("c-3", "1", None)
    assert (failure.error or "").startswith(error)


def test_a_date_as_start_is_day_0_wherever_the_contact_is(service: FakeQueueService) -> None:
    campaign(service, HELLO).launch([ADA, BOB], start=date(2026, 4, 1))
    assert local_times(service) == ["04-01 07:30", "04-01 00:30"]


def test_a_step_whose_time_is_past_at_launch_goes_out_the_next_time_the_clocks_show_it(
    service: FakeQueueService,
) -> None:
    campaign(service, HELLO).launch([ADA], start=date(2026, 3, 1))
    assert local_times(service) == ["03-27 08:30"]


def test_a_spread_staggers_contacts_evenly_and_the_same_at_every_launch(
    service: FakeQueueService,
) -> None:
    contacts = [
        Contact(f"c-{number}", phone="+491701234567", fields={"name": "X"}) for number in range(400)
    ]
    spread = timedelta(hours=2)
    launch = campaign(service, HELLO).launch(contacts, spread=spread)
    offsets = [
        message.due - min(one.due for one in service.messages) for message in service.messages
    ]
    in_first_half = sum(offset < spread / 2 for offset in offsets)
    assert max(offsets) <= spread
    assert 150 < in_first_half < 250
    assert [
        message.scheduled_for
        for message in campaign(service, HELLO).launch(contacts, spread=spread).messages
    ] == [m.scheduled_for for m in launch.messages]


def test_all_steps_of_a_contact_are_staggered_alike(service: FakeQueueService) -> None:
    campaign(service, HELLO, Step(1, "09:30", "sms", template="Again")).launch(
        [ADA], spread=timedelta(hours=2)
    )
    first, second = (message.due for message in service.messages)
    assert second - first == timedelta(days=1)


def test_a_rollout_holds_contacts_back_and_counts_them(service: FakeQueueService) -> None:
    contacts = [
        Contact(f"c-{number}", phone="+491701234567", fields={"name": "X"}) for number in range(100)
    ]
    launch = campaign(service, HELLO, kind="welcome").launch(
        contacts, rollout=Rollout(kinds=frozenset({"welcome"}), percent=20)
    )
    assert launch.accepted + launch.held_back == 100
    assert 5 < launch.accepted < 40


def test_a_step_may_expire_and_has_its_priority(service: FakeQueueService) -> None:
    step = Step(0, "09:30", "sms", template="Hi", priority="low", expires_after=timedelta(hours=1))
    campaign(service, step).launch([ADA])
    (message,) = service.messages
    assert (message.priority, message.expires_at) == ("low", message.due + timedelta(hours=1))


def test_jinja_templates_are_sandboxed_and_escape_html(service: FakeQueueService) -> None:
    page = Step(
        0,
        "09:30",
        "email",
        subject="{{ name }}",
        template="{% for word in words %}<i>{{ word }}</i>{% endfor %}",
    )
    attack = Step(
        0, "09:30", "email", subject="x", template="{{ ''.__class__.__mro__ }}", id="attack"
    )
    contact = Contact("c-1", email="ada@example.org", fields={"name": "A & B", "words": ["<", "b"]})
    launch = campaign(service, page, attack, templates=jinja_templates()).launch([contact])
    assert service.messages[0].content == {"subject": "A & B", "html": "<i>&lt;</i><i>b</i>"}
    assert "SecurityError" in (launch.failures[0].error or "")


@pytest.mark.parametrize(
    ("steps", "templates", "field"),
    [
        ([Step(0, "25:00", "sms", template="x")], None, "steps[0].at"),
        ([HELLO, Step(0, "09:30", "fax", template="x")], None, "steps[1].channel"),  # type: ignore[arg-type]  # the fault under test
        ([Step(0, "09:30", "sms", template="5 $")], None, "steps[0].template"),
        ([Step(0, "09:30", "sms", template="{{")], jinja_templates(), "steps[0].template"),
        ([Step(-1, "09:30", "sms", template="x")], None, "steps[0].day_number"),
        (
            [
                Step(0, "09:30", "sms", template="x", id="a"),
                Step(1, "09:30", "sms", template="y", id="a"),
            ],
            None,
            "steps",
        ),
    ],
)
def test_steps_that_cannot_be_sent_are_refused_by_name_before_anything_is(
    service: FakeQueueService, steps: list[Step], templates: Any, field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        campaign(service, *steps, **({"templates": templates} if templates else {}))
    assert refused.value.faults[0].field == field


def test_a_launch_without_steps_or_with_a_negative_spread_is_refused(
    service: FakeQueueService,
) -> None:
    with pytest.raises(ValidationFailed, match="at least one"):
        Campaign("spring", workspace_id="acme", service=service).launch([ADA])
    with pytest.raises(ValidationFailed, match="spread"):
        campaign(service).launch([ADA], spread=timedelta(seconds=-1))


def test_two_messages_never_share_an_idempotency_key_for_a_colon_in_a_name() -> None:
    assert idempotency_key("a", "1", "b:2:c") != idempotency_key("a:1:b", "2", "c")
    assert idempotency_key("a:1", "2", "c") != idempotency_key("a", "1:2", "c")
    assert idempotency_key("a:1", "2", "c") != idempotency_key("a%3A1", "2", "c")


def test_a_key_is_never_longer_than_the_service_takes_and_still_tells_contacts_apart() -> None:
    keys = {idempotency_key("c" * 200, "1", contact) for contact in ("x" * 255, "x" * 254 + "y")}
    assert len(keys) == 2
    assert all(len(key) <= 255 for key in keys)


def test_progress_counts_by_status(service: FakeQueueService) -> None:
    spring = campaign(service)
    spring.launch([ADA, BOB])
    service.advance(days=1)
    progress = spring.progress()
    assert (progress.counts[Status.COMPLETED], progress.counts[Status.SCHEDULED]) == (2, 2)
    assert (progress.finished, progress.total, progress.state) == (2, 4, "active")


def test_progress_of_a_campaign_that_was_never_launched_is_not_found(
    service: FakeQueueService,
) -> None:
    with pytest.raises(NotFound):
        campaign(service).progress()


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(service: FakeQueueService) -> None:
    spring = campaign(service, HELLO)
    spring.launch([ADA])
    assert spring.pause() == 1
    spring.launch([BOB])
    service.advance(days=3)
    assert service.callbacks == []
    assert spring.resume() == 2
    service.advance()
    assert len(service.callbacks) == 2


def test_a_cancelled_campaign_ends_what_waits(service: FakeQueueService) -> None:
    spring = campaign(service)
    spring.launch([ADA])
    assert spring.cancel() == 2
    service.advance(days=7)
    assert (service.callbacks, spring.progress().counts[Status.CANCELLED]) == ([], 2)


def test_a_shifted_campaign_goes_out_so_much_later(service: FakeQueueService) -> None:
    spring = campaign(service, HELLO)
    launch = spring.launch([ADA])
    assert spring.shift(timedelta(hours=2)) == 1
    assert service.status(launch.job_ids["c-1", "1"]).scheduled_for.strftime("%H:%M") == "10:30"


def test_a_shift_whose_answer_was_lost_is_not_asked_twice() -> None:
    script = Script(httpx2.ReadError("reset"))
    with (
        QueueService("http://127.0.0.1:3000", transport=script.transport, sleep=Naps()) as service,
        pytest.raises(Unavailable),
    ):
        Campaign("spring", workspace_id="acme", service=service).shift(timedelta(hours=-1))
    assert script.bodies == [{"delay": -3_600_000}]
    assert str(script.requests[0].url.raw_path) == str(
        b"/api/campaigns/spring/shift?workspaceId=acme"
    )


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_what_does_no_harm_twice_is_asked_again_when_its_answer_was_lost(verb: str) -> None:
    script = Script(httpx2.ReadError("reset"), answer(count=3))
    with QueueService("http://127.0.0.1:3000", transport=script.transport, sleep=Naps()) as service:
        assert getattr(service.campaign("spring", workspace_id="acme"), verb)() == 3
    assert [request.url.path for request in script.requests] == [
        f"/api/campaigns/spring/{verb}"
    ] * 2


def test_a_forecast_spans_all_steps(service: FakeQueueService) -> None:
    forecast = campaign(service).forecast(10_000)
    assert forecast.start_at == datetime(2026, 3, 27, 8, 30, tzinfo=UTC)
    assert forecast.end_at == datetime(2026, 3, 30, 16, 0, tzinfo=UTC) + timedelta(seconds=100)


def test_a_forecast_of_a_step_that_is_paused_has_no_end() -> None:
    sms = answer(
        startAt="2026-03-27T08:30:00.000Z", endAt="2026-03-27T08:31:00.000Z", limitedBy="due"
    )
    email = answer(startAt=None, endAt=None, limitedBy="pause")
    with QueueService("http://127.0.0.1:3000", transport=Script(sms, email).transport) as service:
        forecast = campaign(service).forecast(10)
    assert (forecast.start_at, forecast.end_at, forecast.limited_by) == (
        datetime(2026, 3, 27, 8, 30, tzinfo=UTC),
        None,
        "pause",
    )


def test_a_client_hands_out_campaigns(service: FakeQueueService) -> None:
    service.campaign("spring", workspace_id="acme", steps=[HELLO]).launch([ADA])
    assert service.campaign("spring", workspace_id="acme").progress().total == 1


async def test_an_awaiting_campaign_has_the_same_calls() -> None:
    async def contacts() -> AsyncIterator[Contact]:
        yield ADA
        yield BOB

    service = AsyncFakeQueueService(clock=QueueClock(BERLIN_BEFORE_SUMMER_TIME))
    spring = service.campaign(
        "spring", workspace_id="acme", zone="Europe/Berlin", steps=[HELLO, NEWS]
    )
    launch = await spring.launch(contacts())
    assert (launch.accepted, [message.contact_id for message in launch.messages]) == (
        4,
        ["c-1", "c-1", "c-2", "c-2"],
    )
    assert (await spring.pause(), (await spring.progress()).state) == (4, "paused")
    await service.advance(days=7)
    assert (await spring.resume(), service.callbacks) == (4, [])


async def test_an_awaiting_campaign_takes_a_plain_list_too() -> None:
    service = AsyncFakeQueueService()
    service.fail_next(503)
    assert (
        await service.campaign("spring", workspace_id="acme", steps=[HELLO]).launch([ADA, BOB])
    ).accepted == 2


@pytest.mark.parametrize("share", [0, 1, 10, 50, 100])
def test_a_rollout_takes_about_its_share_and_raising_it_only_adds(share: int) -> None:
    contacts = [f"c-{number}" for number in range(2_000)]
    taken = {
        contact
        for contact in contacts
        if Rollout(percent=share).allows(contact, workspace_id="acme")
    }
    more = {
        contact
        for contact in contacts
        if Rollout(percent=min(100, share + 10)).allows(contact, workspace_id="acme")
    }
    assert abs(len(taken) / 20 - share) < 3
    assert taken <= more


def test_a_rollout_is_limited_to_the_workspaces_and_kinds_it_names() -> None:
    rollout = Rollout(workspaces=frozenset({"acme"}), kinds=frozenset({"welcome"}))
    assert rollout.allows("c", workspace_id="acme", kind="welcome")
    assert not rollout.allows("c", workspace_id="other", kind="welcome")
    assert not rollout.allows("c", workspace_id="acme", kind=None)


def test_another_rollout_draws_other_contacts() -> None:
    contacts = [f"c-{number}" for number in range(200)]
    drawn = [
        {
            contact
            for contact in contacts
            if Rollout(name=name, percent=50).allows(contact, workspace_id="acme")
        }
        for name in ("a", "b")
    ]
    assert drawn[0] != drawn[1]


def test_a_campaigns_calls_answer_what_the_service_says() -> None:
    script = Script(
        answer(
            campaignId="spring",
            workspaceId="acme",
            state="active",
            counts={"SCHEDULED": 3},
            estimatedEnd=JOB["scheduledFor"],
        )
    )
    with QueueService("http://127.0.0.1:3000", transport=script.transport) as service:
        progress = service.campaign("spring", workspace_id="acme").progress()
    assert (progress.total, progress.finished, progress.estimated_end) == (
        3,
        0,
        datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    )
