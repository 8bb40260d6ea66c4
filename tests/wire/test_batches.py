"""A batch's body comes apart into what was put in, and nothing of it is too long to take at
once.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.errors import InvalidRequest, TooLarge
from queue_services.wire import batches
from tests.wire.builders import faults

plain = st.none() | st.booleans() | st.integers() | st.text()
objects = st.dictionaries(
    st.text(max_size=8),
    plain | st.lists(st.dictionaries(st.text(max_size=3), plain, max_size=2), max_size=3),
    max_size=4,
)


def taken_apart(body: bytes) -> list[Any]:
    return [json.loads(element) for element in batches.elements(body) if element]


def in_full(decode: Any, body: bytes) -> list[bytes]:
    return list(decode(body))


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_FIRST_WINDOW", 40)


@given(st.lists(objects | plain, max_size=20), st.sampled_from([None, 0, 2]))
def test_the_elements_are_those_that_were_sent(messages: list[Any], indent: int | None) -> None:
    assert taken_apart(json.dumps({"messages": messages}, indent=indent).encode()) == messages


@pytest.mark.usefixtures("small_windows")
def test_a_body_of_many_windows_comes_apart_only_at_true_seams() -> None:
    nested = {"rows": [{"a": 1}, {"b": 2}, {"c": '},{"'}], "text": '}, {"' * 20}
    messages = [{**nested, "n": number} for number in range(50)]
    for indent in (None, 1):
        assert taken_apart(json.dumps({"messages": messages}, indent=indent).encode()) == messages


@pytest.mark.parametrize(
    "body", [b'{"messages":[]}', b' { "messages" : [ ] } ', b'{"messages":[\n]}\n']
)
def test_an_empty_batch_has_no_elements(body: bytes) -> None:
    assert taken_apart(body) == []


def test_an_unusual_spelling_of_the_member_is_read_too() -> None:
    assert taken_apart(b'{"\\u006dessages":[1, {"a": 2}]}') == [1, {"a": 2}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'{"messages":[1,]}', "body"),
        (b'{"messages":[1', "body"),
        (b'{"messages":[{"a":1} {"b":2}]}', "body"),
        (b"[" * 100_000, "body"),
        (b"{}", "messages"),
        (b'{"messages":{}}', "messages"),
        (b'{"messages":null}', "messages"),
        (b'{"messages":[],"messages":[]}', "messages"),
        (b'{"messages":[],"atomic":true}', "atomic"),
        (b'{"atomic":true,"messages":[]}', "atomic"),
        (b'{"messages":[1, NaN]}', "messages.1"),
        (b'{"messages":["\\ud800"]}', "messages.0"),
    ],
)
def test_a_body_of_another_shape_is_refused_whole(body: bytes, field: str) -> None:
    assert set(faults(in_full, batches.elements, body)) == {field}


def test_ten_thousand_messages_are_taken_and_one_more_is_too_many() -> None:
    for count in (10_000, 10_001):
        many = [{"n": number} for number in range(count)]
        for decode, body in (
            (batches.elements, json.dumps({"messages": many}).encode()),
            (batches.lines, b"\n".join(json.dumps(message).encode() for message in many)),
        ):
            if count == 10_000:
                assert len(in_full(decode, body)) == count
            else:
                with pytest.raises(TooLarge) as refused:
                    in_full(decode, body)
                assert (refused.value.limit, refused.value.unit) == (10_000, "messages")


def test_an_element_over_4_mib_is_refused_without_being_read() -> None:
    body = b'{"messages":[{"a":"' + b"x" * 10_000_000 + b'"}]}'
    with pytest.raises(InvalidRequest, match="larger than 2 MiB"):
        in_full(batches.elements, body)


def test_lines_are_ended_by_line_feeds_with_or_without_carriage_return_and_blank_ones_do_not_count() -> (
    None
):
    assert [
        line.rstrip() for line in batches.lines(b'\n{"a":1}\r\n\r\n  \n{"b": 2}\n\n{broken')
    ] == [b'{"a":1}', b'{"b": 2}', b"{broken"]
    assert list(batches.lines(b"")) == []


def test_a_large_batch_is_taken_in_short_steps() -> None:
    body = json.dumps(
        {
            "messages": [
                {"to": "a@b.co", "html": "x" * 3000, "metadata": {"n": number}}
                for number in range(9_000)
            ]
        }
    ).encode()
    steps, started = [], time.thread_time()
    for _ in batches.elements(body):
        steps.append(time.thread_time() - started)
        started = time.thread_time()
    assert len(steps) == 9_000
    assert (
        sorted(steps)[-3] < 0.005
    )  # of processor time; two steps may have met a garbage collection
