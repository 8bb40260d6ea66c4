"""Every body and query of the route table, however wrong, is decoded or refused with faults
that can be answered: never another exception.

What messages are decoded from has tests of its own, in `test_intake_fuzz`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.api.app import CALLS
from queue_services.api.calls import read_query
from queue_services.errors import InvalidRequest
from queue_services.wire import changes, fields, tiers, times, workspaces

SHAPES: list[type[msgspec.Struct]] = sorted(
    {call.body for call in CALLS if call.reads is not None and call.decodes},
    key=lambda shape: shape.__name__,
)
QUERIES: list[type[msgspec.Struct]] = sorted(
    {call.query for call in CALLS if call.query is not None}, key=lambda shape: shape.__name__
)
CHANGES: list[Callable[[bytes], Any]] = [changes.workspace_change, changes.tier_change]

PARTS: list[type[msgspec.Struct]] = [
    workspaces.LimitsBody,
    workspaces.WindowBody,
    tiers.ScaleBody,
    workspaces.WorkspaceBody,
    tiers.TierBody,
]
NAMES = sorted(
    {
        field.encode_name
        for shape in (*SHAPES, *QUERIES, *PARTS)
        for field in msgspec.structs.fields(shape)
    }
)
TELLING = [
    "\0",
    "\ud800",
    "x" * 256,
    "2025-03-22T10:15:30Z",
    "2025-06-30T23:59:60Z",
    "sms",
    "acme",
    "08:00",
    "24:00",
    "Europe/Berlin",
    "../etc/passwd",
    "z" * 5000,
]
URLS = [
    "http://",
    "http://[::1",
    "http://a:99999",
    "http://a b",
    "//a",
    "http://u:p@a/\r\nb",
    "https://ü.example/?#",
    "whsec_",
    "whsec_" + "A" * 48,
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, 1e308, 0.5, 5.0, -0.0])
    | st.text(max_size=9)
    | st.sampled_from(TELLING + URLS)
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=10,
)
written = values.map(lambda value: json.dumps(value).encode())
deep = st.sampled_from(
    [
        b"[" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"limits":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ]
)
anything = (
    written
    | st.binary(max_size=40)
    | st.builds(
        lambda body, at, extra: body[:at] + extra + body[at:],
        written,
        st.integers(0, 99),
        st.binary(max_size=3),
    )
    | deep
)
queries = st.binary(max_size=60) | st.lists(
    st.tuples(names, st.sampled_from(TELLING) | st.integers().map(str) | st.text(max_size=5))
).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode(
        errors="surrogatepass"
    )
)


def value_of(decode: Callable[[], Any]) -> Any:
    """The value; None where it was refused in a way that can be answered."""
    try:
        return decode()
    except InvalidRequest as refusal:
        faults = refusal.faults
    assert faults
    assert all(fault.message for fault in faults)
    assert msgspec.json.encode(faults)
    return None


@pytest.mark.parametrize("shape", SHAPES)
@given(body=anything)
def test_a_body_is_of_its_shape_or_refused(shape: type[msgspec.Struct], body: bytes) -> None:
    value = value_of(lambda: fields.read(body, shape))
    assert value is None or isinstance(value, shape)
    assert value is None or b"\\u0000" not in msgspec.json.encode(value)


@pytest.mark.parametrize("decode", CHANGES)
@given(body=anything)
def test_a_change_of_a_workspace_or_a_tier_can_be_stored_or_is_refused(
    decode: Callable[[bytes], Any], body: bytes
) -> None:
    change = value_of(lambda: decode(body))
    assert change is None or b"\\u0000" not in msgspec.json.encode(change)


@pytest.mark.parametrize("shape", QUERIES)
@given(query=queries)
def test_a_query_is_of_its_shape_or_refused(shape: type[msgspec.Struct], query: bytes) -> None:
    value = value_of(lambda: read_query(query, shape))
    assert value is None or isinstance(value, shape)


@given(
    st.text(max_size=30)
    | st.sampled_from(TELLING)
    | st.datetimes().map(lambda at: f"{at.isoformat()}Z")
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")
)
def test_a_time_is_an_instant_that_can_be_written_or_refused_in_words(text: str) -> None:
    try:
        at = times.instant(text)
    except ValueError as refusal:
        said = str(refusal)
    else:
        said = (
            "must be the same again"
            if abs(times.instant(times.rfc3339(at)) - at) < 1_000
            else "is another"
        )
    assert said.startswith(("must", "has"))
