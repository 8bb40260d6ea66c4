"""What every answer of the application means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.message import SECOND
from queue_services.domain.outcome import Answer, Kind, read_answer

NOW = 1_700_000_000 * SECOND


def answer(
    status: int,
    body: bytes | str = b"",
    *,
    content_type: str = "application/json",
    retry_after: str | None = None,
) -> Answer:
    return read_answer(
        status, body.encode() if isinstance(body, str) else body, content_type, retry_after, NOW
    )


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((200, 201, 202, 204, 206, 299), Kind.DELIVERED),
        ((408, 425, 500, 501, 502, 503, 504, 599), Kind.FAILED),
        ((401, 403, 404), Kind.REFUSED),
        ((429,), Kind.THROTTLED),
        (
            (400, 402, 405, 409, 410, 413, 418, 422, 451, 499, 300, 301, 302, 303, 304, 307, 308),
            Kind.REJECTED,
        ),
        ((101, 199, 600, 999), Kind.FAILED),
    ],
)
def test_each_status_has_its_kind(statuses: tuple[int, ...], kind: Kind) -> None:
    assert {status: answer(status).kind for status in statuses} == dict.fromkeys(statuses, kind)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.DELIVERED, "delivered"),
        (Kind.FAILED, "failed"),
        (Kind.TIMEOUT, "timeout"),
        (Kind.REJECTED, "rejected"),
        (Kind.REFUSED, "rejected"),
        (Kind.THROTTLED, "throttled"),
    ],
)
def test_every_kind_that_was_posted_is_an_attempt_with_its_outcome(
    kind: Kind, outcome: str
) -> None:
    assert (Answer(kind).posted, Answer(kind).attempt_outcome) == (True, outcome)


def test_only_what_was_not_reached_was_not_posted() -> None:
    assert [kind for kind in Kind if not Answer(kind).posted] == [Kind.UNREACHABLE]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"success": false, "error": "no credit"}', "no credit"),
        ('{"success": false, "message": "number is blocked"}', "number is blocked"),
        ('{"success": false, "error": "first", "message": "second"}', "first"),
        ('{"success": false, "error": null, "message": "second"}', "second"),
        ('{"success": false, "error": "", "message": "second"}', "second"),
        ('{"success": false, "error": {"code": 7, "why": ["a"]}}', '{"code": 7, "why": ["a"]}'),
        ('{"success": false, "error": 42}', "42"),
        ('{"success":false}', 'HTTP 200: {"success":false}'),
        ('\ufeff {"data": {"success": true}, "success" : false , "error": "é"}', "é"),
    ],
)
def test_a_2xx_that_says_it_failed_is_a_failed_try_with_its_words(body: str, error: str) -> None:
    assert answer(200, body) == Answer(Kind.FAILED, 200, error)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "ok",
        '{"success": true}',
        '{"success": "false"}',
        '{"success": null}',
        '{"success": 0}',
        '[{"success": false}]',
        '{"result": {"success": false}}',
        '"success"',
        "<p>success: false</p>",
        '{"success": tru',
        '{"success"' * 30_000,
        b'{"text": "\xff", "success": true}',
    ],
)
def test_a_2xx_that_does_not_say_it_failed_is_delivered(body: bytes | str) -> None:
    assert answer(200, body) == Answer(Kind.DELIVERED, 200)


def test_a_failure_whose_reason_was_cut_off_is_still_a_failure() -> None:
    cut = answer(200, '{"success": false, "error": "' + "x" * 70_000)
    assert cut.kind is Kind.FAILED
    assert cut.error is not None
    assert cut.error.startswith('HTTP 200: {"success": false')


def test_the_failure_counts_whatever_the_content_type_says() -> None:
    assert (
        answer(200, '{"success": false, "error": "no"}', content_type="text/html").kind
        is Kind.FAILED
    )


def test_the_error_holds_the_status_and_the_first_500_characters() -> None:
    assert answer(500, "é" * 2000).error == "HTTP 500: " + "é" * 500
    assert answer(500, "🙂" * 2000).error == "HTTP 500: " + "🙂" * 500
    assert answer(500).error == "HTTP 500"
    said = answer(200, json.dumps({"success": False, "error": "x" * 2000})).error
    assert said == "x" * 500


def test_the_error_is_read_in_the_charset_the_answer_names() -> None:
    assert (
        answer(500, b"caf\xe9", content_type="text/plain; charset=iso-8859-1").error
        == "HTTP 500: café"
    )
    assert (
        answer(500, b"caf\xe9", content_type="text/plain; charset=no-such").error
        == "HTTP 500: caf\ufffd"
    )
    assert (
        answer(500, b"636166", content_type="text/plain; charset=hex").error == "HTTP 500: 636166"
    )


@given(
    st.integers(100, 999),
    st.binary(max_size=200),
    st.sampled_from(["", "text/html; charset=utf-16", 'a/b; charset="utf-7"', "x; charset=idna"]),
)
def test_any_answer_can_be_read_and_its_error_stored(
    status: int, body: bytes, content_type: str
) -> None:
    error = answer(status, body, content_type=content_type).error
    assert error is None or ("\0" not in error and error.encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_any_reason_for_a_failure_becomes_a_text(reason: object) -> None:
    said = answer(200, json.dumps({"success": False, "error": reason}))
    assert said.kind is Kind.FAILED
    assert said.error
    assert len(said.error) <= len("HTTP 200: ") + 500


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("1.5", 1.5),
        ("0", 1),
        ("3600", 3600),
        ("3601", 3600),
        ("9" * 5000, 3600),
        ("-5", 1),
        ("soon", 1),
        ("1e3", 1),
        ("²", 1),
        (None, 1),
        (format_datetime(datetime.fromtimestamp(NOW // SECOND + 90, UTC), usegmt=True), 90),
        (datetime.fromtimestamp(NOW // SECOND + 90, UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT"), 90),
        (datetime.fromtimestamp(NOW // SECOND + 90, UTC).strftime("%a %b %d %H:%M:%S %Y"), 90),
        (format_datetime(datetime.fromtimestamp(NOW // SECOND - 90, UTC), usegmt=True), 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Fri, 99 Dec 2023 23:59:59 GMT", 1),
    ],
)
def test_a_throttled_lane_waits_as_told_from_a_second_to_an_hour(
    retry_after: str | None, seconds: float
) -> None:
    throttled = answer(429, retry_after=retry_after)
    assert (throttled.kind, throttled.wait_until) == (Kind.THROTTLED, NOW + int(seconds * SECOND))


@given(st.text(max_size=40))
def test_any_retry_after_can_be_read(text: str) -> None:
    wait_until = answer(429, retry_after=text).wait_until
    assert wait_until is not None
    assert NOW + SECOND <= wait_until <= NOW + 3600 * SECOND


@pytest.mark.parametrize(
    ("retry_after", "kind"),
    [(None, Kind.FAILED), ("", Kind.FAILED), ("2", Kind.THROTTLED), ("soon", Kind.THROTTLED)],
)
def test_a_503_throttles_only_with_retry_after(retry_after: str | None, kind: Kind) -> None:
    assert answer(503, retry_after=retry_after).kind is kind
