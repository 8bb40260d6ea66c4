"""Bodies and queries of the new endpoints: every fault at once, in words that say what to send."""

from __future__ import annotations

import msgspec
import pytest

from queue_services.errors import InvalidRequest
from queue_services.wire import bodies, fields
from queue_services.wire.keys import KeyBody
from tests.wire.builders import faults


def test_a_body_that_fits_is_read() -> None:
    assert fields.read(b'{"jobIds": ["a", "b"]}', bodies.JobIdsBody).job_ids == ["a", "b"]


def test_unknown_missing_and_wrong_members_are_all_named() -> None:
    assert faults(fields.read, b'{"jobIds": 5, "workspace": "x"}', bodies.JobIdsBody) == {
        "jobIds": "must be a list of at most 1,000 job ids",
        "workspace": "is not read here; remove it",
    }
    assert faults(fields.read, b"{}", bodies.JobIdsBody) == {"jobIds": "is required"}


def test_a_thousand_unknown_members_are_not_all_named() -> None:
    body = b"{" + b",".join(b'"m%d":1' % number for number in range(1000)) + b"}"
    assert len(faults(fields.read, body, bodies.NoMembers)) == fields.MOST_FAULTS


def test_a_name_is_shown_cut_short_and_without_lone_surrogates() -> None:
    assert fields.shown("a\ud800" + "b" * 300) == "a\\ud800" + "b" * 198


def test_a_query_is_read_with_its_numbers() -> None:
    query = fields.read_query({"limit": "7", "from": "x", "workspaceId": "null"}, bodies.JobsQuery)
    assert (query.limit, query.created_from, query.workspace_id) == (7, "x", "null")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "x"},
        {"limit": ""},
        {"status": "scheduled"},
        {"channel": "fax"},
        {"foo": "1"},
    ],
)
def test_a_parameter_that_is_wrong_or_unknown_is_named(query: dict[str, str]) -> None:
    assert set(faults(fields.read_query, query, bodies.JobsQuery)) == set(query)


def test_a_nul_in_a_query_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="contactId: holds a NUL"):
        fields.read_query({"contactId": "a\0"}, bodies.JobsQuery)


@pytest.mark.parametrize(
    ("shape", "time", "others"),
    [
        (KeyBody, "expiresAt", {"scopes": ["x"], "messagesPerMinute": 0}),
        (bodies.ForecastBody, "scheduledFor", {"workspaceId": "", "channel": "fax", "count": 0}),
        (bodies.RescheduleBody, "scheduledFor", {"delay": -1}),
    ],
)
def test_a_wrong_time_is_named_beside_the_other_faults(
    shape: type[msgspec.Struct], time: str, others: dict[str, object]
) -> None:
    assert set(faults(fields.read, msgspec.json.encode(others | {time: "soon"}), shape)) == {
        *others,
        time,
    }
    assert set(
        faults(fields.read, msgspec.json.encode(others | {time: "2030-01-01T00:00:00Z"}), shape)
    ) == {*others}
