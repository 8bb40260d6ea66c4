"""Launches with what the Python client plans for them: the lines it would send, for the Node
package's CampaignBuilder to send too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from queue_services_client import wire
from queue_services_client.plan import Contact, Plan, Step, compiled
from queue_services_client.rollout import Rollout
from queue_services_client.templates import dollar_templates
from queue_services_client.types import ScheduleResult

NOW = datetime(2026, 3, 27, 16, 45, 12, 345_000, tzinfo=UTC)
STEPS = [
    Step(0, "09:30", "sms", template="Hello $name, ${city}: $$5"),
    Step(
        3,
        "18:00",
        "email",
        subject="For $name",
        template="<p>Dear $name of $city</p>",
        expires_after=timedelta(hours=6),
        metadata={"tag": "a", "nested": {"n": 1}},
    ),
    Step(
        2,
        "02:30:15",
        "sms",
        template="Night",
        id="night:%1",
        days=(1, 2, 3, 4, 5),
        priority="low",
        media_url="https://example.org/a.png",
        callback_endpoint="/other",
    ),
]
CONTACTS = [
    Contact(
        "c-1",
        phone="+49 170 1",
        email="ada@example.org",
        fields={"name": "Ada", "city": "<Köln> & \"Bonn\" 'x'"},
    ),
    Contact(
        "c:2/ü😀",
        phone="+81 50 2",
        email="ken@example.org",
        zone="Asia/Tokyo",
        fields={"name": "Ken", "city": "Kyōto"},
    ),
    Contact("c-3", email="bob@example.org", fields={"name": "Bob", "city": "Rome"}),
    Contact("c-4", phone="+1 4", email="eve@example.org", fields={"name": "Eve"}),
    Contact(
        "c-5",
        phone="+1 5",
        email="x@example.org",
        zone="Mars/Base",
        fields={"name": "X", "city": "Y"},
    ),
    Contact(
        "x" * 250, phone="+1 6", email="long@example.org", fields={"name": "Long", "city": "Id"}
    ),
    *(
        Contact(
            f"n-{n}",
            phone=f"+1 7{n}",
            email=f"n{n}@example.org",
            fields={"name": f"N{n}", "city": "Z"},
        )
        for n in range(40)
    ),
]
LAUNCHES: list[dict[str, Any]] = [
    {"id": "spring", "zone": "Europe/Berlin", "start": NOW},
    {"id": "spring:50%", "zone": "America/New_York", "start": date(2026, 3, 20)},
    {"id": "späť", "zone": "UTC", "start": NOW, "spread_ms": 3_600_000},
    {"id": "odd", "zone": "Asia/Kathmandu", "start": date(2026, 3, 27), "spread_ms": 86_399_999},
    {
        "id": "rolled",
        "zone": "UTC",
        "start": NOW,
        "kind": "welcome",
        "rollout": {"kinds": ["welcome"], "percent": 37.5},
    },
    {"id": "other", "zone": "UTC", "start": NOW, "kind": "news", "rollout": {"kinds": ["welcome"]}},
    {
        "id": "drawn",
        "zone": "UTC",
        "start": NOW,
        "rollout": {"name": "second", "workspaces": ["acme"], "percent": 50},
    },
]


def cases() -> dict[str, Any]:
    """The steps and contacts in the Node package's names, and each launch with its lines."""
    return {
        "now": wire.instant(NOW, "now"),
        "steps": [_camel(step, {"expires_after": "expiresAfterMs"}) for step in STEPS],
        "contacts": [_camel(contact) for contact in CONTACTS],
        "launches": [_launch(launch) for launch in LAUNCHES],
    }


def _launch(launch: Mapping[str, Any]) -> dict[str, Any]:
    rollout = launch.get("rollout")
    chosen = Rollout(**_sets(rollout)) if rollout else None
    spread = timedelta(milliseconds=launch.get("spread_ms", 0))
    plan = Plan(
        compiled(STEPS, dollar_templates, launch["zone"]),
        campaign_id=launch["id"],
        workspace_id="acme",
        zone=launch["zone"],
        kind=launch.get("kind"),
        start=launch["start"],
        now=NOW,
        spread=spread,
        rollout=chosen,
    )
    planned = [_entry(entry) for entry in plan.entries(CONTACTS)]
    start = launch["start"]
    options = {
        "start": wire.instant(start, "start") if isinstance(start, datetime) else start.isoformat(),
        "spreadMs": launch.get("spread_ms", 0),
    }
    return {
        "id": launch["id"],
        "zone": launch["zone"],
        "kind": launch.get("kind"),
        "options": options,
        "rollout": rollout,
        "planned": planned,
        "heldBack": plan.launch().held_back,
    }


def _sets(members: Mapping[str, Any]) -> Any:
    return {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in members.items()
    }


def _entry(entry: Any) -> Any:
    """A line as it is sent, or the faults (none for a template that does not fit)."""
    if isinstance(entry, ScheduleResult):
        return {"refused": [msgspec.to_builtins(fault) for fault in entry.faults]}
    return msgspec.json.decode(wire.batch_line(entry))


def _camel(struct: msgspec.Struct, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    given = {
        name: value
        for name, value in msgspec.structs.asdict(struct).items()
        if value not in (None, "")
    }
    return {
        (names or {}).get(name) or wire.camel(name): value / timedelta(milliseconds=1)
        if isinstance(value, timedelta)
        else value
        for name, value in given.items()
    }
