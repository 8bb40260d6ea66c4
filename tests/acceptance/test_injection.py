"""Values that would forge a line of the log, move a terminal's cursor or add a header,
through a real process: none of them comes out as more than a value.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx2

from tests.acceptance.processes import Arrivals, email, receiving, running, sms
from tests.delivery.receiver import Request, response

PHONE, ADDRESS, SECRET = "+1 555 010 77 34", "jane.doe@example.com", "the-text-that-nobody-may-see"
HARM = {
    "a line": '\r\n{"event": "forged", "level": "info"}',
    "a header": "\r\nx-admin: 1\r\n\r\nPOST /forged HTTP/1.1\r\n",
    "an escape": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "other line ends": "\u2028\u2029\x85\x0b\x0cforged",
    "bidi": "\u202egnp.exe\u2066\u200f",
    "a recipient": f" {PHONE} {ADDRESS}",
}
SENT_HEADERS = {
    "host",
    "accept",
    "accept-encoding",
    "content-type",
    "user-agent",
    "content-length",
    "x-workspace-id",
    "idempotency-key",
    "x-attempt",
}
ESCAPES = re.compile(r"[^\x20-\x7e]")


def refusing(_: Request) -> bytes:
    """An application whose answers mean harm as well, and repeat what they were sent."""
    return response(422, f"{SECRET} {PHONE} {ADDRESS} {''.join(HARM.values())}".encode())


def harmful(make: Any, harm: str, **members: Any) -> dict[str, Any]:
    """A message with the harm in every member that takes it."""
    metadata = {"campaignId": harm, "messageId": harm, "source": harm, harm: harm, "note": SECRET}
    return make(  # type: ignore[no-any-return]
        workspaceId=f"w{harm}",
        contactId=f"c{harm}",
        idempotencyKey=f"k{harm}",
        metadata=metadata,
        **members,
    )


def raw_requests(harm: str) -> list[tuple[str, str]]:
    """Requests that are refused, with the harm wherever a path or a query takes it."""
    written = quote(harm, safe="")
    paths = (
        f"/{written}",
        f"/api/job-status/{written}",
        f"/api/campaigns/{written}?workspaceId={written}",
        f"/api/jobs?{written}={written}",
    )
    return [("GET", path) for path in paths] + [
        ("POST", f"/api/cancel-job/{written}"),
        ("DELETE", f"/api/keys/{written}"),
    ]


async def provoke(url: str) -> list[dict[str, Any]]:
    """Ask for everything; the messages that were accepted."""
    accepted = []
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        for harm in HARM.values():
            letter = harmful(email, harm, to=ADDRESS, subject=SECRET + harm, html=SECRET + harm)
            for message in (
                harmful(sms, harm, to=PHONE, message=SECRET + harm),
                letter | {"idempotencyKey": None},
            ):
                path = "/api/schedule-sms" if message["channel"] == "sms" else "/api/schedule-email"
                answer = await client.post(
                    path, json={name: value for name, value in message.items() if name != "channel"}
                )
                assert answer.status_code == 200, answer.text
                accepted.append(message)
            for method, path in raw_requests(harm):
                answer = await client.request(method, path)
                assert answer.status_code < 500
                assert not ESCAPES.search(
                    "".join(f"{name}{value}" for name, value in answer.headers.items())
                )
    return accepted


async def test_no_value_forges_a_line_of_the_log_or_a_header_and_none_shows_what_is_private(
    tmp_path: Path,
) -> None:
    arrivals, told = Arrivals(refusing), Arrivals(refusing)
    async with receiving(arrivals) as receiver, receiving(told) as events:
        settings = {"events_url": f"{events.url}/events", "log_level": "debug"}
        async with running(
            "serve",
            database_url=f"sqlite:///{tmp_path}/queue.db",
            receiver_url=receiver.url,
            **settings,
        ) as [service]:
            accepted = await provoke(service.url)
            await receiver.until(lambda: len(arrivals.seen) == len(accepted))
            await events.until(
                lambda: len(told.seen) > len(accepted)
            )  # one more: the first refusals have been settled and logged
            assert await service.stop() == 0
    check_headers([request for _, request in arrivals.seen], accepted)
    check_log(service.log)
    assert sum("not delivered" in line for line in service.log) == len(accepted), (
        "what the log is held against must be in it"
    )
    assert any("an event was not taken" in line for line in service.log)


def check_headers(requests: list[Request], accepted: list[dict[str, Any]]) -> None:
    """Each request has the headers that the service sends, and says whose it is without a
    character that could end one.
    """
    for request in requests:
        assert request.headers.keys() == SENT_HEADERS
        assert not ESCAPES.search("".join(request.headers.values()))
        assert unquote(request.headers["x-workspace-id"]) == request.json["workspaceId"]
    assert {unquote(request.headers["x-workspace-id"]) for request in requests} == {
        message["workspaceId"] for message in accepted
    }


def check_log(lines: list[str]) -> None:
    """Each line is one JSON object of printable ASCII, and names nobody."""
    for line in lines:
        event = json.loads(line)
        assert event["event"] != "forged"
        assert not ESCAPES.search(line.removesuffix("\n")), line
        values = json.dumps(event, ensure_ascii=False)
        assert not any(private in values for private in (SECRET, PHONE, ADDRESS, "5550107734")), (
            line
        )
