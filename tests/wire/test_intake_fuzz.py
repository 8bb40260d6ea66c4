"""No body, however wrong, does anything but be decoded or refused; and the quick decode
agrees with the search for faults.
"""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.message import Content, Message
from queue_services.errors import InvalidRequest
from queue_services.wire import bodies, fields, intake
from queue_services.wire.intake import Faults, Rules
from tests.wire.builders import EMAIL, NOW, SMS

SHAPES: list[type[msgspec.Struct]] = [
    bodies.SmsBody,
    bodies.EmailBody,
    bodies.SmsElement,
    bodies.EmailElement,
    bodies.RescheduleBody,
    bodies.ShiftBody,
    bodies.JobIdsBody,
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["\0", "\ud800", "x" * 256, "2025-03-22T10:15:30Z", "high", "a@b.co", 10**300]
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(
    sorted(
        {field.encode_name for shape in SHAPES for field in msgspec.structs.fields(shape)}
        | {"channel"}
    )
) | st.text(max_size=4)
right = st.fixed_dictionaries(
    {}, optional={name: st.just(value) for name, value in {**EMAIL, **SMS}.items()}
)
changed = st.builds(
    lambda whole, changes: {**whole, **changes}, right, st.dictionaries(names, values, max_size=4)
)
written = (
    changed.map(json.dumps).map(str.encode)
    | st.binary(max_size=40)
    | values.map(json.dumps).map(str.encode)
)
cut = st.builds(
    lambda body, at, extra: body[:at] + extra + body[at:],
    written,
    st.integers(0, 200),
    st.binary(max_size=3),
)
anything = written | cut


def outcome(decode: Any, body: bytes) -> Message | InvalidRequest:
    try:
        message: Message = decode(body, NOW, Rules())
    except InvalidRequest as error:
        return error
    return message


@given(anything)
def test_a_body_is_decoded_into_a_message_that_can_be_delivered_or_refused_with_faults_that_can_be_answered(
    body: bytes,
) -> None:
    for decode in (intake.sms, intake.email, intake.element):
        result = outcome(decode, body)
        if isinstance(result, InvalidRequest):
            assert result.faults
            assert json.dumps(
                [(fault.field, fault.message) for fault in result.faults], ensure_ascii=False
            ).encode()
            assert all(fault.message for fault in result.faults)
        else:
            assert isinstance(
                msgspec.json.decode(msgspec.json.decode(result.payload, type=Content).metadata),
                dict,
            )
            assert result.due_at >= result.created_at
            assert "\0" not in "".join(
                [
                    result.payload,
                    result.workspace,
                    result.contact,
                    result.recipient,
                    result.campaign or "",
                ]
            )


@pytest.mark.parametrize("shape", SHAPES)
@given(body=anything)
def test_what_the_quick_decode_takes_has_no_faults_and_what_it_refuses_has_some(
    shape: type[msgspec.Struct], body: bytes
) -> None:
    taken = fields.quick(body, shape) is not None
    found = fields.examine(body, shape).faults
    assert found
    nothing_found = [fault.message for fault in found] == [
        "is not JSON of the shape that is read here"
    ]
    assert taken == nothing_found


@pytest.mark.parametrize("shape", SHAPES)
@given(body=anything)
def test_a_large_body_is_searched_for_fewer_faults_and_never_for_none(
    shape: type[msgspec.Struct], body: bytes
) -> None:
    taken = fields.quick(body, shape) is not None
    with patch.object(fields, "LARGE", -1):
        found = fields.examine(body, shape).faults
        for decode in (intake.sms, intake.email, intake.element):
            outcome(decode, body)
    assert found
    assert json.dumps(
        [(fault.field, fault.message) for fault in found], ensure_ascii=False
    ).encode()
    assert not taken or [fault.message for fault in found] == [
        "is not JSON of the shape that is read here"
    ]


@given(changed)
def test_faults_are_the_same_however_the_body_is_spaced_and_ordered(
    members: dict[str, Any],
) -> None:
    plain, spread = (
        json.dumps(members).encode(),
        json.dumps(dict(reversed(members.items())), indent=2, ensure_ascii=True).encode(),
    )
    first, second = outcome(intake.sms, plain), outcome(intake.sms, spread)
    assert isinstance(first, InvalidRequest) == isinstance(second, InvalidRequest)
    if isinstance(first, InvalidRequest) and isinstance(second, InvalidRequest):
        assert {fault.field for fault in first.faults} == {fault.field for fault in second.faults}


@given(st.text())
def test_any_header_is_a_key_of_1_to_255_printable_characters_or_refused(header: str) -> None:
    refusals = Faults()
    key = refusals.unless("Idempotency-Key", intake.idempotency_key, header)
    assert (key is None) == bool(refusals)
    assert all(fault.message.startswith("must be ") for fault in refusals)
    assert key is None or (1 <= len(key) <= 255 and key.isprintable() and key.isascii())
