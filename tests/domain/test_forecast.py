"""When messages would start and finish: by figures that can be worked out, and against a
load sent message by message.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_services.domain.calendar import Window
from queue_services.domain.forecast.estimate import (
    Forecast,
    estimated_starts,
    forecast,
    waiting_for,
)
from queue_services.domain.forecast.load import LaneLoad, Load, Wait
from queue_services.domain.message import FOREVER, SECOND, Instant

from .load_world import EPOCH, LoadWorld, random_load

NOW = EPOCH // (86_400 * SECOND) * 86_400 * SECOND  # a midnight in UTC
PACE = 1.02  # seconds in which a limit of N sends N


def after(seconds: float) -> Instant:
    return NOW + round(seconds * SECOND)


def seconds(at: Instant | None) -> float:
    assert at is not None
    return (at - NOW) / SECOND


def load(
    *others: LaneLoad,
    lane: LaneLoad | None = None,
    limit: float = 50,
    paused: bool = False,
    concurrency: int = 256,
) -> Load:
    return Load(NOW, limit, lane or LaneLoad(), others, paused, concurrency)


def told(foreseen: Forecast) -> tuple[float, float, Wait]:
    return seconds(foreseen.start_at), seconds(foreseen.end_at), foreseen.limited_by


# --- one lane
# --------------------------------------------------------------------------------------------------------------------------------


def test_an_idle_channel_sends_at_its_limit() -> None:
    start, end, wait = told(forecast(load(), 3000, NOW))
    assert start == 0
    assert end == pytest.approx(3000 / 50 * PACE, abs=0.3)
    assert wait is Wait.SERVICE_LIMIT


def test_one_message_on_an_idle_channel_waits_for_its_time_alone() -> None:
    assert told(forecast(load(), 1, NOW)) == (0, 0, Wait.DUE)
    assert told(forecast(load(), 1, after(3600))) == (3600, 3600, Wait.DUE)


def test_what_was_due_in_the_past_is_due_now() -> None:
    assert forecast(load(), 10, after(-3600)) == forecast(load(), 10, NOW)


def test_the_end_is_when_the_last_is_answered() -> None:
    quick, slow = (
        forecast(load(), 100, NOW),
        forecast(load(lane=LaneLoad(answer=2 * SECOND)), 100, NOW),
    )
    assert seconds(slow.end_at) - seconds(quick.end_at) == pytest.approx(2)
    assert slow.start_at == quick.start_at


def test_a_lanes_own_limit_holds_it_back() -> None:
    start, end, wait = told(forecast(load(lane=LaneLoad(due=10, limit=5)), 100, NOW))
    assert start == pytest.approx(10 / 5 * PACE, abs=0.3)
    assert end == pytest.approx(109 / 5 * PACE, abs=0.3)
    assert wait is Wait.WORKSPACE_LIMIT


def test_a_limit_below_one_is_a_message_in_so_many_seconds() -> None:
    assert told(forecast(load(lane=LaneLoad(limit=0.1)), 7, NOW))[1] == pytest.approx(
        6 * 10 * PACE, abs=0.3
    )


def test_a_daily_quota_lets_so_many_go_today_and_the_rest_on_the_next_days() -> None:
    lane = LaneLoad(due=30, quota=100, left_today=50)
    assert told(forecast(load(lane=lane), 20, NOW))[1] == pytest.approx(1, abs=0.1)
    start, end, wait = told(forecast(load(lane=lane), 150, NOW))
    assert start == pytest.approx(30 / 50, abs=0.1)
    assert end == pytest.approx(2 * 86_400 + 30 / 50, abs=0.3)
    assert wait is Wait.WORKSPACE_LIMIT


def test_a_quota_that_is_used_up_waits_for_midnight_in_the_workspaces_zone() -> None:
    lane = LaneLoad(quota=100, left_today=0, zone="Asia/Tokyo")
    assert told(forecast(load(lane=lane), 1, NOW)) == (15 * 3600, 15 * 3600, Wait.WORKSPACE_LIMIT)


def test_others_that_have_used_up_their_quota_hold_nobody_up_today() -> None:
    spent = LaneLoad(due=10_000, quota=10_000, left_today=0)
    assert forecast(load(spent), 1000, NOW) == forecast(load(), 1000, NOW)
    assert told(forecast(load(spent), 1000, after(86_400)))[1] > 86_400 + 1990 / 50


def test_they_go_after_what_is_due_before_them_and_before_what_is_due_later() -> None:
    lane = LaneLoad(due=500, waves=((after(5), 250), (after(60), 10_000)))
    start, end, _ = told(forecast(load(lane=lane), 100, after(10)))
    assert start == pytest.approx(750 / 50 * PACE, abs=0.1)
    assert end == pytest.approx(849 / 50 * PACE, abs=0.1)


def test_a_wave_ahead_is_met_at_its_time() -> None:
    noon = after(12 * 3600)
    start, end, _ = told(forecast(load(LaneLoad(waves=((noon, 4900),))), 100, noon))
    assert 12 * 3600 <= start < 12 * 3600 + 1
    assert end - 12 * 3600 == pytest.approx(100 / 25 * PACE, rel=0.1)


def test_a_slow_endpoint_gets_half_of_the_connections() -> None:
    _, end, wait = told(forecast(load(lane=LaneLoad(answer=8 * SECOND)), 1600, NOW))
    assert end - 8 == pytest.approx(1600 / (128 / 8), rel=0.02)
    assert wait is Wait.RECEIVER


def test_two_slow_endpoints_get_a_third_each() -> None:
    slow = LaneLoad(due=100_000, answer=8 * SECOND)
    assert told(forecast(load(slow, lane=LaneLoad(answer=8 * SECOND)), 1000, NOW))[
        1
    ] - 8 == pytest.approx(1000 / (256 / 3 / 8), rel=0.02)


def test_a_slow_endpoint_costs_other_lanes_nothing() -> None:
    alone, beside = (
        forecast(load(), 2000, NOW),
        forecast(load(LaneLoad(due=100_000, answer=10 * SECOND)), 2000, NOW),
    )
    assert seconds(beside.end_at) == pytest.approx(
        2000 / (50 / PACE - 12.8), rel=0.02
    )  # it takes what its 128 connections send
    assert seconds(beside.end_at) > seconds(alone.end_at)


def test_messages_of_several_units_take_as_many_slots() -> None:
    assert told(forecast(load(lane=LaneLoad(due=100, units=(2,))), 900, NOW))[1] == pytest.approx(
        1000 * 2 / 50 * PACE, rel=0.01
    )
    assert told(forecast(load(lane=LaneLoad(due=100, units=(1, 4), limit=10)), 100, NOW))[
        1
    ] == pytest.approx(200 * 2.5 / 10 * PACE, rel=0.03)
    assert (
        told(forecast(load(LaneLoad(due=1000, units=(4,))), 100, NOW))[1]
        < told(forecast(load(LaneLoad(due=1000, units=(4,)), lane=LaneLoad(units=(2,))), 100, NOW))[
            1
        ]
    )


def test_what_is_left_of_a_window_is_lost_to_a_message_that_does_not_fit_into_it() -> None:
    assert told(forecast(load(lane=LaneLoad(units=(3,), limit=5)), 100, NOW))[1] == pytest.approx(
        99 * PACE, rel=0.02
    )
    assert told(forecast(load(lane=LaneLoad(units=(7,), limit=5)), 100, NOW))[1] == pytest.approx(
        198 * PACE, rel=0.02
    )
    assert told(forecast(load(lane=LaneLoad(units=(3,))), 1600, NOW))[1] == pytest.approx(
        1600 / 16 * PACE, rel=0.01
    )


def test_a_slow_endpoint_holds_a_connection_a_message_whatever_its_units() -> None:
    assert told(forecast(load(lane=LaneLoad(answer=8 * SECOND, units=(2,))), 1600, NOW))[
        1
    ] - 8 == pytest.approx(1600 / (128 / 8), rel=0.02)


# --- what stops a lane
# -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stopped", "wait"),
    [
        (load(paused=True), Wait.PAUSE),
        (load(lane=LaneLoad(paused=True)), Wait.PAUSE),
        (load(lane=LaneLoad(held_until=FOREVER)), Wait.HOLD),
    ],
)
def test_what_has_no_end_has_no_forecast(stopped: Load, wait: Wait) -> None:
    assert forecast(stopped, 10, NOW) == Forecast(None, None, wait)


def test_what_ends_beyond_the_foreseeable_has_a_start_alone() -> None:
    foreseen = forecast(load(), 10**12, NOW)
    assert (foreseen.start_at, foreseen.end_at, foreseen.limited_by) == (
        NOW,
        None,
        Wait.SERVICE_LIMIT,
    )


def test_a_hold_is_waited_for() -> None:
    start, end, wait = told(forecast(load(lane=LaneLoad(held_until=after(60))), 50, NOW))
    assert (start, wait) == (60, Wait.HOLD)
    assert 60 < end < 61.1
    assert (
        told(forecast(load(lane=LaneLoad(held_until=after(10))), 5000, NOW))[2]
        is Wait.SERVICE_LIMIT
    )
    assert told(forecast(load(lane=LaneLoad(held_until=after(10))), 1, after(20))) == (
        20,
        20,
        Wait.DUE,
    )


def test_a_closed_window_is_waited_for() -> None:
    lane = LaneLoad(
        window=Window("08:00", "21:00"), zone="Europe/Berlin"
    )  # an hour ahead of UTC at EPOCH
    start, _, wait = told(forecast(load(lane=lane), 50, NOW))
    assert (start, wait) == (7 * 3600, Wait.WINDOW)


def test_what_does_not_fit_a_window_goes_on_in_the_next() -> None:
    lane = LaneLoad(window=Window("08:00", "09:00"))
    an_hour = 3600 * 50 / PACE
    start, end, wait = told(forecast(load(lane=lane), round(1.5 * an_hour), NOW))
    assert start == 8 * 3600
    assert end == pytest.approx(24 * 3600 + 8.5 * 3600, abs=5)
    assert wait is Wait.WINDOW


def test_other_lanes_use_their_own_windows_and_holds() -> None:
    free_until = 600
    closed = LaneLoad(due=100_000, window=Window("00:10", "20:00"))
    held = LaneLoad(due=100_000, held_until=after(free_until))
    paused = LaneLoad(due=100_000, paused=True)
    for other in (closed, held, paused):
        assert told(forecast(load(other), 20_000, NOW))[1] == pytest.approx(
            20_000 / 50 * PACE, abs=0.3
        )
    assert told(forecast(load(closed, held), 40_000, NOW))[1] == pytest.approx(
        free_until + (40_000 - free_until * 50 / PACE) * 3 / 50 * PACE, rel=0.01
    )


# --- lanes take turns
# ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("weight", "share"), [(1, 1 / 4), (0.5, 1 / 7), (2, 2 / 5)])
def test_busy_lanes_share_by_their_weights(weight: float, share: float) -> None:
    others = [LaneLoad(due=10**6) for _ in range(3)]
    _, end, wait = told(forecast(load(*others, lane=LaneLoad(weight=weight)), 2000, NOW))
    assert end == pytest.approx(2000 / (50 * share) * PACE, rel=0.02)
    assert wait is Wait.TURN


def test_a_lane_at_its_own_limit_leaves_the_rest_to_the_others() -> None:
    assert told(forecast(load(LaneLoad(due=10**6, limit=5)), 9000, NOW))[1] == pytest.approx(
        9000 / 45 * PACE, rel=0.02
    )


def test_a_lane_that_has_sent_all_leaves_its_share() -> None:
    assert told(forecast(load(LaneLoad(due=500)), 2000, NOW))[1] == pytest.approx(
        2500 / 50 * PACE, rel=0.01
    )


def test_a_new_lane_waits_for_one_turn_of_every_other() -> None:
    busy = [LaneLoad(due=10**6) for _ in range(100)]
    start, end, wait = told(forecast(load(*busy), 2, NOW))
    assert start == pytest.approx(100 * 4 / 50 * PACE, rel=0.01)
    assert end == pytest.approx((100 * 4 + 1) / 50 * PACE, rel=0.01)
    assert wait is Wait.TURN


def test_many_small_lanes_are_served_beside_a_large_one() -> None:
    others = [LaneLoad(due=1) for _ in range(9_999)] + [LaneLoad(due=100_000)]
    _, end, _ = told(forecast(load(*others, limit=1000), 1, NOW))
    assert 10_000 / 1000 <= end <= 10_001 / (0.97 * 1000)


def test_the_last_of_many_lanes_ends_when_all_is_sent() -> None:
    others = [LaneLoad(due=number) for number in range(1, 1001)]
    assert told(forecast(load(*others, limit=1000), 20_000, NOW))[1] == pytest.approx(
        (sum(range(1001)) + 20_000) / 1000 * PACE, rel=0.001
    )


def test_a_wave_of_a_held_lane_waits_for_the_end_of_its_hold() -> None:
    held = LaneLoad(waves=((after(5), 100_000),), held_until=after(600))
    assert told(forecast(load(held), 20_000, NOW))[1] == pytest.approx(20_000 / 50 * PACE, abs=0.3)


def test_lanes_may_be_counted_instead_of_listed() -> None:
    listed = [LaneLoad(due=40, limit=10) for _ in range(30)] + [
        LaneLoad(waves=((after(4), 70),)) for _ in range(20)
    ]
    counted = [LaneLoad(due=40, limit=10, lanes=30), LaneLoad(waves=((after(4), 70),), lanes=20)]
    for count in (1, 200, 3000):
        assert seconds(forecast(load(*counted), count, NOW).end_at) == pytest.approx(
            seconds(forecast(load(*listed), count, NOW).end_at), rel=0.001
        )


# --- against a load sent message by message
# ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_forecast_is_within_five_percent_of_the_simulated_end(seed: int) -> None:
    given_load, count, at = random_load(seed)
    foreseen = forecast(given_load, count, at)
    start, end = LoadWorld(given_load, count, at, seed).run()
    assert foreseen.start_at is not None
    assert foreseen.end_at is not None
    assert (foreseen.end_at - given_load.now) / (end - given_load.now) == pytest.approx(1, abs=0.05)
    assert abs(foreseen.start_at - start) <= 0.05 * (end - given_load.now)


@pytest.mark.long
def test_of_many_loads_nearly_all_are_foreseen_within_five_percent() -> None:
    errors = []
    for seed in range(100, 300):
        given_load, count, at = random_load(seed)
        foreseen = forecast(given_load, count, at)
        _, end = LoadWorld(given_load, count, at, seed).run()
        assert foreseen.end_at is not None
        errors.append(abs((foreseen.end_at - end) / (end - given_load.now)))
    errors.sort()
    assert errors[int(len(errors) * 0.95)] <= 0.05
    assert errors[-1] <= 0.10


lanes = st.builds(
    LaneLoad,
    due=st.integers(0, 2000),
    waves=st.lists(st.tuples(st.integers(0, 600).map(after), st.integers(1, 500)), max_size=2).map(
        tuple
    ),
    limit=st.sampled_from([None, None, 10, 1, 0.5]),
    weight=st.sampled_from([0.25, 0.5, 1, 2]),
    window=st.sampled_from([None, None, Window("00:05", "23:00")]),
    held_until=st.integers(0, 600).map(after),
    paused=st.booleans(),
    answer=st.sampled_from([0, 100_000, 9 * SECOND]),
    lanes=st.integers(1, 5),
)
loads = st.builds(
    load,
    lane=lanes.map(
        lambda lane: LaneLoad(
            lane.due, lane.waves, lane.limit, lane.weight, lane.window, held_until=lane.held_until
        )
    ),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(lanes, max_size=6), lanes, st.integers(1, 2000), st.integers(0, 600))
def test_whatever_the_load_it_starts_when_due_and_more_take_longer(
    others: list[LaneLoad], mine: LaneLoad, count: int, due: int
) -> None:
    given_load = load(*others, lane=mine)
    foreseen, longer = (
        forecast(given_load, count, after(due)),
        forecast(given_load, 2 * count, after(due)),
    )
    if mine.paused:
        assert foreseen == Forecast(None, None, Wait.PAUSE)
        return
    assert foreseen.start_at is not None
    assert foreseen.end_at is not None
    assert longer.end_at is not None
    assert max(after(due), mine.held_until) <= foreseen.start_at <= foreseen.end_at <= longer.end_at
    fastest = 50 / PACE if mine.limit is None else min(50, mine.limit) / PACE
    assert seconds(foreseen.end_at) - due >= (count - 1) / fastest * 0.98 - 0.3


# --- one waiting message
# -----------------------------------------------------------------------------------------------------------------------


def expected(load: Load, *waiting: tuple[Instant, int]) -> list[float]:
    return [seconds(start) for start in estimated_starts(load, waiting)]


def test_a_waiting_message_is_expected_after_those_ahead_of_it() -> None:
    waiting = load(LaneLoad(due=10**6), lane=LaneLoad(due=1000))
    first, *others = expected(waiting, (NOW, 0), (NOW, 250), (NOW, 999))
    assert first < 1
    assert others == pytest.approx([250 / 25 * PACE, 999 / 25 * PACE], rel=0.03)


def test_a_message_that_is_due_later_is_expected_then() -> None:
    waiting = load(lane=LaneLoad(due=10, waves=((after(600), 3000),)))
    at = after(600)
    assert expected(waiting, (at, 10), (at, 1510)) == pytest.approx(
        [600, 600 + 1500 / 50 * PACE], abs=0.3
    )
    assert expected(waiting, (at, 10))[0] == 600


def test_the_message_after_all_others_is_expected_like_one_more() -> None:
    waiting = load(LaneLoad(due=700), lane=LaneLoad(due=300))
    assert estimated_starts(waiting, [(NOW, 300)]) == [forecast(waiting, 1, NOW).start_at]


def test_the_last_that_is_due_does_not_wait_for_what_falls_due_much_later() -> None:
    waiting = load(LaneLoad(due=10**6), lane=LaneLoad(due=2, waves=((after(600), 1),)))
    together = expected(waiting, (NOW, 1), (after(600), 2))
    assert together == [
        pytest.approx(expected(waiting, (NOW, 1))[0], abs=0.1),
        pytest.approx(600, abs=1),
    ]


def test_a_paused_message_is_not_expected() -> None:
    assert estimated_starts(load(lane=LaneLoad(due=5, paused=True)), [(NOW, 3), (NOW, 4)]) == [
        None,
        None,
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(lanes, max_size=4), lanes, st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_messages_are_expected_together_as_they_are_one_by_one_and_never_before_they_are_due(
    others: list[LaneLoad], mine: LaneLoad, shares: list[float]
) -> None:
    given_load = load(*others, lane=mine)
    dues = [
        at for at, count in [(NOW - SECOND, mine.due), *sorted(mine.waves)] for _ in range(count)
    ] or [NOW]
    waiting = [
        (dues[number], number)
        for number in sorted({int(share * (len(dues) - 1)) for share in shares})
    ]
    together = estimated_starts(given_load, waiting)
    if mine.paused:
        assert together == [None] * len(waiting)
        return
    starts = [seconds(start) for start in together]
    assert starts == sorted(starts)
    assert all(start >= seconds(due) for start, (due, _) in zip(starts, waiting, strict=True))
    assert starts == [
        pytest.approx(expected(given_load, one)[0], rel=0.05, abs=1) for one in waiting
    ]


@pytest.mark.parametrize(
    ("waiting", "wait"),
    [
        (waiting_for(NOW, after(60)), Wait.DUE),
        (waiting_for(NOW, after(-1)), Wait.SERVICE_LIMIT),
        (waiting_for(NOW, NOW), Wait.SERVICE_LIMIT),
        (waiting_for(NOW, NOW, others_first=True), Wait.TURN),
        (waiting_for(NOW, NOW, own_slot_at=after(0.1), others_first=True), Wait.WORKSPACE_LIMIT),
        (waiting_for(NOW, NOW, held_until=after(1), own_slot_at=after(0.1)), Wait.HOLD),
        (waiting_for(NOW, NOW, held_until=after(-1), own_slot_at=after(-1)), Wait.SERVICE_LIMIT),
        (waiting_for(NOW, NOW, opening=after(3600), held_until=after(1)), Wait.WINDOW),
        (waiting_for(NOW, after(60), held_until=after(1)), Wait.DUE),
        (waiting_for(NOW, after(60), opening=after(60)), Wait.DUE),  # open when it falls due
        (waiting_for(NOW, after(60), opening=after(3600)), Wait.WINDOW),
        (waiting_for(NOW, after(60), opening=after(3600), held_until=FOREVER), Wait.HOLD),
        (waiting_for(NOW, after(60), paused=True, opening=after(3600)), Wait.PAUSE),
    ],
)
def test_a_message_waits_for_what_ends_last(waiting: Wait, wait: Wait) -> None:
    assert waiting is wait


# --- speed
# -----------------------------------------------------------------------------------------------------------------------------------


def test_ten_thousand_lanes_are_foreseen_at_once() -> None:
    tiers = [(None, 1.0), (None, 2.0), (10, 0.5)]
    others = [
        LaneLoad(
            due=number * 7919 % 1000 + 1,
            limit=tiers[number % 3][0],
            weight=tiers[number % 3][1],
            answer=50_000,
        )
        for number in range(10_000)
    ]
    crowded = load(*others, limit=1000)
    spent = []
    for _ in range(3):
        begun = time.process_time()
        assert told(forecast(crowded, 1000, NOW))[2] is Wait.TURN
        spent.append(time.process_time() - begun)
    assert (
        min(spent) < 0.25
    )  # some 30 ms on a quiet machine; without events taken together it is seconds
