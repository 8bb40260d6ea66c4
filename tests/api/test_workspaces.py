"""Workspaces, tiers and channels over HTTP: what is set, what is shown, and who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from queue_services.api.guard import Caller, Scope
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Kind
from queue_services.queue import claims, settling
from queue_services.settings.slices import ApiSettings
from tests.api.service import EMAIL, SMS, Service, serving
from tests.support.builders import request, settlement, terms

SECRET = "whsec_" + "c2VjcmV0" * 4


class Keyed:
    """Keys named after what they may do."""

    callers = {  # noqa: RUF012 - a table
        "admin": Caller(None, frozenset(Scope)),
        "acme": Caller("acme", frozenset({Scope.READ, Scope.SEND, Scope.MANAGE})),
        "reader": Caller(None, frozenset({Scope.READ})),
    }

    async def exist(self) -> bool:
        return True

    async def caller(self, key: str) -> Caller | None:
        return self.callers.get(key)


def by(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def put(service: Service, body: Any, name: str = "acme", status: int = 200) -> Any:
    return await service.ask("PUT", f"/api/workspaces/{name}", status, json=body)


async def refuse(service: Service, kind: Kind = Kind.THROTTLED, **members: Any) -> None:
    """Claim what is due of SMS and settle it as refused."""
    now = 1_742_638_530_123_000
    claimed = (await service.database.write(claims.claim, request(Channel.SMS), now)).messages
    assert claimed
    outcomes = [settlement(message, kind, **members) for message in claimed]
    await service.database.write(settling.settle, outcomes, [], terms(), now)


async def test_a_workspace_that_nobody_has_set_reads_as_the_default(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        assert await service.ask("GET", "/api/workspaces/never%20seen") == {
            "success": True,
            "workspaceId": "never seen",
            "tier": "standard",
            "timezone": "UTC",
            "limits": {"sms": None, "email": None},
            "callbackBaseUrls": {"sms": None, "email": None},
            "paused": {"sms": False, "email": False},
            "pausedUntil": {"sms": None, "email": None},
            "pausedReason": {"sms": None, "email": None},
            "limitsUntil": {"sms": None, "email": None},
            "limitsReason": {"sms": None, "email": None},
            "eventsUrl": None,
            "eventsOff": False,
            "signingSecretSet": False,
            "sendWindow": None,
            "holds": [],
            "adjustments": [],
            "limitsInForce": {
                "sms": {"perSecond": 50, "source": "service"},
                "email": {"perSecond": 100, "source": "service"},
            },
        }


async def test_put_changes_the_members_given_and_null_clears_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        await put(
            service,
            {
                "tier": "free",
                "timezone": "Europe/Berlin",
                "limits": {"sms": 3},
                "signingSecret": SECRET,
                "eventsUrl": "https://acme.example/events",
            },
        )
        window = {"start": "08:00", "end": "21:00", "days": [1, 5]}
        await put(
            service,
            {
                "limits": {"email": 0.5},
                "paused": {"sms": True},
                "sendWindow": window,
                "callbackBaseUrls": {"sms": "https://u:p@acme.example/"},
            },
        )
        shown = await service.ask("GET", "/api/workspaces/acme")
        assert (
            shown["tier"],
            shown["timezone"],
            shown["sendWindow"],
            shown["signingSecretSet"],
        ) == ("free", "Europe/Berlin", window, True)
        assert (shown["limits"], shown["paused"]) == (
            {"sms": 3, "email": 0.5},
            {"sms": True, "email": False},
        )
        assert shown["callbackBaseUrls"] == {"sms": "https://***@acme.example", "email": None}
        assert SECRET not in str(shown)
        assert "3.0" not in str(shown)
        assert shown["limitsInForce"]["sms"] == {"perSecond": 3, "source": "workspace"}
        await put(
            service,
            {
                "tier": None,
                "limits": {"sms": None},
                "paused": None,
                "sendWindow": None,
                "signingSecret": None,
                "timezone": None,
                "eventsUrl": None,
            },
        )
        cleared = await service.ask("GET", "/api/workspaces/acme")
        assert (
            cleared["tier"],
            cleared["timezone"],
            cleared["sendWindow"],
            cleared["signingSecretSet"],
        ) == ("standard", "UTC", None, False)
        assert (cleared["limits"], cleared["paused"], cleared["eventsUrl"]) == (
            {"sms": None, "email": 0.5},
            {"sms": False, "email": False},
            None,
        )
        assert cleared["limitsInForce"]["sms"] == {"perSecond": 50, "source": "service"}


async def test_a_tiers_limit_is_in_force_until_a_workspace_has_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path, ApiSettings(sms_per_second=20)) as service:
        shown = await put(service, {"tier": "free"})
        assert shown["limitsInForce"]["sms"] == {"perSecond": 5, "source": "tier"}
        assert (await put(service, {"limits": {"sms": 30}}))["limitsInForce"]["sms"] == {
            "perSecond": 20,
            "source": "service",
        }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"tier": "gold"}, ["tier"]),
        ({"timezone": "Mars/Olympus"}, ["timezone"]),
        ({"limits": {"sms": 0}}, ["limits.sms"]),
        ({"limits": {"sms": -5, "email": 2.5}}, ["limits.sms", "limits.email"]),
        ({"limits": {"sms": "5"}}, ["limits.sms"]),
        ({"limits": {"fax": 5}}, ["limits.fax"]),
        ({"sendWindow": {"start": "08:00", "end": "08:00"}}, ["sendWindow.end"]),
        ({"sendWindow": {"start": "08:00", "end": "21:00", "days": []}}, ["sendWindow.days"]),
        ({"sendWindow": {"start": "25:00"}}, ["sendWindow.end"]),
        ({"callbackBaseUrls": {"sms": "ftp://acme.example"}}, ["callbackBaseUrls.sms"]),
        ({"eventsUrl": "nowhere"}, ["eventsUrl"]),
        ({"signingSecret": "short"}, ["signingSecret"]),
        ({"paused": {"sms": "yes"}}, ["paused.sms"]),
        ({"colour": "red"}, ["colour"]),
    ],
)
async def test_what_cannot_be_is_named_and_changes_nothing(
    tmp_path: Path, body: Any, fields: list[str]
) -> None:
    async with serving(tmp_path) as service:
        refused = await put(service, {"limits": {"sms": 7}} | body, status=400)
        assert [fault["field"] for fault in refused["errors"]] == fields
        assert (await service.ask("GET", "/api/workspaces/acme"))["limits"] == {
            "sms": None,
            "email": None,
        }


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
async def test_a_limit_that_is_not_finite_is_refused(tmp_path: Path, number: str) -> None:
    async with serving(tmp_path) as service:
        content = f'{{"limits": {{"sms": {number}}}}}'
        refused = await service.ask(
            "PUT",
            "/api/workspaces/acme",
            400,
            content=content,
            headers={"content-type": "application/json"},
        )
        assert [fault["field"] for fault in refused["errors"]] == ["limits.sms"]


async def test_tiers_are_listed_shown_changed_and_made(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        tiers = (await service.ask("GET", "/api/tiers"))["tiers"]
        assert [tier["name"] for tier in tiers] == ["free", "premium", "standard"]
        premium = await service.ask("GET", "/api/tiers/premium")
        assert premium == {
            "success": True,
            "name": "premium",
            "weight": 2,
            "limits": {"sms": None, "email": None},
            "dailyQuota": {"sms": None, "email": None},
            "autoScale": {"sms": {"max": 200, "step": 1.25}, "email": {"max": 400, "step": 1.25}},
        }
        await service.ask(
            "PUT", "/api/tiers/premium", json={"weight": 3, "autoScale": {"email": None}}
        )
        made = await service.ask(
            "PUT", "/api/tiers/gold", json={"limits": {"sms": 9}, "dailyQuota": {"sms": 1000}}
        )
        assert (made["limits"]["sms"], made["dailyQuota"]["sms"], made["weight"]) == (9, 1000, 1)
        changed = await service.ask("GET", "/api/tiers/premium")
        assert (changed["weight"], changed["autoScale"]) == (
            3,
            {"sms": {"max": 200, "step": 1.25}, "email": None},
        )
        assert (await put(service, {"tier": "gold"}))["limitsInForce"]["sms"] == {
            "perSecond": 9,
            "source": "tier",
        }
        await service.ask("GET", "/api/tiers/silver", 404)
        refused = await service.ask(
            "PUT",
            "/api/tiers/gold",
            400,
            json={"weight": 0.3, "autoScale": {"sms": {"max": 5, "step": 1}}, "limits": {"sms": 0}},
        )
        assert {fault["field"] for fault in refused["errors"]} == {
            "weight",
            "autoScale.sms",
            "limits.sms",
        }


async def test_channels_are_paused_and_resumed(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        paused = await service.ask("POST", "/api/channels/sms/pause")
        assert (paused["channel"], paused["paused"]) == ("sms", True)
        job = await service.schedule(delay=0)
        assert (await service.job(job))["waitingFor"] == "pause"
        before = service.wakes
        resumed = await service.ask("POST", "/api/channels/sms/resume")
        assert (resumed["channel"], resumed["paused"]) == ("sms", False)
        assert service.wakes > before
        assert (await service.job(job))["waitingFor"] == "serviceLimit"
        await service.ask("POST", "/api/channels/fax/pause", 404)


async def test_a_hold_is_shown_with_its_end_and_can_be_lifted(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        job = await service.schedule(workspaceId="acme", delay=0)
        await refuse(service, wait_until=1_742_638_530_123_000 + 600 * SECOND)
        assert (await service.ask("GET", "/api/workspaces/acme"))["holds"] == [
            {"channel": "sms", "reason": "throttled", "until": "2025-03-22T10:25:30.123Z"}
        ]
        assert (await service.job(job))["waitingFor"] == "hold"
        await service.schedule(workspaceId="acme", delay=0)
        assert (await service.ask("GET", "/api/workspaces/acme"))["holds"]
        assert (await service.ask("POST", "/api/workspaces/acme/lift", json={"channel": "email"}))[
            "lifted"
        ] == []
        assert (await service.ask("POST", "/api/workspaces/acme/lift"))["lifted"] == ["sms"]
        assert (await service.ask("GET", "/api/workspaces/acme"))["holds"] == []


async def test_workspaces_are_listed_by_a_figure_page_by_page(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        for name, count in (("one", 1), ("three", 3), ("two", 2), ("also two", 2)):
            for _ in range(count):
                await service.schedule(workspaceId=name)
        first = await service.ask("GET", "/api/workspaces?sort=backlog&limit=2")
        assert [(one["workspaceId"], one["backlog"]) for one in first["workspaces"]] == [
            ("three", 3),
            ("also two", 2),
        ]
        rest = await service.ask(
            "GET",
            "/api/workspaces",
            params={"sort": "backlog", "limit": "2", "cursor": first["nextCursor"]},
        )
        assert [(one["workspaceId"], one["backlog"]) for one in rest["workspaces"]] == [
            ("two", 2),
            ("one", 1),
        ]
        assert rest["nextCursor"] is None
        for bad in ("sort=colour", "limit=0", "cursor=x"):
            assert await service.ask("GET", f"/api/workspaces?{bad}", 400)


async def test_a_key_of_one_workspace_sees_and_sets_its_own_but_no_limit(tmp_path: Path) -> None:
    async with serving(tmp_path, keys=Keyed()) as service:
        own, other = "/api/workspaces/acme", "/api/workspaces/other"
        await service.ask("GET", own, headers=by("acme"))
        await service.ask("GET", other, 403, headers=by("acme"))
        await service.ask(
            "PUT",
            own,
            headers=by("acme"),
            json={"timezone": "Asia/Tokyo", "paused": {"sms": True}, "signingSecret": SECRET},
        )
        for body in (
            {"limits": {"sms": 1}},
            {"tier": "premium"},
            {"callbackBaseUrls": {"sms": "https://a.example"}},
            {"eventsUrl": "https://a.example"},
        ):
            await service.ask("PUT", own, 403, headers=by("acme"), json=body)
            await service.ask("PUT", own, headers=by("admin"), json=body)
        await service.ask("PUT", other, 403, headers=by("acme"), json={"timezone": "Asia/Tokyo"})
        await service.ask("PUT", own, 403, headers=by("reader"), json={"timezone": "Asia/Tokyo"})
        for method, path in (
            ("GET", "/api/workspaces"),
            ("GET", "/api/tiers"),
            ("GET", "/api/tiers/free"),
            ("PUT", "/api/tiers/free"),
            ("POST", "/api/channels/sms/pause"),
        ):
            request_body: dict[str, Any] = {"json": {}} if method == "PUT" else {}
            await service.ask(method, path, 403, headers=by("acme"), **request_body)
            await service.ask(method, path, headers=by("admin"), **request_body)


async def test_segments_are_counted_where_the_limits_count_them(tmp_path: Path) -> None:
    async with serving(tmp_path, ApiSettings(sms_units="segments")) as service:
        job = await service.schedule(message="x" * 161)
        assert (await service.job(job))["units"] == 2
        email = await service.ask("POST", "/api/schedule-email", json={**EMAIL, "html": "x" * 500})
        assert (await service.job(email["jobId"]))["units"] == 1
    async with serving(tmp_path) as service:
        assert (await service.job(await service.schedule(message=SMS["message"] * 40)))[
            "units"
        ] == 1
