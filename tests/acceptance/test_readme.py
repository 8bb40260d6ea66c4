"""The README's tour, run against a real service: every answer shown there is one that is given."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from queue_services.demo.stage import open_stage
from queue_services.domain.message import Channel, Content
from queue_services.wire.callback import callback_body
from queue_services.wire.events import event_body
from queue_services.wire.times import instant

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOOKS = 2000


@dataclass
class Step:
    """One `curl` of the tour and the answer shown under it."""

    words: list[str]
    shown: Any

    @property
    def method(self) -> str:
        return self.option("-X") or ("POST" if self.option("-d", "--data-binary") else "GET")

    def option(self, *names: str) -> str | None:
        return next(
            (
                value
                for name, value in zip(self.words, self.words[1:], strict=False)
                if name in names
            ),
            None,
        )


def tour() -> Iterator[Step]:
    for block in re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        for part in block.split("$ curl ")[1:]:
            answer = re.search(r'^\{"(?:success|jobId)".*', part, re.DOTALL | re.MULTILINE)
            assert answer, part
            yield Step(shlex.split(part[: answer.start()]), json.loads(answer[0]))


async def request(client: httpx2.AsyncClient, step: Step, service: str, ids: dict[str, str]) -> Any:
    url = next(word for word in step.words if word.startswith("http")).replace(
        "http://127.0.0.1:3000", service
    )
    for shown, real in ids.items():
        url = url.replace(shown, real)
    body = step.option("-d", "--data-binary")
    name, _, value = (step.option("-H") or "accept: */*").partition(": ")
    answer = await client.request(step.method, url, content=body, headers={name: value})
    return answer.json()


def alike(value: Any) -> Any:
    """The value with what differs from run to run replaced: times, durations; the numbers
    of ids are compared apart.
    """
    text = TIME.sub("<time>", ID.sub("<id>", json.dumps(value, sort_keys=True)))
    return json.loads(re.sub(r'"durationMs": [\d.]+', '"durationMs": "<ms>"', text))


async def test_every_answer_of_the_tour_is_one_that_the_service_gives(tmp_path: Path) -> None:
    ids: dict[str, str] = {}
    steps = list(tour())
    assert len(steps) >= 7
    async with open_stage(tmp_path) as stage, httpx2.AsyncClient(timeout=10) as client:
        for step in steps:
            for _ in range(
                LOOKS
            ):  # a status may be asked for while the delivery is still on its way
                given = await request(client, step, stage.service, ids)
                if step.method == "POST" or alike(given) == alike(step.shown):
                    break
            assert alike(given) == alike(step.shown), json.dumps(given)
            ids |= dict(
                zip(ID.findall(json.dumps(step.shown)), ID.findall(json.dumps(given)), strict=True)
            )


def test_the_callback_shown_is_the_one_that_is_sent() -> None:
    shown, _ = json_blocks()
    content = Content(
        to="+1 555 010 0034",
        text="Your table is booked for 19:30.",
        metadata=msgspec.Raw(b'{"source": "bookings"}'),
    )
    sent = callback_body(
        content,
        channel=Channel.SMS,
        contact="contact-7",
        workspace="acme",
        job="01a20bcd-1011-71c5-a418-fddf35d8a67e",
    )
    assert json.loads(sent) == shown


def test_the_event_shown_is_one_that_is_told() -> None:
    _, shown = json_blocks()
    facts = json.dumps(
        {"error": shown["error"], "contact": shown["contactId"], "campaign": shown["campaignId"]}
    )
    told = event_body(
        identity=shown["eventId"],
        kind=shown["type"],
        job=shown["jobId"],
        workspace=shown["workspaceId"],
        channel=shown["channel"],
        facts=facts,
        created_at=instant(shown["timestamp"]),
    )
    assert list(json.loads(told).items()) == list(shown.items())


def json_blocks() -> list[Any]:
    """What stands in the README as JSON, in order: a callback's body, an event's."""
    return [
        json.loads(block)
        for block in re.findall(r"^```json\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    ]
