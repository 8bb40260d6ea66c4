"""What a workspace's key opens, call by call: the whole route table is walked with the key
of another workspace.

Every call must be classified here; one that is not, or that shows or changes anything of a
workspace that is not the key's, fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from queue_services.api.app import CALLS
from queue_services.api.calls import Call
from queue_services.api.guard import KEYED
from queue_services.queue.keys import every
from queue_services.storage.port import Tx
from tests.api.service import SMS, Service, serving
from tests.storage.store import select

OWNER, FOREIGN = "owner-of-it-all", "foreign-workspace"
SECRET = "what-no-other-workspace-may-see"
"""Stands in everything that the owner has."""

ADMINISTRATORS = "administrators"
"""For administrators' keys alone: 403."""
UNKNOWN = "unknown"
"""What belongs to another workspace is 404, like what is not there."""
OWN = "own"
"""It names a workspace: 403 for another's."""
WITHIN = "within"
"""It answers within the key's own workspace."""

CLASSES = {
    "POST /api/schedule-sms": OWN,
    "POST /api/schedule-email": OWN,
    "POST /api/schedule-batch": WITHIN,
    "GET /api/job-status/{jobId}": UNKNOWN,
    "POST /api/job-status": WITHIN,
    "POST /api/retry-job/{jobId}": UNKNOWN,
    "POST /api/promote-job/{jobId}": UNKNOWN,
    "POST /api/reschedule-job/{jobId}": UNKNOWN,
    "POST /api/cancel-job/{jobId}": UNKNOWN,
    "GET /api/jobs": OWN,
    "GET /api/campaigns/{campaignId}": UNKNOWN,
    "POST /api/campaigns/{campaignId}/cancel": UNKNOWN,
    "POST /api/campaigns/{campaignId}/pause": UNKNOWN,
    "POST /api/campaigns/{campaignId}/resume": UNKNOWN,
    "POST /api/campaigns/{campaignId}/shift": UNKNOWN,
    "POST /api/contacts/{contactId}/erase": OWN,
    "GET /api/changes": OWN,
    "POST /api/forecast": OWN,
    "GET /api/metrics": WITHIN,
    "GET /api/metrics/workspace/{workspaceId}": OWN,
    "POST /api/metrics/reset": OWN,
    "GET /api/metrics/history": OWN,
    "GET /metrics": ADMINISTRATORS,
    "GET /api/workspaces/{workspaceId}": OWN,
    "PUT /api/workspaces/{workspaceId}": OWN,
    "POST /api/workspaces/{workspaceId}/lift": OWN,
    "GET /api/workspaces": ADMINISTRATORS,
    "GET /api/tiers/{name}": ADMINISTRATORS,
    "PUT /api/tiers/{name}": ADMINISTRATORS,
    "GET /api/tiers": ADMINISTRATORS,
    "POST /api/channels/{channel}/pause": ADMINISTRATORS,
    "POST /api/channels/{channel}/resume": ADMINISTRATORS,
    "POST /api/test-clock/advance": ADMINISTRATORS,
    "POST /api/keys": ADMINISTRATORS,
    "GET /api/keys": ADMINISTRATORS,
    "DELETE /api/keys/{keyId}": ADMINISTRATORS,
    "GET /api/campaigns": OWN,
    "GET /api/errors": OWN,
    "GET /api/audit": OWN,
    "POST /api/operations": OWN,
    "GET /api/operations": OWN,
    "GET /api/operations/{operationId}": UNKNOWN,
    "POST /api/operations/{operationId}/stop": UNKNOWN,
    "GET /api/channels": ADMINISTRATORS,
    "GET /api/channels/{channel}": ADMINISTRATORS,
    "PUT /api/channels/{channel}": ADMINISTRATORS,
    "GET /api/alerts": ADMINISTRATORS,
    "GET /api/alerts/{name}": ADMINISTRATORS,
    "PUT /api/alerts/{name}": ADMINISTRATORS,
    "DELETE /api/alerts/{name}": ADMINISTRATORS,
    "GET /api/alert-sinks": ADMINISTRATORS,
    "GET /api/alert-sinks/{name}": ADMINISTRATORS,
    "PUT /api/alert-sinks/{name}": ADMINISTRATORS,
    "DELETE /api/alert-sinks/{name}": ADMINISTRATORS,
    "POST /api/alert-sinks/{name}/test": ADMINISTRATORS,
}
"""By call, as the contract has it."""
STATUSES = {ADMINISTRATORS: {403}, UNKNOWN: {404}, OWN: {403}, WITHIN: {200}}

MESSAGE = {**SMS, "workspaceId": OWNER, "message": SECRET}
BODIES: dict[str, Any] = {
    "POST /api/schedule-sms": MESSAGE,
    "POST /api/schedule-email": {
        "to": "a@example.com",
        "subject": "x",
        "html": "x",
        "contactId": "c",
        "workspaceId": OWNER,
    },
    "POST /api/schedule-batch": {"messages": [{"channel": "sms", **MESSAGE}]},
    "POST /api/job-status": {"jobIds": ["{jobId}"]},
    "POST /api/reschedule-job/{jobId}": {"delay": 5},
    "POST /api/campaigns/{campaignId}/shift": {"delay": 60_000},
    "POST /api/forecast": {"workspaceId": OWNER, "channel": "sms", "count": 1},
    "POST /api/metrics/reset": {"workspaceId": OWNER},
    "PUT /api/workspaces/{workspaceId}": {"paused": {"sms": True}},
    "PUT /api/tiers/{name}": {"weight": 5},
    "POST /api/test-clock/advance": {"delay": 5},
    "PUT /api/channels/{channel}": {"perSecond": 1},
    "PUT /api/alerts/{name}": {"when": {"figure": "dispatchers", "under": 1}},
    "PUT /api/alert-sinks/{name}": {"type": "slack", "url": "https://a.example"},
    "POST /api/operations": {
        "action": "promote",
        "filter": {"status": "SCHEDULED", "workspaceId": OWNER},
    },
}
KEYED_CALLS = [call for call in CALLS if call.path.startswith(KEYED)]


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


class World:
    """A workspace that has something of everything, and keys."""

    def __init__(
        self, service: Service, names: dict[str, str], administrator: str, foreign: str, owner: str
    ) -> None:
        self.service, self.names = service, names
        self.administrator, self.foreign, self.owner = administrator, foreign, owner

    async def call(self, call: Call, key: str, workspace: str = OWNER) -> Any:
        """The answer to a call about what is the owner's, sent with a key."""
        missing = set(re.findall(r"\{(\w+)\}", call.path)) - self.names.keys()
        assert not missing, f"{name_of(call)}: say in this test what {missing} is of the owner's"
        body = (
            json.dumps(BODIES[name_of(call)]).replace(OWNER, workspace)
            if name_of(call) in BODIES
            else None
        )
        parameters = {"workspaceId": workspace} if asks_for_workspace(call) else {}
        names = self.names | {"workspaceId": workspace}
        request: dict[str, Any] = (
            {"content": filled(body, names), "headers": {"content-type": "application/json"}}
            if body
            else {"headers": {}}
        )
        request["headers"]["authorization"] = f"Bearer {key}"
        return await self.service.client.request(
            call.method, filled(call.path, names), params=parameters, **request
        )

    async def kept(self) -> list[Any]:
        """All that the store holds of the owner, and what holds for everybody."""
        return await self.service.database.read(_everything)


def asks_for_workspace(call: Call) -> bool:
    return call.query is not None and any(
        field.encode_name == "workspaceId" for field in msgspec.structs.fields(call.query)
    )


def without_names(text: str) -> str:
    return re.sub(r"'[^']*'", "", text)


def filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


async def _everything(tx: Tx) -> list[Any]:
    tables = [
        row[0]
        for row in await select(
            tx,
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
            " and name <> 'audit' order by name",  # what was refused is recorded, too
        )
    ]
    return [(table, await select(tx, f"select * from {table}")) for table in tables]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with serving(tmp_path) as service:
        keys = [(await service.keys.create(workspace))[1] for workspace in (None, FOREIGN, OWNER)]
        administrator = {"authorization": f"Bearer {keys[0]}"}
        message = {
            **MESSAGE,
            "delay": 60_000,
            "contactId": SECRET,
            "metadata": {"campaignId": "spring", "note": SECRET},
        }
        job = (await service.ask("POST", "/api/schedule-sms", json=message, headers=administrator))[
            "jobId"
        ]
        await service.ask(
            "PUT",
            f"/api/workspaces/{OWNER}",
            json={"callbackBaseUrls": {"sms": f"https://{SECRET}.example"}},
            headers=administrator,
        )
        filtered = {"action": "promote", "filter": {"status": "SCHEDULED", "q": "nothing"}}
        started = await service.client.post(
            "/api/operations",
            json=filtered,
            headers={"authorization": f"Bearer {keys[2]}"},
        )
        key = (await every.run(service.database))[0].id
        names = {
            "jobId": job,
            "campaignId": "spring",
            "workspaceId": OWNER,
            "name": "standard",
            "channel": "sms",
            "keyId": key,
            "contactId": SECRET,
            "operationId": started.json()["operationId"],
        }
        yield World(service, names, *keys)


def test_every_call_is_classified() -> None:
    unclassified = {name_of(call) for call in KEYED_CALLS} - CLASSES.keys()
    assert unclassified == set(), "say in this test what a workspace's key may do with it"


def test_calls_without_a_key_say_nothing_of_anybody() -> None:
    assert {call.path for call in CALLS if not call.path.startswith(KEYED)} == {
        "/health",
        "/health/live",
        "/health/ready",
    }


@pytest.mark.parametrize("call", KEYED_CALLS, ids=name_of)
async def test_another_workspace_s_key_neither_sees_nor_changes_anything(
    world: World, call: Call
) -> None:
    before = await world.kept()
    answer = await world.call(call, world.foreign)
    assert answer.status_code in STATUSES[CLASSES[name_of(call)]], answer.text
    assert SECRET not in answer.text
    assert await world.kept() == before
    if CLASSES[name_of(call)] in (UNKNOWN, OWN):  # it is answered like what is not there
        unknown = "01a20bcd-1011-71c5-a418-fddf35d8a67e"
        world.names |= {"jobId": unknown, "campaignId": "autumn", "operationId": unknown}
        nowhere = await world.call(call, world.foreign)
        assert (nowhere.status_code, without_names(nowhere.text)) == (
            answer.status_code,
            without_names(answer.text),
        )


@pytest.mark.parametrize(
    "call",
    [call for call in KEYED_CALLS if CLASSES.get(name_of(call)) != ADMINISTRATORS],
    ids=name_of,
)
async def test_its_own_key_may(world: World, call: Call) -> None:
    answer = await world.call(call, world.owner)
    assert answer.status_code == (409 if "retry-job" in call.path else call.status), answer.text


@pytest.mark.parametrize(
    "member",
    [
        {"limits": {"sms": 5}},
        {"tier": "free"},
        {"callbackBaseUrls": {"sms": None}},
        {"eventsUrl": "https://a.example"},
    ],
)
async def test_limits_tier_base_urls_and_events_are_an_administrator_s_to_write(
    world: World, member: dict[str, Any]
) -> None:
    before = await world.kept()
    await world.service.ask(
        "PUT",
        f"/api/workspaces/{OWNER}",
        403,
        json=member,
        headers={"authorization": f"Bearer {world.owner}"},
    )
    assert await world.kept() == before
    await world.service.ask(
        "PUT",
        f"/api/workspaces/{OWNER}",
        json=member,
        headers={"authorization": f"Bearer {world.administrator}"},
    )


async def test_a_search_without_a_workspace_finds_the_key_s_own_alone(world: World) -> None:
    answer = await world.service.client.get(
        "/api/jobs", headers={"authorization": f"Bearer {world.foreign}"}
    )
    assert answer.json()["jobs"] == []
