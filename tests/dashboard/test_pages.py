"""What the pages show, and what their forms do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from queue_services.domain.message import Channel, Status
from queue_services.queue import dispatchers, workspaces
from tests.api.service import EMAIL
from tests.dashboard.site import PAGES, Site

HOSTILE = "<script>alert(1)</script>"


async def schedule_email(site: Site, **changes: object) -> str:
    job: str = (await site.service.ask("POST", "/api/schedule-email", json={**EMAIL, **changes}))[
        "jobId"
    ]
    return job


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_drawn_without_script_or_style_of_its_own(
    site: Site, path: str
) -> None:
    await site.service.schedule(metadata={"campaignId": "spring"})
    page = await site.get(path)
    assert re.search(r"<h1>[^<]+</h1>", page.source)
    policy = page.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.answer.headers["cache-control"] == "no-store"
    assert (
        re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", page.source) == []
    )


async def test_what_a_page_needs_is_served_to_be_kept(site: Site) -> None:
    page = await site.get()
    paths = re.findall(r'(?:href|src)="(/admin/queues/static/[^"]+)"', page.source)
    assert {path.partition("?")[0].rpartition("/")[2] for path in paths} == {
        "dashboard.css",
        "dashboard.mjs",
        "mark.svg",
    }
    for path in paths:
        answer = await site.client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await site.client.get("/admin/queues/static/nothing.css")).status_code == 404


async def test_the_queues_show_counts_waves_and_what_is_due(site: Site) -> None:
    for _ in range(3):
        await site.service.schedule(delay=0)
    await site.service.schedule(delay=3_600_000)
    site.service.pass_time(2)
    page = await site.get()
    assert 'data-live="sms.scheduled">4<' in page.source
    assert 'data-live="sms.due">3<' in page.source
    assert "Oldest due: 2.0 s . Next: 1 due in 59 min 58 s" in page.text


async def test_values_are_shown_as_text(site: Site) -> None:
    job = await site.service.schedule(
        workspaceId=HOSTILE,
        contactId=HOSTILE,
        message=HOSTILE,
        metadata={"campaignId": HOSTILE, HOSTILE: HOSTILE},
    )
    for path in (
        f"/jobs/{job}",
        f"/jobs?workspace={HOSTILE}",
        "/campaigns",
        "/workspaces",
        f"/workspace?id={HOSTILE}",
    ):
        page = await site.get(path)
        assert HOSTILE not in page.source
        assert "&lt;script&gt;alert(1)" in page.source


async def test_recipients_are_masked_until_asked_for_and_that_is_written_down(site: Site) -> None:
    job = await site.service.schedule(
        phoneNumber="+1 555 010 9934", metadata={"also": "call +1 555 010 9934"}
    )
    for path in ("/jobs", f"/jobs/{job}"):
        page = await site.get(path)
        assert "010 9934" not in page.source
        assert "+1555***34" in page.text
    shown = await site.act("/recipients", shown="yes", after=f"/admin/queues/jobs/{job}")
    assert "+1 555 010 9934" in shown.text
    assert "show recipients" in (await site.get("/operations")).text
    site.service.pass_time(15 * 60 + 1)
    assert "010 9934" not in (await site.get(f"/jobs/{job}")).source


async def test_a_recipient_that_was_erased_leaves_a_word(site: Site) -> None:
    job = await site.service.schedule(contactId="ada")
    await site.service.ask("POST", "/api/contacts/ada/erase?workspaceId=workspace-1")
    for _ in range(2):
        assert "<h1>erased</h1>" in (await site.get(f"/jobs/{job}")).source
        assert ">erased</a>" in (await site.get("/jobs")).source
        await site.act("/recipients", shown="yes")


async def test_an_emails_html_is_given_to_a_frame_that_runs_nothing(site: Site) -> None:
    job = await schedule_email(site, html=f"<p>Hello ada@example.com</p>{HOSTILE}")
    page = await site.get(f"/jobs/{job}")
    assert f'<iframe sandbox class="mail" src="/admin/queues/jobs/{job}/html"' in page.source
    frame = await site.get(f"/jobs/{job}/html")
    policy = frame.answer.headers["content-security-policy"]
    assert "sandbox;" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<p>Hello a***@example.com</p>" in frame.source
    await site.get(f"/jobs/{await site.service.schedule()}/html", 404)


NESTED = [
    '<iframe src="https://evil.example"></iframe>',
    '<IFRAME/srcdoc="&lt;script&gt;"></IFRAME>',
    '<frameset><frame src="https://evil.example"></frameset>',
    '<object data="https://evil.example"></object>',
    "<embed\nsrc=//evil.example>",
]


@pytest.mark.parametrize("nested", NESTED)
async def test_an_emails_html_is_shown_without_frames_of_its_own(site: Site, nested: str) -> None:
    job = await schedule_email(site, html=f"<p>Hello</p>{nested}<p>framed</p>")
    source = (await site.get(f"/jobs/{job}/html")).source
    assert not re.search("<(iframe|frame|object|embed)", source, re.IGNORECASE)
    assert source.startswith("<p>Hello</p><removed-frame")
    assert source.endswith("<p>framed</p>")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"a", "b", "c"}),
        ("channel=email", {"c"}),
        ("workspace=other", {"b"}),
        ("campaign=spring", {"a"}),
        ("contact=b", {"b"}),
        ("recipient=%2B1%20(555)%20010-9999", {"a", "b"}),
        ("recipient=ADA@example.com", {"c"}),
        ("status=scheduled&workspace=workspace-1", {"a", "c"}),
        ("status=dead", set()),
        ("from=2025-03-22T10:15", {"a", "b", "c"}),
        ("from=2025-03-22T10:16", set()),
        ("to=2025-03-22T10:16&channel=sms", {"a", "b"}),
        ("from=2025-03-22T11:15:00%2B01:00", {"a", "b", "c"}),
        ("contact=nobody", set()),
    ],
)
async def test_jobs_are_searched_by_any_of_their_fields(
    site: Site, query: str, found: set[str]
) -> None:
    jobs = {
        "a": await site.service.schedule(contactId="a", metadata={"campaignId": "spring"}),
        "b": await site.service.schedule(contactId="b", workspaceId="other"),
        "c": await schedule_email(site, contactId="c", delay=60_000),
    }
    page = await site.get(f"/jobs?{query}")
    listed = set(re.findall(r'class="job" href="/admin/queues/jobs/([^"]+)"', page.source))
    assert {name for name, job in jobs.items() if job in listed} == found
    assert (
        f"All {len(found) if 'status' not in query else {'workspace-1': 2}.get(query[-11:], 3)}"
        in page.text
    )


@pytest.mark.parametrize("query", ["status=nothing", "channel=fax", "from=yesterday", "job=12"])
async def test_a_search_that_makes_no_sense_says_so(site: Site, query: str) -> None:
    assert "That cannot be done" in (await site.get(f"/jobs?{query}", 400)).text


async def test_a_job_is_found_by_its_id(site: Site) -> None:
    job = await site.service.schedule()
    assert (await site.get(f"/jobs?job={job.upper()}", 303)).to == f"/jobs/{job}"


async def test_the_list_goes_on_on_older_pages(site: Site) -> None:
    jobs = [await site.service.schedule() for _ in range(51)]
    page = await site.get("/jobs?workspace=workspace-1")
    [older] = re.findall(r'href="/admin/queues(/jobs\?[^"]*before=[^"]*)" rel="next"', page.source)
    rest = await site.get(older.replace("&amp;", "&"))
    assert re.findall(r'class="job" href="/admin/queues/jobs/([^"]+)"', rest.source) == [jobs[0]]
    assert "Newest" in rest.text


async def test_a_job_shows_its_attempts_and_is_retried(site: Site) -> None:
    job = await site.service.schedule(
        delay=0, idempotencyKey="order-17", metadata={"campaignId": "spring"}
    )
    following = await site.service.schedule(metadata={"campaignId": "spring"})
    await site.fail(job)
    page = await site.get(f"/jobs/{job}")
    for shown in ("Failed", "Rejected 422", "the application rejected it", "order-17", "next job"):
        assert shown in page.text
    assert f'href="/admin/queues/jobs/{following}" rel="next"' in page.source
    assert "scheduled again" in (await site.act(f"/jobs/{job}/retry")).text
    assert (await site.service.job(job))["status"] == "SCHEDULED"
    await site.post(f"/jobs/{job}/retry", 409)


async def test_a_scheduled_job_is_moved_promoted_and_cancelled(site: Site) -> None:
    job = await site.service.schedule()
    assert (
        "waits for its time; it is expected to start in 1 min, at 10:16:30"
        in (await site.get(f"/jobs/{job}")).text
    )
    await site.act(f"/jobs/{job}/reschedule", due_at="2025-04-01T09:30")
    assert (await site.service.job(job))["scheduledFor"] == "2025-04-01T09:30:00.000Z"
    await site.post(f"/jobs/{job}/reschedule", 400, due_at="soon")
    await site.post(f"/jobs/{job}/reschedule", 400)
    await site.act(f"/jobs/{job}/promote")
    await site.act(f"/jobs/{job}/cancel")
    assert (await site.service.job(job))["status"] == "CANCELLED"
    log = (await site.get("/operations")).text
    assert all(f"{action} job {job} done" in log for action in ("reschedule", "promote", "cancel"))
    await site.post(f"/jobs/{job}/delete", 404)


async def test_a_channel_is_paused_and_resumed_and_the_next_page_says_so(site: Site) -> None:
    for action, said, states in (
        ("pause", "SMS is paused", ["Paused", "Running"]),
        ("resume", "SMS goes on", ["Running", "Running"]),
    ):
        page = await site.act(f"/channels/sms/{action}")
        assert said in page.text
        assert re.findall(r"Paused|Running", page.source) == states
    await site.post("/channels/fax/pause", 404)


async def test_the_first_page_says_within_15_s_that_no_dispatcher_is_alive(site: Site) -> None:
    none = "No dispatcher is running"
    assert none in (await site.get()).text
    database = site.service.database
    identity = await dispatchers.register.run(database, "here:1", site.service.now)
    site.service.pass_time(14.9)
    assert none not in (await site.get()).text
    site.service.pass_time(0.1)
    assert none in (await site.get()).text
    assert "No dispatcher runs" in (await site.get("/operations")).text
    await dispatchers.see.run(database, identity, site.service.now, 0, 0, 0)
    assert none not in (await site.get()).text
    await dispatchers.forget.run(database, identity)
    assert none in (await site.get()).text


async def test_a_campaign_shows_how_far_it_is_and_is_held_moved_and_ended(site: Site) -> None:
    job = await site.service.schedule(metadata={"campaignId": "spring"})
    where: dict[str, Any] = {"workspace": "workspace-1", "campaign": "spring"}
    assert "spring workspace-1 active" in (await site.get("/campaigns")).text
    page = await site.get("/campaign?workspace=workspace-1&campaign=spring")
    assert (
        "0 of 1 jobs have ended, 0 a second of late; the last is expected in 1 min, at 10:16:30"
        in page.text
    )
    assert "Paused: 1 jobs" in (await site.act("/campaign/pause", **where)).text
    assert "Resumed: 1 jobs" in (await site.act("/campaign/resume", **where)).text
    assert "Moved: 1 jobs" in (await site.act("/campaign/shift", **where, minutes="30")).text
    assert (await site.service.job(job))["scheduledFor"] == "2025-03-22T10:46:30.123Z"
    await site.post("/campaign/shift", 400, **where, minutes="never")
    assert "Cancelled: 1 jobs" in (await site.act("/campaign/cancel", **where)).text
    await site.post("/campaign/explode", 404, **where)
    await site.get("/campaign?workspace=workspace-1&campaign=nothing", 404)


async def test_a_workspace_is_set_paused_and_freed(site: Site) -> None:
    await site.service.schedule()
    name: dict[str, Any] = {"id": "workspace-1"}
    page = await site.act("/workspace/limits", **name, tier="free", limit_sms="7", limit_email="")
    assert "Limit in force: 7/s (0% in use), set for it" in page.text
    assert "Limit in force: 10/s (0% in use), from its tier" in page.text
    await site.post("/workspace/limits", 400, **name, tier="free", limit_sms="1.5")
    await site.post("/workspace/limits", 400, **name, tier="nothing")
    page = await site.act(
        "/workspace/window",
        **name,
        start="08:00",
        end="21:00",
        timezone="Europe/Berlin",
        day=["1", "2"],
    )
    assert 'value="08:00"' in page.source
    assert 'value="Europe/Berlin"' in page.source
    await site.post("/workspace/window", 400, **name, start="08:00", end="", timezone="Mars")
    assert "no send window" in (await site.act("/workspace/window", **name, timezone="UTC")).text
    assert "is paused" in (await site.act("/workspace/pause", **name, channel="sms")).text
    assert "Held: paused" in (await site.get("/workspace?id=workspace-1")).text
    assert "goes on" in (await site.act("/workspace/resume", **name, channel="sms")).text
    assert "counted from now on" in (await site.act("/workspace/reset", **name)).text
    assert "There was no hold" in (await site.act("/workspace/lift", **name, channel="sms")).text


async def test_workspaces_are_listed_by_what_waits_and_opened_by_name(site: Site) -> None:
    await site.service.schedule()
    await site.service.schedule(workspaceId="busy")
    await site.service.schedule(workspaceId="busy")
    page = await site.get("/workspaces")
    assert page.source.index(">busy<") < page.source.index(">workspace-1<")
    assert (await site.get("/workspaces?find=a/b", 303)).to == "/workspace?id=a%2Fb"
    await site.get("/workspaces?sort=nonsense&after=nonsense")


async def test_a_test_message_is_read_by_the_rules_of_the_api(site: Site) -> None:
    form: dict[str, Any] = {
        "phoneNumber": "+1 555 010 0100",
        "message": "Hi",
        "contactId": "c",
        "workspaceId": "w",
        "seconds": "5",
    }
    page = await site.post("/send", channel="sms", **form)
    job = await site.service.job(page.to.removeprefix("/jobs/"))
    assert (job["scheduledFor"], job["channel"]) == ("2025-03-22T10:15:35.123Z", "sms")
    refused = await site.post("/send", 400, channel="sms", **{**form, "phoneNumber": "x"})
    assert "phone number" in refused.text
    assert 'value="x"' in refused.source
    await site.post("/send", 400, channel="sms", **{**form, "seconds": "later"})
    email: dict[str, Any] = {
        "to": "ada@example.com",
        "subject": "Hi",
        "html": "<p>Hi</p>",
        "contactId": "c",
        "workspaceId": "w",
    }
    assert (await site.post("/send", channel="email", **email)).to.startswith("/jobs/")


async def test_a_page_that_is_not_there_says_so(site: Site) -> None:
    for path in (
        "/nothing",
        "/jobs/01a20bcd-1011-71c5-a418-fddf35d8a67e",
        "/jobs/x",
        "/operations/x",
        "/workspace",
        "/campaign",
        "/send?channel=fax",
    ):
        assert "Not here" in (await site.get(path, 404)).text


async def test_a_page_that_fails_says_so_without_saying_how(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("queue_services.dashboard.charts.span_of", fail)
    page = await site.get(code=500)
    assert "nobody foresaw" in page.text
    assert "a secret" not in page.source


async def test_a_slash_at_the_end_means_nothing(site: Site) -> None:
    for path, to in (("/", ""), ("/jobs/", "/jobs"), ("//evil.example/", "/evil.example")):
        assert (await site.get(path, 303)).to == to


async def test_operations_show_dispatchers_settings_and_the_audit_log(site: Site) -> None:
    assert "No dispatcher runs" in (await site.get("/operations")).text
    await site.act("/channels/email/pause")
    page = await site.get("/operations")
    assert "this machine pause channel email done" in page.text
    assert "SQLite" in page.text


async def test_figures_are_counted_by_status(site: Site) -> None:
    job = await site.service.schedule(delay=0)
    await site.fail(job)
    await site.service.schedule()
    page = await site.get("/jobs?channel=sms")
    assert "Scheduled 1 Processing 0 Completed 0 Failed 1 Cancelled 0" in page.text
    [found] = await site.store.search(site.service.now, status=Status.DEAD, channel=Channel.SMS)
    assert found.id == job


async def test_events_that_an_endpoint_has_turned_off_are_said_to_be(site: Site) -> None:
    await site.service.ask(
        "PUT", "/api/workspaces/workspace-1", json={"eventsUrl": "https://app.example/events"}
    )
    assert "Events are off" not in (await site.get("/workspace?id=workspace-1")).text
    await site.service.database.write(
        workspaces.turn_events_off, "workspace-1", "https://app.example/events", site.service.now
    )
    assert "Events are off" in (await site.get("/workspace?id=workspace-1")).text
    answer = await site.service.ask(
        "PUT", "/api/workspaces/workspace-1", json={"eventsUrl": "https://app.example/events"}
    )
    assert answer["eventsOff"] is False


async def test_the_test_message_counts_for_the_quota_of_the_visitors_key(site: Site) -> None:
    _, text = await site.service.keys.create("workspace-1", per_minute=1)
    site.service.pass_time(1)
    await site.log_in(text)
    sms = {"phoneNumber": "+1 555 010 9934", "message": "Hi", "contactId": "c"}
    sms |= {"channel": "sms", "workspaceId": "workspace-1"}
    await site.post("/send", 303, **sms)
    refused = await site.post("/send", 429, **sms)
    assert "retry-after" in refused.answer.headers
