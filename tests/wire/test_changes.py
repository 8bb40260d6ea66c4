"""What a PUT of a workspace or a tier changes, and how its faults are named."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from queue_services.domain.calendar import EVERY_DAY, Window
from queue_services.domain.message import Channel
from queue_services.domain.tiers import Scale, TierChange
from queue_services.domain.workspace import Change
from queue_services.errors import InvalidRequest
from queue_services.wire.changes import tier_change, workspace_change

SMS, EMAIL = Channel.SMS, Channel.EMAIL


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def faults(body: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        workspace_change(body if isinstance(body, bytes) else encoded(body))
    return [fault.field for fault in refused.value.faults]


def test_nothing_given_changes_nothing() -> None:
    assert workspace_change(b"{}") == Change()
    assert tier_change(b"{}") == TierChange()


def test_every_member_is_read() -> None:
    body = {
        "tier": "free",
        "timezone": "Europe/Berlin",
        "limits": {"sms": 5.0, "email": 0.2},
        "callbackBaseUrls": {"sms": "https://acme.example/"},
        "paused": {"email": True},
        "eventsUrl": "https://acme.example/events",
        "signingSecret": "whsec_" + "c2VjcmV0" * 4,
        "sendWindow": {"start": "21:00", "end": "08:00", "days": [7.0, 1]},
    }
    change = workspace_change(encoded(body))
    assert change == Change(
        "free",
        "Europe/Berlin",
        {SMS: 5, EMAIL: 0.2},
        {SMS: "https://acme.example"},
        {EMAIL: True},
        "https://acme.example/events",
        "whsec_" + "c2VjcmV0" * 4,
        Window("21:00", "08:00", (1, 7)),
    )
    assert type(change.limits[SMS]) is int
    assert isinstance(change.window, Window)
    assert {type(day) for day in change.window.days} == {int}
    assert not [name for name in msgspec.structs.asdict(change).values() if name is UNSET]


def test_null_is_read_as_null_and_for_an_object_by_channel_as_null_of_both() -> None:
    names = (
        "tier",
        "timezone",
        "limits",
        "callbackBaseUrls",
        "paused",
        "eventsUrl",
        "signingSecret",
        "sendWindow",
    )
    nothing = dict.fromkeys(Channel)
    assert workspace_change(encoded(dict.fromkeys(names))) == Change(
        None, None, nothing, nothing, nothing, None, None, None
    )
    assert workspace_change(encoded({"limits": {"sms": None}})).limits == {SMS: None}


def test_a_window_without_days_is_of_every_day() -> None:
    assert workspace_change(
        encoded({"sendWindow": {"start": "08:00", "end": "21:00"}})
    ).window == Window("08:00", "21:00", EVERY_DAY)


def test_all_faults_are_named_at_once_each_by_its_own_member() -> None:
    body = {
        "tier": 5,
        "timezone": "Mars",
        "limits": {"sms": 0, "email": "x", "fax": 1},
        "callbackBaseUrls": {"email": "ftp://x"},
        "colour": 1,
        "sendWindow": {"start": "8", "end": "21:00", "days": [1, 1]},
        "signingSecret": "s",
        "eventsUrl": "x",
    }
    assert sorted(faults(body)) == sorted(
        [
            "tier",
            "timezone",
            "limits.sms",
            "limits.email",
            "limits.fax",
            "callbackBaseUrls.email",
            "colour",
            "sendWindow.start",
            "sendWindow.days",
            "signingSecret",
            "eventsUrl",
        ]
    )


@pytest.mark.parametrize(
    "number",
    [b"NaN", b"-Infinity", b"1e999", b"0", b"-1", b"2.5", b"1000001", b'"5"', b"true", b"[]"],
)
def test_a_limit_that_cannot_be_is_named(number: bytes) -> None:
    assert faults(b'{"limits": {"sms": %b}}' % number) == ["limits.sms"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff"])
def test_what_is_no_object_is_said_of_the_body(body: bytes) -> None:
    assert faults(body) == ["body"]


NAMES = st.sampled_from(["sms", "email", "start", "end", "days", "max", "step"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
MEMBERS = [
    "tier",
    "timezone",
    "limits",
    "callbackBaseUrls",
    "paused",
    "eventsUrl",
    "signingSecret",
    "sendWindow",
    "autoScale",
    "weight",
    "dailyQuota",
]


@given(VALUES, st.sampled_from(MEMBERS), st.sampled_from([workspace_change, tier_change]))
def test_any_value_of_any_member_is_read_or_named(value: Any, member: str, read: Any) -> None:
    named = {member}
    try:
        read(encoded({member: value}))
    except InvalidRequest as error:
        named = {fault.field.partition(".")[0] for fault in error.faults}
    assert named == {member}


def test_a_tiers_members_are_read_and_their_faults_named() -> None:
    body = {
        "weight": 2,
        "limits": {"sms": 5},
        "autoScale": {"sms": {"max": 20, "step": 1.5}, "email": None},
        "dailyQuota": {"sms": 100},
    }
    assert tier_change(encoded(body)) == TierChange(
        {SMS: 5}, 2, {SMS: Scale(20, 1.5), EMAIL: None}, {SMS: 100}
    )
    wrong = {
        "weight": 0.1,
        "autoScale": {"sms": {"max": 0, "step": 2}, "email": {"max": 5}},
        "dailyQuota": {"email": 0.5},
        "limits": {"sms": -1},
    }
    with pytest.raises(InvalidRequest) as refused:
        tier_change(encoded(wrong))
    assert sorted(fault.field for fault in refused.value.faults) == [
        "autoScale.email.step",
        "autoScale.sms",
        "dailyQuota.email",
        "limits.sms",
        "weight",
    ]
