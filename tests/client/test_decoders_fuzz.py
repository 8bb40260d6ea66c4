"""Whatever a server answers, or sends to a callback endpoint, the package reads it or
refuses it as its documentation says: never another exception.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services_client import figures, types, wire
from queue_services_client.call import Call, Pause, Reply, Retries, exchange
from queue_services_client.errors import QueueServiceError
from queue_services_client.receiver.events import parse_event
from queue_services_client.receiver.fields import FieldMap
from queue_services_client.receiver.messages import parse, parse_batch, parse_email, parse_sms
from queue_services_client.receiver.receiver import Receiver
from queue_services_client.receiver.refusals import TooLarge, Unreadable, Unverified
from queue_services_client.receiver.signature import verify
from queue_services_client.testing.outcome import Outcome, outcome_of
from tests.client.receiver.builders import NOW, SECRET, email, event, signed_headers, sms

ANSWERS: list[type[msgspec.Struct]] = [
    wire.Problem,
    wire.BatchAnswer,
    wire.JobAnswer,
    wire.CountAnswer,
    types.ScheduleResult,
    types.Statuses,
    types.Job,
    types.JobList,
    types.ChangeList,
    types.Forecast,
    figures.Metrics,
    figures.WorkspaceMetrics,
    types.Workspace,
    types.WorkspaceList,
    types.Event,
]
READERS = [parse, parse_sms, parse_email, parse_event]
NAMES = sorted(
    {field.encode_name for shape in ANSWERS for field in msgspec.structs.fields(shape)}
    | {*sms(), *email(), *event(), "workspace", "channel"}
)
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["\0", "\ud800", "2025-03-22T10:15:30Z", "sms", 10**400])
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=10,
)
right = st.sampled_from(
    [
        sms(),
        email(),
        event(),
        {"workspaceId": "acme"},
        {"accepted": 1, "rejected": 0, "results": [{"index": 0}]},
    ]
)
changed = st.builds(
    lambda whole, changes: {**whole, **changes}, right, st.dictionaries(names, values, max_size=3)
)
written = (changed | values | st.lists(changed, max_size=3)).map(
    lambda value: json.dumps(value).encode()
)
deep = st.sampled_from(
    [
        opening * 5_000 + closing * 5_000
        for opening, closing in ((b"[", b"]"), (b'{"a":', b""), (b'[{"a":', b""))
    ]
)
ill = st.sampled_from(
    [json.dumps(whole()).encode().replace(b"Hello", b"\xff\xfe") for whole in (sms, email)]
    + [b'{"title":"\xff"}', b'{"workspace":"\xc3"}']
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
    | ill
)
header = st.text(max_size=12) | st.sampled_from(
    [
        "\ud800",
        "1" * 400,
        "-1",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "1e5",
        "²",
    ]
)


def result(act: Callable[[], Any], *refusals: type[Exception]) -> Any:
    """What it returns, or the refusal that it raises."""
    try:
        return act()
    except refusals as refusal:
        return refusal


@pytest.mark.parametrize("answer", ANSWERS)
@given(content=anything)
def test_an_answer_is_of_its_type_or_a_decode_error(
    answer: type[msgspec.Struct], content: bytes
) -> None:
    read = result(lambda: wire.decode(answer, content), msgspec.DecodeError)
    assert isinstance(read, answer) or str(read)


@given(
    read=st.sampled_from(
        [wire.decode_workspace, lambda content: wire.decode(types.ScheduleResult, content)]
    ),
    status=st.integers(100, 599),
    content=anything,
    kind=st.sampled_from([wire.JSON, wire.PROBLEM, "text/html", ""]),
    retry_after=header,
)
def test_a_reply_is_a_value_or_an_error_of_the_package(
    read: Callable[[bytes], Any], status: int, content: bytes, kind: str, retry_after: str
) -> None:
    reply = Reply(status, content, {"content-type": kind, "retry-after": retry_after})
    found = result(
        lambda: carried_out(Call("GET", "/x", read, repeatable=True), reply), QueueServiceError
    )
    assert isinstance(found, msgspec.Struct) or str(found)


def carried_out(call: Call[Any], reply: Reply) -> Any:
    """What a call comes to whose every request has the same reply."""
    steps = exchange(call, Retries(attempts=2), lambda: AT)
    answer: Reply | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value
        answer = None if isinstance(step, Pause) else reply


@pytest.mark.parametrize("reader", READERS)
@given(body=anything, attempt=st.integers(1, 10**9))
def test_a_callback_s_body_is_a_message_or_unreadable(
    reader: Callable[[bytes, int], Any], body: bytes, attempt: int
) -> None:
    message = result(lambda: reader(body, attempt), Unreadable)
    assert str(message) if isinstance(message, Unreadable) else msgspec.json.encode(message)


@pytest.mark.parametrize("reader", READERS)
@given(body=anything)
def test_a_batch_is_its_messages_each_read_or_unreadable_or_no_batch(
    reader: Callable[[bytes, int], Any], body: bytes
) -> None:
    read = result(lambda: list(parse_batch(body, reader)), Unreadable, TooLarge)
    assert (
        str(read)
        if isinstance(read, Exception)
        else len(read) == len(msgspec.json.decode(body, type=list[msgspec.Raw]))
    )


@given(
    metadata=st.dictionaries(names, values, max_size=3),
    path=st.lists(names, min_size=1, max_size=3),
)
def test_a_field_of_the_application_is_what_the_metadata_holds_or_left_out(
    metadata: dict[str, Any], path: list[str]
) -> None:
    message = msgspec.structs.replace(parse_sms(json.dumps(sms()).encode()), metadata=metadata)
    found = FieldMap({"theirs": "metadata." + ".".join(path), "to": "to"}).apply(message)
    assert found["to"] == message.to
    assert found.keys() <= {"theirs", "to"}


@given(
    body=anything,
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        header,
        max_size=3,
    ),
)
def test_what_nobody_signed_is_unverified(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Unverified):
        verify(
            {
                "webhook-id": "1",
                "webhook-timestamp": str(int(NOW)),
                "webhook-signature": "v1,x",
                **headers,
            },
            body,
            [SECRET],
            now=NOW,
        )


@given(
    body=anything,
    headers=st.dictionaries(
        st.sampled_from(["x-attempt", "authorization", "webhook-id", "content-type"]),
        header,
        max_size=3,
    ),
    signed=st.booleans(),
)
def test_every_request_to_a_callback_endpoint_has_an_answer_and_none_is_a_failure_of_the_endpoint(
    body: bytes, headers: dict[str, str], signed: bool
) -> None:
    receiver = Receiver(SECRET, authorization="Bearer x", clock=lambda: NOW)
    sent = {"authorization": "Bearer x", **(ascii_signed(body) if signed else {}), **headers}
    answer = receiver.receive(
        types.CallbackRequest(path="/", headers=sent, body=body), parse, lambda _: None
    )
    assert answer.status in (200, 401, 413, 422)
    assert b'"status":500' not in answer.body
    assert json.loads(answer.body)["success"] in (True, False)


def ascii_signed(body: bytes) -> dict[str, str]:
    """A right signature, where the package that makes it can sign such a body."""
    try:
        return signed_headers(body)
    except UnicodeDecodeError:
        return {}


@given(status=st.integers(100, 599), body=anything, retry_after=header)
def test_the_fake_takes_any_answer_of_an_application(
    status: int, body: bytes, retry_after: str
) -> None:
    outcome = outcome_of(
        types.CallbackAnswer(status=status, headers={"Retry-After": retry_after}, body=body)
    )
    assert isinstance(outcome, Outcome)
    assert re.fullmatch("[a-z]+", outcome.word)
