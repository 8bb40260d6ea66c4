"""Pictures of every page for the documents, on example messages: `python -m
tests.dashboard.screenshots` takes them anew into docs/images.
"""

from __future__ import annotations

import asyncio
import base64
import math
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from queue_services.domain.message import SECOND
from queue_services.queue import folding
from queue_services.queue.tallies import Tally
from queue_services.storage import open_database
from queue_services.storage.port import Tx
from tests.dashboard.stage import BROKEN, FLAKY, Stage, staged

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 150_000
"""Bytes of a picture, so that a page of the documents opens at once."""
WEEK, STEP = 7 * 86_400, 900
PEOPLE = (
    "amelia",
    "bruno",
    "chiara",
    "dmitri",
    "elif",
    "farah",
    "goran",
    "hanna",
    "ines",
    "jonas",
    "kofi",
    "lucia",
    "marek",
    "noor",
    "oskar",
    "priya",
)
NEWSLETTER = """<div style="font-family:sans-serif;max-width:28rem">
<h1 style="color:#1d4fc4">Spring is here</h1><p>Hello {name}, the new collection is in our shops from Friday on.</p>
<p><a href="https://example.com/spring" style="background:#1d4fc4;color:#fff;padding:.6rem 1rem;border-radius:.4rem">Have a look</a></p></div>"""


async def remember(tx: Tx, rnd: random.Random) -> None:
    """A week as it may have been: busy days, quiet nights, a campaign each morning."""
    now = round(time.time()) // STEP * STEP
    for at in range(now - WEEK, now - STEP, STEP):
        hour = at / 3600 % 24
        day = max(0.05, math.sin((hour - 5) / 16 * math.pi)) if 5 <= hour <= 21 else 0.05
        tally = Tally()
        for channel, most in (("sms", 12_000), ("email", 40_000)):
            busy = (
                most
                * day
                * rnd.uniform(0.8, 1.1)
                * (1.9 if channel == "email" and 8 <= hour < 8.5 else 1)
            )
            for workspace, share in (("acme", 0.55), ("northwind", 0.3), ("globex", 0.15)):
                counts, sent = tally.of(workspace, channel, None), int(busy * share)
                counts.dead = int(sent * rnd.uniform(0, 0.004))
                counts.delivered, counts.accepted, counts.starts = (
                    sent,
                    sent + counts.dead,
                    sent + counts.dead,
                )
                counts.first_at, counts.last_at = at * SECOND, (at + STEP) * SECOND
                counts.lateness = int(rnd.uniform(20_000, 45_000) * (1 + busy / most) * sent)
        await tally.add(tx, "example", at * SECOND)


def messages(rnd: random.Random) -> Iterator[dict[str, Any]]:
    """Campaigns of four workspaces: some of each due at once, the rest over the next hour."""
    for number in range(900):
        name = PEOPLE[number % len(PEOPLE)]
        contact = {
            "contactId": f"contact-{1000 + number}",
            "delay": 0 if number % 4 == 1 else rnd.randrange(600_000, 4_200_000),
        }
        if number % 9 < 5:
            body = {
                "channel": "email",
                "to": f"{name}.{number}@example.com",
                "subject": "Spring is here",
                "html": NEWSLETTER.format(name=name.title()),
            }
            path = (
                {"callbackEndpoint": f"{BROKEN}/digest"}
                if number % 36 == 1
                else {"callbackEndpoint": FLAKY}
                if number % 20 == 1
                else {}
            )
            yield {
                **body,
                **contact,
                "workspaceId": "acme",
                "metadata": {
                    "campaignId": "spring-launch",
                    "source": "newsletter",
                    "segment": "returning",
                    **path,
                },
            }
        elif number % 9 < 7:
            body = {
                "channel": "sms",
                "to": f"+1 555 01{number % 100:02} {number:04}",
                "message": f"Dear {name.title()}, we expect you tomorrow at 9:30.",
            }
            yield {
                **body,
                **contact,
                "workspaceId": "northwind",
                "metadata": {"campaignId": "appointment-reminders", "messageId": f"m-{number}"},
            }
        elif number % 9 == 7:
            body = {
                "channel": "email",
                "to": f"{name}@example.org",
                "subject": "Your week",
                "html": "<p>Your week in numbers.</p>",
            }
            yield {
                **body,
                **contact,
                "workspaceId": "globex",
                "metadata": {"campaignId": "weekly-digest"},
            }
        else:
            body = {
                "channel": "sms",
                "to": f"+44 7700 900{number % 1000:03}",
                "message": f"Your code is {number:06}.",
                "priority": "high",
            }
            yield {**body, **contact, "workspaceId": "initech", "metadata": {"source": "login"}}


async def seed(stage: Stage, rnd: random.Random) -> str:
    """Schedule the messages and wait until some have ended; a job that was tried more than once."""
    await stage.ask(
        "PUT", "/api/workspaces/acme", json={"tier": "premium", "timezone": "Europe/Berlin"}
    )
    await stage.ask("PUT", "/api/workspaces/initech", json={"tier": "free"})
    wanted = list(messages(rnd))
    jobs = dict(
        zip(
            await stage.schedule(*wanted),
            (str(message["metadata"].get("callbackEndpoint")) for message in wanted),
            strict=True,
        )
    )
    due = [job for job, message in zip(jobs, wanted, strict=True) if not message["delay"]]
    flaky = next(job for job in due if jobs[job] == FLAKY)
    await stage.until(flaky, "COMPLETED")
    await stage.until(next(job for job in due if jobs[job].startswith(BROKEN)), "FAILED")
    return flaky


async def cancel_some(page: Page, stage: Stage) -> None:
    """Something for the audit log and the list of operations."""
    await page.goto(f"{stage.url}/jobs?workspace=globex&status=scheduled")
    await page.get_by_label("that match").check()
    await page.get_by_role("button", name="Cancel…").click()
    await page.get_by_role("button", name="Yes").click()
    await page.get_by_text("Finished").wait_for()
    await page.goto(f"{stage.url}/workspace?id=northwind")
    await page.get_by_role("button", name="Pause email").click()


async def smaller(page: Page, png: bytes) -> bytes:
    """The same picture as WebP, which takes half the space and loses nothing that one sees;
    the browser makes it.
    """
    blank = await page.context.new_page()
    written = await blank.evaluate(
        """async png => {
            const image = new Image();
            image.src = png;
            await image.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.width, image.height];
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL("image/webp", 0.9);
        }""",
        "data:image/png;base64," + base64.b64encode(png).decode(),
    )
    await blank.close()
    return base64.b64decode(written.partition(",")[2])


async def take(page: Page, stage: Stage, name: str, path: str, height: int) -> None:
    """One picture."""
    width = (page.viewport_size or {"width": 1280})["width"]
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(stage.url + path)
    if await page.locator("[data-live]").count():
        await expect(page.locator("#connection")).to_have_text("Figures are live.")
    content = await smaller(page, await page.screenshot())
    assert len(content) < LARGEST, f"{name} has {len(content):,} bytes"
    (IMAGES / f"{name}.webp").write_bytes(content)


async def main() -> None:
    """Take all pictures."""
    rnd = random.Random(7)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'queue.db'}")
        await database.migrate()

        await database.write(remember, rnd)
        while await database.write(folding.fold, round(time.time()) * SECOND):
            pass
        await database.close()
        async with staged(Path(folder)) as stage:
            light = await stage.open()
            flaky = await seed(stage, rnd)
            await take(light, stage, "queues", "?span=24h", 860)
            await take(
                await stage.open(color_scheme="dark"), stage, "queues-dark", "?span=24h", 860
            )
            await take(
                await stage.open(viewport={"width": 390, "height": 844}),
                stage,
                "telephone",
                "?span=24h",
                844,
            )
            await cancel_some(light, stage)
            for name, path, height in (
                ("jobs", "/jobs?workspace=acme", 900),
                ("job", f"/jobs/{flaky}", 1040),
                ("campaigns", "/campaigns", 480),
                ("campaign", "/campaign?workspace=acme&campaign=spring-launch", 560),
                ("workspaces", "/workspaces", 480),
                ("workspace", "/workspace?id=acme&span=24h", 1120),
                ("send", "/send?channel=email", 720),
                ("operations", "/operations", 900),
            ):
                await take(light, stage, name, path, height)


if __name__ == "__main__":
    asyncio.run(main())
