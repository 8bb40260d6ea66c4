"""The document says what the service does: every call, its bodies, answers and problems;
and the page shows it without anybody's help.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from queue_services.api.app import CALLS
from queue_services.api.openapi import document
from tests.api.service import EMAIL, SMS, Service

DOCUMENT = document(CALLS)
OPERATIONS = Path(__file__).with_name("operation_ids.json")


def schema(name: str) -> jsonschema_rs.Validator:
    """A validator of one of the document's schemas."""
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )


def references(value: Any) -> set[str]:
    """Every `$ref` in a JSON value."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values())) if value else own
    return set().union(*map(references, value)) if isinstance(value, list) and value else set()


async def test_it_is_served_as_it_was_made(service: Service) -> None:
    assert await service.ask("GET", "/openapi.json") == json.loads(json.dumps(DOCUMENT))
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_call_of_the_table_is_there() -> None:
    described = {
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert described == {(call.method, call.path) for call in CALLS}


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    for name in DOCUMENT["components"]["schemas"]:
        assert schema(name)
    names = [
        operation["operationId"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    ]
    assert len(names) == len(set(names))


def test_each_call_keeps_the_name_that_generated_clients_know_it_by() -> None:
    """Add new calls here; those that are here stay as they are."""
    names = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert names == json.loads(OPERATIONS.read_text(encoding="utf-8"))


def schemas_within(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from schemas_within(member)
    elif isinstance(value, list):
        for member in value:
            yield from schemas_within(member)


def test_nothing_in_it_is_known_to_stop_a_generator() -> None:
    for found in schemas_within(DOCUMENT["components"]["schemas"]):
        assert not (isinstance(found.get("enum"), list) and len(found["enum"]) == 1)
        assert found.get("default", 0) is not None
    for shape in DOCUMENT["components"]["schemas"].values():
        assert not ("properties" in shape and {"anyOf", "oneOf", "allOf"} & shape.keys())
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            headers = [one for one in operation["parameters"] if one["in"] == "header"]
            assert all(header["schema"].keys() == {"type", "pattern"} for header in headers)
            assert "security" in operation
    assert DOCUMENT["servers"]


def test_every_tag_says_what_its_calls_are_about() -> None:
    assert all(tag["description"] for tag in DOCUMENT["tags"])


@pytest.mark.parametrize(
    ("name", "body", "fits"),
    [
        ("SmsBody", {**SMS, "to": SMS["phoneNumber"]}, False),
        ("SmsBody", {**SMS, "to": None}, True),
        ("SmsBody", {**SMS, "delay": 5, "scheduledFor": "2026-01-05T09:00:00Z"}, False),
        ("EmailBody", {**EMAIL, "delay": 5, "scheduledFor": "2026-01-05T09:00:00Z"}, False),
        ("EmailBody", {**EMAIL, "delay": None, "scheduledFor": "2026-01-05T09:00:00Z"}, True),
        ("SmsBody", {**SMS, "metadata": {"a": ["\u0000"]}}, False),
        ("SmsBody", {**SMS, "metadata": {"a": [{"b": "c"}, None, 1.5]}}, True),
        ("SmsBody", {**SMS, "metadata": 5}, False),
        ("WorkspaceBody", {"timezone": "Europe/Berlin"}, True),
        ("WorkspaceBody", {"timezone": "Europe/Nowhere"}, False),
        ("WhenBody", {"figure": "dispatchers", "over": 1}, True),
        ("WhenBody", {"figure": "dispatchers", "over": 1, "under": 2}, False),
        ("WhenBody", {"figure": "dispatchers"}, False),
        ("SmsBody", SMS, True),
        ("SmsBody", {**SMS, "extra": 1, "delay": 5.5, "workspaceId": 7}, True),
        ("SmsBody", {key: value for key, value in SMS.items() if key != "phoneNumber"}, False),
        (
            "SmsBody",
            {
                "to": "555 0100",
                **{key: value for key, value in SMS.items() if key != "phoneNumber"},
            },
            True,
        ),
        ("SmsBody", {**SMS, "phoneNumber": "x"}, False),
        ("SmsElement", {**SMS, "channel": "sms"}, True),
        ("SmsElement", {**SMS, "channel": "sms", "extra": 1}, False),
        ("EmailBody", EMAIL, True),
        ("EmailBody", {**EMAIL, "delay": -1}, False),
        ("RescheduleBody", {}, False),
        ("RescheduleBody", {"delay": 0}, True),
    ],
)
def test_the_schemas_of_bodies_say_what_is_taken(
    name: str, body: dict[str, Any], fits: bool
) -> None:
    assert schema(name).is_valid(body) == fits


async def test_the_schemas_of_answers_fit_the_answers(service: Service) -> None:
    first = await service.ask(
        "POST",
        "/api/schedule-sms",
        json={
            **SMS,
            "delay": 60_000,
            "metadata": {"campaignId": "c", "n": 1},
            "idempotencyKey": "k",
        },
    )
    job = first["jobId"]
    replay = await service.ask(
        "POST",
        "/api/schedule-sms",
        json={**SMS, "metadata": {"campaignId": "c", "n": 1}, "idempotencyKey": "k"},
    )
    answers = [
        ("ScheduleAnswer", first),
        ("ScheduleAnswer", replay),
        (
            "BatchAnswer",
            await service.ask(
                "POST", "/api/schedule-batch", json={"messages": [{"channel": "sms", **SMS}, 5]}
            ),
        ),
        ("JobStatusAnswer", await service.job(job)),
        ("JobsAnswer", await service.ask("POST", "/api/job-status", json={"jobIds": [job, "x"]})),
        ("JobListAnswer", await service.ask("GET", "/api/jobs")),
        ("CampaignAnswer", await service.ask("GET", "/api/campaigns/c?workspaceId=workspace-1")),
        (
            "CountAnswer",
            await service.ask("POST", "/api/campaigns/c/pause?workspaceId=workspace-1"),
        ),
        ("JobAnswer", await service.ask("POST", f"/api/cancel-job/{job}")),
        ("HealthAnswer", await service.ask("GET", "/health")),
        ("Problem", await service.ask("POST", "/api/schedule-sms", 400, json={})),
        ("Problem", await service.ask("GET", "/nope", 404)),
    ]
    key = await service.ask("POST", "/api/keys")
    own = {"authorization": f"Bearer {key['key']}"}
    answers += [
        ("NewKeyAnswer", key),
        ("KeysAnswer", await service.ask("GET", "/api/keys", headers=own)),
    ]
    answers += [
        ("KeyAnswer", await service.ask("DELETE", f"/api/keys/{key['keyId']}", headers=own))
    ]
    for name, answer in answers:
        schema(name).validate(answer)
        assert not schema(name).is_valid(
            {key: value for key, value in answer.items() if key != next(iter(answer))}
        )


class Page(HTMLParser):
    """What a page holds and leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")


async def test_the_page_shows_every_call_and_leads_nowhere_else(service: Service) -> None:
    answer = await service.client.get("/docs")
    page = Page(answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert page.tags.count("script") == 1  # its own, and no other by the policy
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert (
            link.removeprefix("#") in page.ids
            or (await service.client.get(f"/{link}")).status_code == 200
        )
        assert not re.match(r"[a-z]+:|//", link)
    assert all(call.path in answer.text for call in CALLS)


async def test_the_type_of_a_problem_leads_to_its_place_on_the_page(service: Service) -> None:
    page = Page((await service.client.get("/docs")).text)
    for request, status in (
        (("GET", "/nope"), 404),
        (("PUT", "/api/jobs"), 405),
        (("GET", "/api/jobs?x=1"), 400),
    ):
        assert (await service.ask(*request, status))["type"].removeprefix("/docs#") in page.ids
