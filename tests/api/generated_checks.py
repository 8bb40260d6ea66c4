"""Checks of generated requests beside schemathesis's own: valid data is refused for what no
schema can say alone, and a batch says what it refused.

Loaded by schemathesis.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis

BATCH = "/api/schedule-batch"
UNSAYABLE = {
    ("scheduledFor", "must be at most 400 days ahead"): "a schema knows no now",
    ("expiresAt", "must be a time to come"): "a schema knows no now",
    ("until", "must be a time to come"): "a schema knows no now",
    ("after", "must be the `cursor` of an earlier answer"): "the service alone can make one",
    (
        "idempotencyKey",
        "was first used for another message",
    ): "in a batch, what is 409 for one message",
    ("idempotencyKey", "differs from the header Idempotency-Key"): "both may be given, equal",
    ("from", "must not be after `to`"): "one member against another",
    ("stepSeconds", "would make more than 10,000 points"): "one member against two others",
    ("sendWindow.end", "is the same as start"): "one member against another",
    ("tier", "is no tier"): "as many as were made",
    ("notify", "there is no sink"): "as many as were made",
    ("filter", "needs a member"): "which of them narrow is said in the description",
    ("metadata", "must be at most 16 KiB"): "a schema counts no bytes",
}
"""Why valid data may be refused: the field, and how the fault's message begins; with the
reason why no schema says it.
"""


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """A link from a message whose `campaignId` is empty text, or neither text nor integer,
    leads nowhere: that names no campaign.
    """
    campaign = case.path_parameters.get("campaignId", "none")
    if campaign == "" or not isinstance(campaign, str | int):
        case.path_parameters["campaignId"] = "none"


@schemathesis.check
def valid_data_is_refused_for_what_no_schema_can_say_alone(
    _context: Any, response: Any, case: Any
) -> None:
    """Each fault of a schema-valid request is one of `UNSAYABLE`."""
    if (
        case.meta is None
        or not case.meta.generation.mode.is_positive
        or case.media_type == "application/x-ndjson"
    ):
        return
    for field, message in _faults(response, case):
        assert any(field == known and message.startswith(begins) for known, begins in UNSAYABLE), (
            f"a schema could say it: {field} {message}"
        )


@schemathesis.check
def an_invalid_batch_is_refused_in_part_at_least(_context: Any, response: Any, case: Any) -> None:
    """A batch with an invalid message is answered 200; that message is refused in it."""
    if (
        case.meta is not None
        and case.meta.generation.mode.is_negative
        and case.operation.path == BATCH
        and response.status_code == 200
    ):
        assert response.json()["rejected"], "an invalid message was accepted"


def _faults(response: Any, case: Any) -> Iterator[tuple[str, str]]:
    """The faults that an answer names; those of a batch's messages as if each had been sent
    alone.
    """
    batch = case.operation.path == BATCH
    if response.status_code == 400:
        found = response.json()["errors"]
    elif response.status_code == 200 and batch:
        found = [
            fault for result in response.json()["results"] for fault in result.get("errors", [])
        ]
    else:
        return
    for fault in found:
        yield (
            fault["field"].partition("].")[2]
            if batch and fault["field"].startswith("messages[")
            else fault["field"],
            fault["message"],
        )
