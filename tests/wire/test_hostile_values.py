"""Values that mean harm are refused, or kept exactly as they are: never another value,
never another exception.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from queue_services.errors import InvalidRequest
from queue_services.wire import intake
from tests.fuzz import decoders
from tests.wire.builders import NOW, SMS

LOOKALIKES = [
    "acme",
    "аcme",
    "acme\u200b",
    "\u202eacme",
    "acme\u0301",
    "ACME",
    "ａcme",
    "acme\n",
    "acme\x1b[31m",
    " acme",
]


def decoded(**changes: Any) -> Any:
    return intake.sms(json.dumps({**SMS, **changes}).encode(), NOW, intake.Rules())


def test_ids_that_look_alike_stay_apart_to_the_letter() -> None:
    messages = [
        decoded(workspaceId=name, contactId=name, metadata={"campaignId": name})
        for name in LOOKALIKES
    ]
    assert (
        [message.workspace for message in messages]
        == [message.contact for message in messages]
        == [message.campaign for message in messages]
        == LOOKALIKES
    )


@pytest.mark.parametrize(
    "member", ["workspaceId", "contactId", "message", "phoneNumber", "idempotencyKey"]
)
@pytest.mark.parametrize("ill", ["a\0b", "a\ud800b"])
def test_a_nul_or_half_a_character_is_refused_by_its_member(member: str, ill: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decoded(**{member: ill})
    assert member in {fault.field for fault in refusal.value.faults}


@pytest.mark.parametrize(
    "value",
    ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, "9" * 10_000, "1e99999"],
)
@pytest.mark.parametrize("member", ["metadata", "workspaceId", "delay"])
def test_depth_and_length_are_refused(member: str, value: str) -> None:
    body = json.dumps({**SMS, member: 0}).replace(f'"{member}": 0', f'"{member}": {value}').encode()
    assert value.encode() in body
    with pytest.raises(InvalidRequest):
        intake.sms(body, NOW, intake.Rules())


@pytest.mark.parametrize("header", ["a\r\nx: y", "a\nb", "a\0b", '"a\r\nb"', "a\x1b[31m", "é"])
def test_no_header_brings_a_line_of_its_own_along(header: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        intake.idempotency_key(header)
    assert intake.traceparent("00-" + "1" * 32 + "-" + "2" * 16 + "-01" + header) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'{"messages":[',
        b'{"jobIds":[1]}',
        b"{}\n{}",
        json.dumps(SMS).encode(),
    ],
)
def test_the_fuzzer_s_harness_finds_nothing_in_these(body: bytes) -> None:
    decoders.decode(body)
