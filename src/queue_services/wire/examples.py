"""An example of every request and answer, for the page that shows the API: bodies written
here where a reader learns from them, all else made of the schemas.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

JOB = "01a20bcd-1011-71c5-a418-fddf35d8a67e"
NAMES: dict[str, Any] = {
    "jobId": JOB,
    "keyId": "01a20cad-785f-72db-bfc9-565654dfacec",
    "operationId": "01a20cad-737f-72db-bfc7-f45f3deb9227",
    "campaignId": "spring",
    "contactId": "contact-7",
    "workspaceId": "acme",
    "channel": "sms",
    "name": "standard",
    "timezone": "Europe/Berlin",
    "tier": "standard",
    "atomic": "false",
    "message": "SMS scheduled successfully",
    "error": None,
    "cursor": "0-2",
    "nextCursor": None,
    "to": "jane@example.com",
    "url": "https://example.com/hook",
}
"""What stands for a parameter or member of that name."""
INSTANT = "2026-11-24T05:25:18.097Z"
_SMS = {
    "phoneNumber": "+1 555 010 0034",
    "message": "Your table is booked for 19:30.",
    "contactId": "contact-7",
    "workspaceId": "acme",
    "delay": 3_600_000,
}
_EMAIL = {
    "to": "jane@example.com",
    "subject": "Welcome",
    "html": "<p>Hello Jane</p>",
    "contactId": "contact-8",
    "workspaceId": "acme",
}
BODIES: dict[str, dict[str, Any]] = {
    "schedule_sms": _SMS | {"idempotencyKey": "booking-881", "metadata": {"source": "bookings"}},
    "schedule_email": _EMAIL | {"metadata": {"campaignId": "spring"}},
    "schedule_batch": {
        "messages": [{"channel": "sms", **_SMS}, {"channel": "email", **_EMAIL}],
    },
    "get_job_statuses": {"jobIds": [JOB]},
    "reschedule_job": {"delay": 3_600_000},
    "shift_campaign": {"delay": -3_600_000},
    "forecast": {"workspaceId": "acme", "channel": "sms", "count": 10_000},
    "reset_metrics": {"type": "sms"},
    "change_workspace": {
        "limits": {"sms": 20},
        "sendWindow": {"start": "08:00", "end": "21:00", "days": [1, 2, 3, 4, 5]},
        "timezone": "Europe/Berlin",
    },
    "change_tier": {"limits": {"sms": 50, "email": 100}},
    "create_key": {"workspaceId": "acme", "scopes": ["send", "read"]},
    "start_operation": {"action": "retry", "filter": {"status": "FAILED", "workspaceId": "acme"}},
    "put_alert": {"when": {"figure": "failedShare", "over": 0.2}, "notify": ["on-call"]},
    "put_alert_sink": {"type": "slack", "url": "https://example.com/hook"},
    "advance_test_clock": {"delay": 864_000_000},
}
"""Bodies by the operation's id."""


def body_example(operation: str, schema: Schema, schemas: dict[str, Schema]) -> Any:
    """A body that `schema` takes: the one that is written here, or its required members."""
    return BODIES.get(operation) or example(schema, schemas)


def example(schema: Schema, schemas: dict[str, Schema], name: str = "") -> Any:
    """A value that `schema` takes, for a member called `name`: of an object its required
    members, of a list one element.
    """
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        choices: list[Any] = schema["enum"]
        return NAMES[name] if NAMES.get(name) in choices else choices[0]
    if "anyOf" in schema:
        return _of_choices(schema["anyOf"], schemas, name)
    if "properties" in schema or schema.get("type") == "object":
        return {
            member: example(schema["properties"][member], schemas, member)
            for member in schema.get("required", ())
        }
    if schema.get("type") == "array":
        return [example(schema["items"], schemas, name)]
    return _of_type(schema, name)


def _of_choices(choices: list[Schema], schemas: dict[str, Schema], name: str) -> Any:
    if name in NAMES and NAMES[name] is None and {"type": "null"} in choices:
        return None
    return example(choices[0], schemas, name)


def _of_type(schema: Schema, name: str) -> Any:
    if schema.get("format") == "date-time":
        return INSTANT
    match schema.get("type"):
        case "string" if schema.get("format") == "uuid":
            return NAMES.get(name) or JOB
        case "string":
            return NAMES.get(name) or "text"
        case "integer" | "number":
            return schema.get("default", max(1, schema.get("minimum", 1)))
        case "boolean":
            return True
        case _:
            return NAMES.get(name, "text")
