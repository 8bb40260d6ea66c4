"""What becomes of a message after each answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.holds import HoldReason
from queue_services.domain.message import SECOND, Reason, Status
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.retry import TOLD_FOR, RetryPolicy, Step, after, backoff, tell_again_at

NOW = 1_700_000_000 * SECOND
DAY = 86_400 * SECOND
POLICY = RetryPolicy()


def step(
    kind: Kind,
    *,
    tries: int = 0,
    refused_since: int | None = None,
    held_for: HoldReason | None = None,
    policy: RetryPolicy = POLICY,
    chance: float = 0.5,
) -> Step:
    return after(
        Answer(kind),
        tries=tries,
        refused_since=refused_since,
        held_for=held_for,
        now=NOW,
        policy=policy,
        random=lambda: chance,
    )


def test_a_delivered_message_is_done_and_used_a_try() -> None:
    assert step(Kind.DELIVERED) == Step(Status.DELIVERED, uses_try=True)


@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.TIMEOUT])
def test_a_failed_try_comes_again_after_a_backoff_that_doubles(kind: Kind) -> None:
    policy = RetryPolicy(max_attempts=100)
    waits = [
        (step(kind, tries=tries, policy=policy).again_at or 0) - NOW
        for tries in (0, 1, 2, 9, 10, 50)
    ]
    assert waits == [SECOND // 2, SECOND, 2 * SECOND, 256 * SECOND, 300 * SECOND, 300 * SECOND]


@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.TIMEOUT])
def test_the_last_failed_try_exhausts_the_message(kind: Kind) -> None:
    assert step(kind, tries=1).status is Status.SCHEDULED
    assert step(kind, tries=2) == Step(Status.DEAD, Reason.EXHAUSTED, uses_try=True)
    assert step(kind, tries=0, policy=RetryPolicy(max_attempts=1)).reason is Reason.EXHAUSTED


@pytest.mark.parametrize("kind", [Kind.REJECTED, Kind.REFUSED])
def test_a_rejected_message_is_dead_at_once(kind: Kind) -> None:
    assert step(kind) == Step(Status.DEAD, Reason.REJECTED, uses_try=True)


def test_a_refusal_ends_no_message_while_the_lane_is_held_for_refusals() -> None:
    assert step(Kind.REFUSED, held_for=HoldReason.REFUSED) == Step(
        Status.SCHEDULED, again_at=NOW, uses_try=False
    )
    assert step(Kind.REFUSED, held_for=HoldReason.UNREACHABLE).status is Status.DEAD
    assert step(Kind.REJECTED, held_for=HoldReason.REFUSED).status is Status.DEAD


@pytest.mark.parametrize(
    ("kind", "reason"), [(Kind.THROTTLED, Reason.THROTTLED), (Kind.UNREACHABLE, Reason.UNREACHABLE)]
)
def test_throttled_and_unreachable_messages_wait_without_a_try_for_a_day(
    kind: Kind, reason: Reason
) -> None:
    assert step(kind, tries=2) == Step(
        Status.SCHEDULED, again_at=NOW, uses_try=False, refused_since=NOW
    )
    assert step(kind, refused_since=NOW - DAY + 1) == Step(
        Status.SCHEDULED, again_at=NOW, uses_try=False, refused_since=NOW - DAY + 1
    )
    assert step(kind, refused_since=NOW - DAY) == Step(
        Status.DEAD, reason, uses_try=False, refused_since=NOW - DAY
    )


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in {Kind.THROTTLED, Kind.UNREACHABLE}]
)
def test_any_other_answer_ends_the_stretch_of_being_turned_away(kind: Kind) -> None:
    assert step(kind, refused_since=NOW - DAY).refused_since is None


@given(
    st.integers(0, 10_000),
    st.builds(RetryPolicy, backoff=st.integers(0, 10**12), cap=st.integers(0, 10**12)),
    st.floats(0, 1, exclude_max=True),
)
def test_a_backoff_is_never_negative_nor_over_its_cap(
    tries: int, policy: RetryPolicy, chance: float
) -> None:
    wait = backoff(tries, policy, lambda: chance)
    assert 0 <= wait <= policy.cap
    assert wait <= backoff(tries + 1, policy, lambda: chance)


def test_backoffs_fill_the_whole_of_their_range() -> None:
    chance = random.Random(7)
    waits = sorted(backoff(3, POLICY, chance.random) for _ in range(2000))
    assert waits[0] < 0.05 * 4 * SECOND
    assert waits[-1] > 0.95 * 4 * SECOND
    assert 0.45 < sum(waits) / len(waits) / (4 * SECOND) < 0.55


@given(
    st.sampled_from(Kind),
    st.integers(0, 200),
    st.none() | st.integers(NOW - 2 * DAY, NOW),
    st.none() | st.sampled_from(HoldReason),
    st.floats(0, 1, exclude_max=True),
)
def test_a_step_is_whole_whatever_the_answer(
    kind: Kind, tries: int, refused_since: int | None, held_for: HoldReason | None, chance: float
) -> None:
    taken = step(kind, tries=tries, refused_since=refused_since, held_for=held_for, chance=chance)
    assert (taken.again_at is not None) == (taken.status is Status.SCHEDULED)
    assert (taken.reason is not None) == (taken.status is Status.DEAD)
    assert taken.again_at is None or taken.again_at >= NOW
    assert not (taken.uses_try and kind in {Kind.THROTTLED, Kind.UNREACHABLE})


def told_again(answer: Answer, *, tries: int = 0, age: int = 0) -> int | None:
    """How long after `answer` an event is told again, microseconds."""
    again_at = tell_again_at(
        answer, tries=tries, created_at=NOW - age, now=NOW, policy=POLICY, random=lambda: 0.5
    )
    return None if again_at is None else again_at - NOW


@pytest.mark.parametrize(
    "answer",
    [Answer(Kind.DELIVERED, 200), Answer(Kind.FAILED, 202, "its body says that it failed")],
)
def test_an_event_is_taken_by_any_2xx(answer: Answer) -> None:
    assert told_again(answer) is None


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.DELIVERED])
def test_whatever_else_is_answered_an_event_is_told_again_for_three_days(kind: Kind) -> None:
    assert [told_again(Answer(kind), tries=tries) for tries in (0, 1, 50)] == [
        SECOND // 2,
        SECOND,
        300 * SECOND,
    ]
    assert told_again(Answer(kind), tries=500, age=TOLD_FOR - 1) is not None
    assert told_again(Answer(kind), tries=500, age=TOLD_FOR) is None


def test_an_event_waits_as_long_as_it_was_asked_to() -> None:
    assert told_again(Answer(Kind.THROTTLED, 429, wait_until=NOW + 90 * SECOND)) == 90 * SECOND
