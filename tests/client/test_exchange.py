"""What an exchange does with each kind of reply: reads it, raises, or waits and asks again."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services_client.call import (
    Call,
    Lost,
    Pause,
    Reply,
    Request,
    Retries,
    exchange,
    full_jitter,
)
from queue_services_client.errors import (
    Conflict,
    Fault,
    NotFound,
    OverQuota,
    QueueServiceError,
    Unauthorized,
    Unavailable,
    ValidationFailed,
)
from tests.client.builders import LONGEST_WAITS, PROBLEM

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NEVER_SENT = Lost("connection refused", sent=False)
ANSWER_LOST = Lost("connection reset")


def reply(status: int, content: bytes = b"{}", **headers: str) -> Reply:
    return Reply(
        status, content, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def refused(status: int, **headers: str) -> Reply:
    return Reply(
        status,
        b'{"detail": "Say please.", "errors": [{"field": "to", "message": "is wrong"}]}',
        {**PROBLEM, **headers},
    )


def carry_out(
    *replies: Reply | Lost, repeatable: bool = True, retries: Retries = LONGEST_WAITS, **call: Any
) -> tuple[Any, list[float]]:
    """What an exchange with `replies` returns or raises, and the pauses it made."""
    steps = exchange(
        Call("GET", "/x", bytes.decode, repeatable=repeatable, **call), retries, lambda: NOW
    )
    pauses: list[float] = []
    rest = iter(replies)
    answer: Reply | Lost | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value, pauses
        except QueueServiceError as error:
            return error, pauses
        answer = next(rest) if isinstance(step, Request) else None
        if isinstance(step, Pause):
            pauses.append(step.seconds)


def test_an_answer_is_read() -> None:
    assert carry_out(reply(200, b"hello")) == ("hello", [])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ValidationFailed),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, Conflict),
        (413, ValidationFailed),
        (415, ValidationFailed),
        (500, Unavailable),
    ],
)
def test_each_refusal_has_its_error_with_the_services_own_words(
    status: int, error: type[QueueServiceError]
) -> None:
    raised, pauses = carry_out(refused(status))
    assert type(raised) is error
    assert (str(raised), raised.status, pauses) == ("Say please.", status, [])


def test_a_bad_body_names_every_fault() -> None:
    raised, _ = carry_out(refused(400))
    assert raised.faults == (Fault("to", "is wrong"),)


def test_a_page_that_is_not_found_in_anothers_words_is_not_a_job_that_is_not_known() -> None:
    raised, _ = carry_out(reply(404, b"<h1>nginx</h1>", content_type="text/html"))
    assert isinstance(raised, Unavailable)


@pytest.mark.parametrize("status", [301, 304, 600])
def test_what_no_service_answers_is_no_success(status: int) -> None:
    assert isinstance(carry_out(reply(status))[0], Unavailable)


def test_an_answer_that_cannot_be_read_is_an_error_of_the_tree() -> None:
    call: Call[dict[str, int]] = Call("GET", "/x", msgspec.json.decode)
    steps = exchange(call, LONGEST_WAITS, lambda: NOW)
    next(steps)
    with pytest.raises(Unavailable, match="not one of Queue Services"):
        steps.send(reply(200, b"<html>"))


def test_waits_double_from_try_to_try_until_the_tries_are_used_up() -> None:
    raised, pauses = carry_out(*[reply(503)] * 4)
    assert isinstance(raised, Unavailable)
    assert pauses == [1.0, 2.0, 4.0]


def test_a_service_that_is_back_is_not_an_error() -> None:
    assert carry_out(NEVER_SENT, ANSWER_LOST, reply(503), reply(200, b"back"))[0] == "back"


@given(st.floats(0.01, 100))
def test_jitter_is_full_from_nothing_to_the_longest_wait(longest: float) -> None:
    assert 0 <= full_jitter(longest) <= longest


def test_retry_after_is_waited_out_before_the_jitter() -> None:
    _, pauses = carry_out(refused(429, **{"retry-after": "7"}), reply(200))
    assert pauses == [8.0]


def test_retry_after_may_be_a_date() -> None:
    _, pauses = carry_out(
        refused(503, **{"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}), reply(200)
    )
    assert pauses == [31.0]


@pytest.mark.parametrize("value", ["soon", "-5", "٣", "1e9", "", "Sun, 99 Mar 2026 12:00:30 GMT"])
def test_a_retry_after_that_cannot_be_read_is_no_longer_than_the_usual_wait(value: str) -> None:
    _, pauses = carry_out(refused(503, **{"retry-after": value}), reply(200))
    assert pauses == [1.0]


def test_a_retry_after_beyond_all_patience_is_raised_at_once_and_says_when() -> None:
    raised, pauses = carry_out(refused(429, **{"retry-after": "3600"}))
    assert isinstance(raised, OverQuota)
    assert (raised.retry_after, pauses) == (3600.0, [])


def test_all_waits_together_stay_within_the_patience() -> None:
    raised, pauses = carry_out(*[refused(429, **{"retry-after": "25"})] * 4)
    assert isinstance(raised, OverQuota)
    assert sum(pauses) <= 60.0 < sum(pauses) + 25


@pytest.mark.parametrize("lost", [ANSWER_LOST, reply(503), reply(504)])
def test_what_may_have_been_carried_out_is_not_asked_twice_unless_that_does_no_harm(
    lost: Reply | Lost,
) -> None:
    assert isinstance(carry_out(lost, repeatable=False)[0], Unavailable)


@pytest.mark.parametrize("lost", [NEVER_SENT, reply(429)])
def test_what_certainly_was_not_carried_out_is_always_asked_again(lost: Reply | Lost) -> None:
    assert carry_out(lost, reply(200, b"done"), repeatable=False)[0] == "done"


def test_a_bug_of_the_service_is_not_asked_again() -> None:
    assert carry_out(reply(500))[1] == []


def test_an_error_becomes_the_calls_value_where_it_has_one() -> None:
    assert carry_out(refused(409), instead=lambda error: f"no: {error}")[0] == "no: Say please."


def test_a_body_that_cannot_be_written_is_a_refusal_like_any_other_and_nothing_is_sent() -> None:
    def write() -> bytes:
        raise ValidationFailed.of(Fault("delay", "is wrong"))

    assert carry_out(write=write, instead=str)[0] == "delay: is wrong"


@pytest.mark.parametrize(
    "error",
    [
        ValidationFailed("x", [Fault("to", "y")], status=400),
        OverQuota("x", 3.0, status=429),
        Unavailable("x", 2.0),
        NotFound("x", status=404),
    ],
)
def test_errors_survive_a_task_queues_pickling(error: QueueServiceError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_deadline_in_the_past_is_no_negative_wait() -> None:
    stale = (NOW - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert carry_out(refused(503, **{"retry-after": stale}), reply(200))[1] == [1.0]
