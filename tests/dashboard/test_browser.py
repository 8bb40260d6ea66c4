"""The dashboard in a real browser, before a service that delivers."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from queue_services.dashboard.view import BASE
from tests.acceptance.processes import email, running, sms
from tests.dashboard.stage import BROKEN, PASSWORD, Stage, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = Path(__file__).parent / "axe"
HOSTILE = (
    "<p>Hello</p><script>parent.document.title = 'taken over'; document.body.append('it"
    ' ran\')</script><img src="x" onerror="document.body.append(\'it ran\')"><img src="{pixel}">'
)
LATER = 3_600_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One service and one browser for all tests of this file."""
    async with staged(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def closed_afterwards(stage: Stage) -> AsyncIterator[None]:
    """No page of a test goes on asking for figures during the next."""
    yield
    while stage.contexts:
        await stage.contexts.pop().close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def every_page(stage: Stage) -> list[str]:
    """The paths of all pages, with something to see on each."""
    [job, _, failed] = await stage.schedule(
        email(1, delay=LATER, metadata={"campaignId": "every page"}),
        sms(2, delay=LATER, workspaceId="globex", metadata={"campaignId": "every page"}),
        sms(3, metadata={"callbackEndpoint": f"{BROKEN}/pages"}),
    )
    await stage.until(failed, "FAILED")
    return [
        "",
        "/jobs",
        f"/jobs/{job}",
        f"/jobs/{failed}",
        "/jobs?status=dead&workspace=acme",
        "/campaigns",
        "/campaign?workspace=acme&campaign=every%20page",
        "/workspaces",
        "/workspace?id=acme",
        "/send",
        "/send?channel=email",
        "/operations",
    ]


async def test_a_wrong_login_is_refused_and_the_right_one_opens_what_was_asked_for(
    stage: Stage,
) -> None:
    page = await stage.open("/jobs", password=None)
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await page.get_by_label("Name").fill("admin")
    await page.get_by_label("Password, or a key").fill("wrong")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("let nobody in")
    await page.get_by_label("Name").fill("admin")
    await page.get_by_label("Password, or a key").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


async def test_the_counters_move_while_messages_flow(stage: Stage) -> None:
    page = await stage.open()
    completed = page.locator('[data-live="email.delivered"]')
    before = int(await completed.inner_text())
    await stage.schedule(*(email(index) for index in range(40)))
    await expect(completed).to_have_text(str(before + 40))
    await expect(page.locator("#connection")).to_have_text("Figures are live.")


@pytest.mark.long(bounded=True)
async def test_a_failed_job_is_retried(stage: Stage) -> None:
    [job] = await stage.schedule(sms(7, metadata={"callbackEndpoint": f"{BROKEN}/retry"}))
    await stage.until(job, "FAILED")
    page = await stage.open(f"/jobs/{job}")
    await expect(page.get_by_text("unknown template").first).to_be_visible()
    stage.mended = True
    try:
        await page.get_by_role("button", name="Retry now").click()
        await expect(page.get_by_role("status").first).to_contain_text("scheduled again")
        await stage.until(job, "COMPLETED")
    finally:
        stage.mended = False
    await page.reload()
    await expect(page.locator(".heading .badge")).to_have_text("Completed")
    await expect(page.locator(".timeline li")).to_have_count(2)


async def test_all_that_match_are_cancelled_in_the_background(stage: Stage) -> None:
    jobs = await stage.schedule(
        *(email(index, delay=LATER, metadata={"campaignId": "bulk"}) for index in range(130))
    )
    page = await stage.open("/jobs")
    await page.get_by_label("Campaign").fill("bulk")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="Scheduled").click()
    await page.get_by_label("all 130 that match").check()
    await page.get_by_role("button", name="Cancel…").click()
    await expect(page.get_by_role("heading", name="Cancel 130 jobs?")).to_be_visible()
    await page.get_by_role("button", name="Yes, cancel 130").click()
    await expect(page.locator("#operation")).to_contain_text("Finished")
    await expect(page.get_by_role("img", name="130 of 130")).to_be_visible()
    answer = await stage.ask("POST", "/api/job-status", json={"jobIds": jobs})
    assert {job["status"] for job in answer["jobs"]} == {"CANCELLED"}


@pytest.mark.long(bounded=True)
async def test_rows_are_chosen_one_by_one_or_all_at_once(stage: Stage) -> None:
    await stage.schedule(*(sms(index, delay=LATER, contactId="chosen") for index in range(3)))
    page = await stage.open("/jobs?contact=chosen&status=scheduled")
    await page.get_by_label("Choose every row of this page").check()
    await expect(page.locator("[data-chosen]")).to_have_text(" (3)")
    await page.locator("tbody input[type=checkbox]").first.uncheck()
    await page.get_by_role("button", name="Promote…").click()
    await expect(page.get_by_role("heading", name="Promote 2 jobs?")).to_be_visible()


@pytest.mark.long(bounded=True)
async def test_a_form_that_another_site_sends_is_refused(stage: Stage) -> None:
    page = await stage.open()
    url = f"{stage.url}/channels/sms/pause"
    code = await page.evaluate(
        "url => fetch(url, {method: 'POST', body: new URLSearchParams({token:"
        " 'guessed'})}).then(answer => answer.status)",
        url,
    )
    assert code == 403
    foreign = await page.context.new_page()
    await foreign.set_content(f'<form method="post" action="{url}"><button>Win</button></form>')
    async with foreign.expect_navigation():
        await foreign.get_by_role("button").click()
    assert (
        "form has expired" in await foreign.content() or "needs a login" in await foreign.content()
    )
    await page.reload()
    await expect(page.locator(".queue").first).to_contain_text("Running")


async def test_an_email_that_holds_a_script_does_not_run_it_and_fetches_nothing(
    stage: Stage,
) -> None:
    pixel = f"{stage.service.url}/health?pixel"
    [job] = await stage.schedule(email(9, delay=LATER, html=HOSTILE.format(pixel=pixel)))
    page = await stage.open()
    fetched: list[str] = []
    page.on("requestfinished", lambda request: fetched.append(request.url))
    await page.goto(f"{stage.url}/jobs/{job}")
    frame = page.frame_locator("iframe.mail")
    await expect(frame.get_by_text("Hello")).to_be_visible()
    await expect(frame.get_by_text("it ran")).to_have_count(0)
    assert "taken over" not in await page.title()
    assert pixel not in fetched


@pytest.mark.long(bounded=True)
async def test_a_workspaces_key_cannot_open_anothers_page_by_its_address(stage: Stage) -> None:
    [theirs] = await stage.schedule(
        sms(1, delay=LATER, workspaceId="theirs", metadata={"campaignId": "secret"})
    )
    key = (await stage.ask("POST", "/api/keys", json={"workspaceId": "mine"}))["key"]
    page = await stage.open(password=key)
    await expect(page.locator(".who")).to_contain_text("mine")
    for path in (
        f"/jobs/{theirs}",
        "/workspace?id=theirs",
        "/campaign?workspace=theirs&campaign=secret",
        "/jobs?workspace=theirs",
    ):
        answer = await page.goto(stage.url + path)
        assert answer is not None
        assert answer.status == 404


@pytest.mark.long(bounded=True)
async def test_everything_is_read_and_done_without_javascript(
    stage: Stage, every_page: list[str]
) -> None:
    page = await stage.open(java_script_enabled=False)
    for path in every_page:
        answer = await page.goto(stage.url + path)
        assert answer is not None
        assert answer.status == 200
        await expect(page.locator("h1")).to_be_visible()
    [job] = await stage.schedule(sms(5, delay=LATER))
    await page.goto(f"{stage.url}/jobs/{job}")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".heading .badge")).to_have_text("Cancelled")


@pytest.mark.long(bounded=True)
async def test_every_page_fits_a_narrow_telephone(stage: Stage, every_page: list[str]) -> None:
    page = await stage.open(viewport={"width": 360, "height": 640})
    for path in every_page:
        await page.goto(stage.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.long(bounded=True)
async def test_the_keyboard_reaches_the_content_and_every_control(stage: Stage) -> None:
    page = await stage.open()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    spans = [
        page.get_by_role("link", name=span, exact=True) for span in ("hour", "24 hours", "7 days")
    ]
    for control in (*spans, page.get_by_role("button", name="Pause sms")):
        await page.keyboard.press("Tab")
        await expect(control).to_be_focused()


def axe() -> str:
    """The source of axe-core, as the lock file has it. Skips where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm: apt-get install nodejs npm")
    source = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=AXE, check=True)
    return source.read_text(encoding="utf-8")


async def violations(page: Page, *rules: str) -> list[dict[str, Any]]:
    """What axe-core finds wrong with a page, by all of its rules unless some are named."""
    only = (
        {"type": "rule", "values": rules}
        if rules
        else ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    )
    run = (
        "only => axe.run({runOnly: only, resultTypes: ['violations']}).then(found =>"
        " JSON.stringify(found.violations))"
    )
    found: list[dict[str, Any]] = json.loads(await page.evaluate(run, only))
    return [
        {"rule": one["id"], "where": [node["html"][:200] for node in one["nodes"][:3]]}
        for one in found
    ]


@pytest.mark.parametrize(
    "pages",
    [
        ["/jobs", "/workspace?id=acme"],
        pytest.param([], marks=pytest.mark.long(bounded=True), id="every page"),
    ],
)
async def test_no_page_shuts_anybody_out(
    stage: Stage, every_page: list[str], pages: list[str]
) -> None:
    source = axe()
    paths = [*pages] or [
        path
        for path in (*every_page, "/nothing")
        if path not in ("/send", "/jobs?status=dead&workspace=acme")
    ]  # as their likes
    stranger = await stage.open("/login", password=None)
    tabs = [await stage.open() for _ in range(2)]

    async def check(page: Page, path: str) -> None:
        await page.emulate_media(color_scheme="light")
        await page.goto(stage.url + path)
        await page.evaluate(source)
        assert await violations(page) == [], path
        await page.emulate_media(color_scheme="dark")
        assert await violations(page, "color-contrast") == [], f"{path}, dark"

    async def check_all(page: Page) -> None:
        while paths:
            await check(page, paths.pop())

    await asyncio.gather(check(stranger, "/login"), *(check_all(tab) for tab in tabs))


@pytest.mark.long(bounded=True)
async def test_a_service_that_stops_does_not_wait_for_those_who_look(
    stage: Stage, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    async with (
        running("serve", database_url=url, receiver_url=stage.service.url) as [service],
        await stage.browser.new_context() as context,
    ):
        page = await context.new_page()
        await page.goto(service.url + BASE)
        await expect(page.locator("#connection")).to_have_text("Figures are live.")
        assert await service.stop() == 0
        await expect(page.locator("#connection")).to_contain_text("lost")
        assert not any("timeout graceful shutdown exceeded" in line for line in service.log)
