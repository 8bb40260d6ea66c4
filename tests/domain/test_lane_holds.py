"""How answers hold a lane, how it is probed, and when it flows again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.holds import Hold, HoldReason, after, probe, probes
from queue_services.domain.message import SECOND
from queue_services.domain.outcome import Answer, Kind

NOW = 1_700_000_000 * SECOND
OTHER_KINDS = [Kind.DELIVERED, Kind.FAILED, Kind.TIMEOUT, Kind.REJECTED]
UNREACHABLE = Hold(
    until=NOW + 8 * SECOND, reason=HoldReason.UNREACHABLE, step=4, refusals=3, set_at=NOW
)
REFUSED = Hold(until=NOW + 30 * SECOND, reason=HoldReason.REFUSED, refusals=20, set_at=NOW)
THROTTLED = Hold(until=NOW + 60 * SECOND, reason=HoldReason.THROTTLED, set_at=NOW)


def throttled(seconds: int, now: int = NOW) -> Answer:
    return Answer(Kind.THROTTLED, 429, wait_until=now + seconds * SECOND)


def probed(hold: Hold, kind: Kind, count: int, *, answered_in: int = 0) -> list[int]:
    """The seconds that the lane is held after each of `count` probes."""
    lengths = []
    for _ in range(count):
        started_at = hold.until
        hold = after(probe(hold, started_at), Answer(kind), started_at, started_at + answered_in)
        lengths.append((hold.until - started_at - answered_in) // SECOND)
    return lengths


def test_an_unreachable_lane_is_held_for_a_second() -> None:
    hold = after(Hold(), Answer(Kind.UNREACHABLE), NOW - SECOND, NOW)
    assert hold == Hold(until=NOW + SECOND, reason=HoldReason.UNREACHABLE, step=1, set_at=NOW)
    assert probes(hold)


def test_each_failed_probe_doubles_the_hold_up_to_a_minute() -> None:
    hold = after(Hold(), Answer(Kind.UNREACHABLE), NOW - SECOND, NOW)
    assert probed(hold, Kind.UNREACHABLE, 9) == [2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_only_the_first_of_fifty_failures_in_flight_moves_the_hold() -> None:
    held = Hold()
    for position in range(50):
        held = after(held, Answer(Kind.UNREACHABLE), NOW, NOW + position)
    assert held == Hold(until=NOW + SECOND, reason=HoldReason.UNREACHABLE, step=1, set_at=NOW)


def test_probes_that_overlap_still_lengthen_the_hold() -> None:
    """An endpoint that swallows connections: each probe takes 10 s to fail, the hold begins
    with 1 s.
    """
    hold = after(Hold(), Answer(Kind.UNREACHABLE), NOW - SECOND, NOW)
    started: list[int] = []
    now = NOW
    for _ in range(120):
        now += SECOND
        for start in [start for start in started if start + 10 * SECOND <= now]:
            hold = after(hold, Answer(Kind.UNREACHABLE), start, now)
            started.remove(start)
        if hold.until <= now:
            hold = probe(hold, now)
            started.append(now)
    assert hold.step >= 5
    assert len(started) <= 1


def test_a_probe_keeps_others_out_for_the_length_of_the_hold() -> None:
    later = NOW + 9 * SECOND
    assert probe(UNREACHABLE, later) == Hold(
        until=later + 8 * SECOND, reason=HoldReason.UNREACHABLE, step=4, refusals=3, set_at=NOW
    )
    assert probe(REFUSED, later).until == later + 30 * SECOND


@pytest.mark.parametrize("hold", [Hold(), Hold(refusals=7), THROTTLED])
def test_lanes_that_flow_or_wait_as_told_are_not_probed(hold: Hold) -> None:
    assert not probes(hold)
    assert probe(hold, NOW) is hold


@pytest.mark.parametrize("kind", OTHER_KINDS)
@pytest.mark.parametrize("hold", [UNREACHABLE, REFUSED, Hold(refusals=19)])
@pytest.mark.parametrize("started_at", [NOW - SECOND, NOW + SECOND])
def test_any_other_answer_lets_the_lane_flow(hold: Hold, kind: Kind, started_at: int) -> None:
    assert after(hold, Answer(kind), started_at, NOW + 2 * SECOND) == Hold()


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_lane_that_flows_is_not_written(kind: Kind) -> None:
    hold = Hold()
    assert after(hold, Answer(kind), NOW, NOW) is hold


def test_a_throttled_lane_waits_as_told() -> None:
    assert after(Hold(refusals=5), throttled(30), NOW, NOW) == Hold(
        until=NOW + 30 * SECOND, reason=HoldReason.THROTTLED, set_at=NOW
    )
    assert after(UNREACHABLE, throttled(1), NOW, NOW).until == NOW + SECOND
    assert after(REFUSED, throttled(1), NOW, NOW).until == NOW + SECOND


def test_the_longest_of_several_waits_counts() -> None:
    assert after(THROTTLED, throttled(1), NOW, NOW).until == THROTTLED.until
    assert after(THROTTLED, throttled(90), NOW, NOW).until == NOW + 90 * SECOND


@pytest.mark.parametrize("answer", [Answer(kind) for kind in Kind if kind is not Kind.THROTTLED])
def test_nothing_shortens_a_wait_that_was_told(answer: Answer) -> None:
    for refusals in (0, 19):
        hold = after(
            Hold(until=THROTTLED.until, reason=HoldReason.THROTTLED, refusals=refusals, set_at=NOW),
            answer,
            NOW - SECOND,
            NOW + SECOND,
        )
        assert hold.until >= THROTTLED.until


def test_a_wait_that_ran_out_leaves_no_trace() -> None:
    later = THROTTLED.until + SECOND
    assert after(THROTTLED, Answer(Kind.DELIVERED), later, later) == Hold()
    assert after(THROTTLED, Answer(Kind.UNREACHABLE), later, later).until == later + SECOND
    assert after(THROTTLED, Answer(Kind.REFUSED), later, later) == Hold(refusals=1)


def refuse(hold: Hold, times: int) -> Hold:
    for _ in range(times):
        hold = after(hold, Answer(Kind.REFUSED), NOW, NOW)
    return hold


def test_the_twentieth_refusal_in_a_row_holds_the_lane() -> None:
    assert refuse(Hold(), 19) == Hold(refusals=19)
    assert refuse(Hold(), 20) == REFUSED


@pytest.mark.parametrize("kind", [*OTHER_KINDS, Kind.THROTTLED])
def test_refusals_are_in_a_row_only_if_nothing_else_answered(kind: Kind) -> None:
    between = after(refuse(Hold(), 19), Answer(kind, wait_until=NOW), NOW, NOW)
    assert refuse(between, 19).reason is not HoldReason.REFUSED
    assert refuse(between, 20).reason is HoldReason.REFUSED


def test_an_unreachable_endpoint_does_not_break_the_row() -> None:
    away = after(refuse(Hold(), 19), Answer(Kind.UNREACHABLE), NOW, NOW)
    assert away.refusals == 19
    assert refuse(away, 1) == REFUSED


def test_refusals_of_messages_started_before_the_hold_change_nothing() -> None:
    assert refuse(REFUSED, 30) is REFUSED


def test_a_stale_failure_to_connect_does_not_shorten_a_refused_hold() -> None:
    assert after(REFUSED, Answer(Kind.UNREACHABLE), NOW - SECOND, NOW + SECOND) is REFUSED


def test_a_refused_lane_is_probed_every_thirty_seconds() -> None:
    assert probed(REFUSED, Kind.REFUSED, 4, answered_in=SECOND) == [30, 30, 30, 30]


def test_a_refusal_clears_an_unreachable_hold() -> None:
    assert after(UNREACHABLE, Answer(Kind.REFUSED), NOW + SECOND, NOW + SECOND) == Hold(refusals=4)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Kind), st.integers(0, 120), st.integers(0, 15), st.integers(1, 3600)
        )
    )
)
def test_whatever_is_answered_a_lane_waits_at_most_an_hour_and_is_released_by_one_delivery(
    answers: list[tuple[Kind, int, int, int]],
) -> None:
    hold, now = Hold(), NOW
    for kind, passed, took, told in answers:
        now += passed * SECOND
        if hold.until <= now:
            hold = probe(hold, now)
        wait_until = now + told * SECOND if kind is Kind.THROTTLED else None
        hold = after(hold, Answer(kind, wait_until=wait_until), now - took * SECOND, now)
        assert hold.until <= now + 3600 * SECOND
        assert (hold.step > 0) == (hold.reason is HoldReason.UNREACHABLE)
        assert (hold.until > 0) == (hold.reason is not None)
    released = after(hold, Answer(Kind.DELIVERED), now, now)
    assert released == Hold() or (released.reason is HoldReason.THROTTLED and released.until > now)
