"""The rule that keeps a limit in every second: for any history of its log, and case by case."""

from copy import deepcopy
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_services.domain.limits import (
    CATCH_UP,
    HORIZON,
    LATE,
    MARGIN,
    MAX_LEAD,
    SLICE,
    WINDOW,
    LimitLog,
    astray,
    entries,
    free,
    give_back,
    lead_after,
    most_at,
    next_free,
    note_sends,
    silence,
    telling_seconds,
    utilization,
)
from queue_services.domain.message import SECOND, Instant
from tests.domain.reserving import both, reserve, reserve_units
from tests.support.densest import densest

from .limit_history import JITTER, History, Rate, Step, claims, give_backs, rates, units
from .limit_world import EPOCH

LEAD = 3_000
steady = st.lists(st.one_of(claims, claims, give_backs), max_size=25)
eventful = st.lists(
    st.one_of(claims, claims, give_backs, units, st.builds(Rate, rate=rates)), max_size=30
)


def backlog(
    rate: float, until: Instant, log: LimitLog | None = None, since: Instant = EPOCH
) -> tuple[LimitLog, list[Instant]]:
    """A log after claims every 50 ms with more due than fits, and its slots."""
    log, slots = log or LimitLog(), []
    for now in range(since, until, 50_000):
        slots += reserve(log, rate, now, LEAD, [now] * 3_000)
    return log, slots


class TestWhateverHappens:
    @given(rates, steady)
    def test_no_window_of_a_second_holds_more_starts_than_the_limit(
        self, rate: float, steps: list[Step]
    ) -> None:
        starts = [start.slot for start in History(rate).play(steps).starts]
        assert densest(starts, round(SECOND / min(rate, 1)) + JITTER) <= max(1, rate)

    @given(rates, eventful)
    def test_no_window_holds_more_than_the_limit_its_last_start_was_reserved_under(
        self, rate: float, steps: list[Step]
    ) -> None:
        assert History(rate).play(steps).over_limit() == []

    @pytest.mark.long
    @settings(max_examples=20_000, deadline=None)
    @given(rates, eventful)
    def test_no_window_holds_more_than_the_limit_in_many_more_histories(
        self, rate: float, steps: list[Step]
    ) -> None:
        assert History(rate).play(steps).over_limit() == []

    @given(rates, eventful, st.lists(st.integers(-SECOND, 150_000), max_size=80))
    def test_slots_come_in_order_and_not_before_the_lead_or_the_due_time(
        self, rate: float, steps: list[Step], offsets: list[int]
    ) -> None:
        history = History(rate).play(steps)
        due = [history.now + offset for offset in offsets]
        before = [stamp for stamp, _ in entries(history.log)][-1:]
        slots = reserve(history.log, history.rate, history.now, LEAD, due)
        assert all(earlier <= later for earlier, later in pairwise(before + slots))
        assert all(
            max(start, history.now + LEAD) <= slot <= history.now + LEAD + HORIZON
            for start, slot in zip(due, slots, strict=False)
        )

    @given(rates, eventful, st.integers(0, 400_000), st.integers(0, 500))
    def test_free_is_what_reserve_gives_when_everything_is_due(
        self, rate: float, steps: list[Step], wait: int, most: int
    ) -> None:
        history = History(rate).play(steps)
        now, before = history.now + wait, deepcopy(history.log)
        count = free(history.log, history.rate, now, LEAD, most=most)
        assert history.log == before
        assert count == len(reserve(history.log, history.rate, now, LEAD, [now] * most))

    @given(rates, eventful, st.integers(1, 2_000))
    def test_next_free_is_the_slot_that_reserve_gives_then(
        self, rate: float, steps: list[Step], count: int
    ) -> None:
        history = History(rate).play(steps)
        log, rate, now = history.log, history.rate, history.now
        one, many = next_free(log, rate, now, LEAD), next_free(log, rate, now, LEAD, count)
        assert reserve_units(deepcopy(log), rate, now, LEAD, now, count, many - now - LEAD) == many
        assert (
            reserve_units(deepcopy(log), rate, now, LEAD, now, count, many - now - LEAD - 1) is None
        )
        wait = max(0, one - LEAD - HORIZON - now)
        assert reserve(log, rate, now + wait, LEAD, [now])[:1] == [max(one, now + wait + LEAD)]

    @given(rates, rates, eventful, eventful, st.integers(1, 100))
    def test_both_gives_the_same_slots_to_both_logs_within_both_limits(
        self,
        own_rate: float,
        shared_rate: float,
        own_steps: list[Step],
        shared_steps: list[Step],
        count: int,
    ) -> None:
        own, shared = History(own_rate).play(own_steps), History(shared_rate).play(shared_steps)
        now = max(own.now, shared.now)
        alone = [
            reserve(deepcopy(side.log), side.rate, now, LEAD, [now] * count)
            for side in (own, shared)
        ]
        numbers = own.log.number, shared.log.number
        slots = both(own.log, own.rate, shared.log, shared.rate, now, LEAD, [now] * count)
        assert len(slots) <= min(map(len, alone))
        assert all(slot >= max(places) for slot, *places in zip(slots, *alone, strict=False))
        assert (own.log.number - numbers[0], shared.log.number - numbers[1]) == (
            len(slots),
            len(slots),
        )
        for log in (own.log, shared.log) if slots else ():
            assert entries(log)[-1][0] == slots[-1]


class TestSlots:
    def test_what_falls_due_within_the_horizon_of_an_idle_limit_starts_exactly_then(self) -> None:
        log, starts = LimitLog(), list[Instant]()
        due = [EPOCH + at for at in range(0, 60 * SECOND, 347_211)]
        for now in range(EPOCH - 60_000, EPOCH + 61 * SECOND, 50_000):
            claimed = [at for at in due[len(starts) :] if at <= now + LEAD + HORIZON]
            starts += reserve(log, 50, now, LEAD, claimed)
        assert starts == due

    def test_an_idle_limit_sends_what_it_may_catch_up_at_once_and_the_rest_evenly(self) -> None:
        _, slots = backlog(50, EPOCH + 2 * SECOND)
        at_once = CATCH_UP * 50 // WINDOW + 1
        assert slots[:at_once] == [EPOCH + LEAD] * at_once
        assert all(
            later - earlier == WINDOW // 50 for earlier, later in pairwise(slots[at_once:45])
        )
        assert densest(slots, WINDOW) == 50

    def test_a_burst_of_24_after_idle_goes_out_within_the_limit(self) -> None:
        log, _ = backlog(50, EPOCH + SECOND)
        began, burst = EPOCH + 60 * SECOND, list[Instant]()
        for now in range(began, began + SECOND, 50_000):
            burst += reserve(log, 50, now, LEAD, [began] * (24 - len(burst)))
        assert len(burst) == 24
        assert burst[-1] < began + SECOND // 4
        assert (
            densest(
                [*burst, *backlog(50, began + 3 * SECOND, log, began + SECOND)[1]], SECOND + JITTER
            )
            <= 50
        )

    def test_below_one_a_second_there_is_one_slot_every_so_many_seconds(self) -> None:
        _, slots = backlog(0.2, EPOCH + 60 * SECOND)
        assert all(later - earlier == 5 * WINDOW for earlier, later in pairwise(slots))
        assert len(slots) == 12

    def test_a_backlog_gets_the_whole_limit_of_every_window(self) -> None:
        for rate in (1, 7, 50, 1000):
            _, slots = backlog(rate, EPOCH + 30 * SECOND)
            assert (
                len(
                    [
                        slot
                        for slot in slots
                        if EPOCH + 2 * SECOND <= slot < EPOCH + 2 * SECOND + 20 * WINDOW
                    ]
                )
                == 20 * rate
            )

    def test_nothing_due_leaves_the_log_as_it_was(self) -> None:
        log, _ = backlog(50, EPOCH + SECOND)
        before = deepcopy(log)
        assert reserve(log, 50, EPOCH + 9 * SECOND, LEAD, []) == []
        assert reserve(log, 50, EPOCH + 9 * SECOND, LEAD, [EPOCH + 10 * SECOND]) == []
        assert log == before

    def test_nothing_is_free_while_the_last_slot_lies_beyond_the_horizon(self) -> None:
        log = LimitLog()
        far = EPOCH + MAX_LEAD + HORIZON
        assert reserve(log, 50, EPOCH, MAX_LEAD, [far]) == [far]
        assert free(log, 50, EPOCH, LEAD) == 0 == len(reserve(log, 50, EPOCH, LEAD, [EPOCH]))

    def test_the_slot_number_runs_on_over_calls(self) -> None:
        log, slots = backlog(50, EPOCH + 5 * SECOND)
        assert log.number == len(slots)

    def test_the_lead_is_the_slowest_recent_commit_and_a_margin_but_bounded(self) -> None:
        assert lead_after([4_000, 9_000, 2_000]) == 9_000 + MARGIN
        assert lead_after([400_000]) == MAX_LEAD
        assert lead_after([]) == MARGIN

    def test_a_claim_takes_what_the_limit_sends_in_32_ms_but_never_tiny_ones(self) -> None:
        assert [most_at(rate) for rate in (0.2, 50, 1_000, 10_000)] == [32, 32, 32, 320]


class TestChangedLimits:
    def test_a_lowered_limit_counts_what_was_reserved_before(self) -> None:
        change = EPOCH + 3 * SECOND
        log, before = backlog(100, change)
        _, after = backlog(10, change + 5 * SECOND, log, change)
        assert after[0] >= before[-10] + WINDOW
        assert densest([*before[-9:], *after], SECOND + JITTER) == 10

    def test_a_raised_limit_is_used_at_once(self) -> None:
        log, before = backlog(0.1, EPOCH + SECOND)
        assert len(before) == 1
        _, after = backlog(50, EPOCH + 2 * SECOND, log, EPOCH + SECOND)
        assert after[0] == EPOCH + SECOND + LEAD
        assert len(after) >= 48

    def test_lowered_to_one_in_ten_seconds_it_remembers_the_last_start(self) -> None:
        log, _ = backlog(50, EPOCH + SECOND)
        last = entries(log)[-1][0]
        lost = reserve(log, 50, EPOCH + 6 * SECOND, LEAD, [EPOCH])
        give_back(log, 50, lost)
        assert next_free(log, 0.1, EPOCH + 7 * SECOND, LEAD) >= last + 10 * WINDOW


class TestGivingBack:
    @pytest.mark.parametrize("rate", [50, 1000])
    def test_what_was_given_back_is_made_up_at_once(self, rate: int) -> None:
        log, slots = backlog(rate, EPOCH + SECOND)
        back = slots[-rate // 10 :]
        now = slots[-1] + LATE
        missed = free(log, rate, now, LEAD)
        give_back(log, rate, back)
        assert free(log, rate, now, LEAD) == missed + len(back)

    @pytest.mark.parametrize("rate", [50, 1000])
    def test_all_given_back_leaves_no_entry(self, rate: int) -> None:
        log, slots = backlog(rate, EPOCH + SECOND)
        give_back(log, rate, slots[::-1])
        assert entries(log) == []
        assert sum(count for _, count in log.sends) == 0

    def test_a_slot_that_is_not_in_the_log_is_ignored(self) -> None:
        log, slots = backlog(50, EPOCH + 9 * SECOND)
        give_back(log, 50, slots[-1:])
        before = deepcopy(log)
        give_back(log, 50, [slots[-1], slots[0], slots[-2] + 1, 0])
        assert log == before


class TestUnits:
    def test_the_units_of_one_message_lie_at_one_instant_with_room_for_all(self) -> None:
        now = EPOCH + 900_000
        log, slots = backlog(10, now)
        assert reserve_units(log, 10, now, LEAD, now, 3) is None
        assert log == backlog(10, now)[0]
        at = reserve_units(log, 10, now, LEAD, now, 3, WINDOW - 1)
        assert at == slots[-8] + WINDOW
        assert entries(log)[-1] == (at, 3)

    def test_units_use_up_what_may_be_caught_up_like_as_many_messages(self) -> None:
        log, now = LimitLog(), EPOCH + LEAD
        assert reserve_units(log, 50, EPOCH, LEAD, EPOCH, 10) == now
        assert (
            reserve(log, 50, EPOCH, LEAD, [EPOCH] * 50).count(now)
            == CATCH_UP * 50 // WINDOW + 1 - 10
        )

    def test_more_units_than_the_limit_have_as_many_windows_to_themselves(self) -> None:
        now = EPOCH + 3 * SECOND
        log, slots = backlog(10, now)
        at = reserve_units(log, 10, now, LEAD, now, 25, WINDOW)
        assert at == slots[-1] + WINDOW
        assert next_free(log, 10, now, LEAD) == at + 3 * WINDOW

    def test_given_back_they_free_their_windows(self) -> None:
        log = LimitLog()
        at = reserve_units(log, 10, EPOCH, LEAD, EPOCH, 25)
        assert at is not None
        assert free(log, 10, EPOCH + SECOND, LEAD) == 0
        give_back(log, 10, [at] * 25)
        assert next_free(log, 10, EPOCH + SECOND, LEAD) == EPOCH + SECOND + LEAD


class TestClockErrors:
    def test_silence_outlasts_every_start_that_may_still_be_coming_by_a_window(self) -> None:
        log, slots = backlog(50, EPOCH + 3 * SECOND)
        silence(log, EPOCH + 3 * SECOND)
        assert entries(log) == []
        _, after = backlog(50, EPOCH + 6 * SECOND, log, EPOCH + 3 * SECOND)
        assert after[0] >= slots[-1] + WINDOW
        assert densest([*slots, *after], SECOND + JITTER) <= 50
        assert after[0] <= EPOCH + 5 * SECOND

    def test_silence_outlasts_the_furthest_slot_that_any_process_holds(self) -> None:
        log = LimitLog()
        [furthest] = reserve(log, 50, EPOCH, MAX_LEAD, [EPOCH + MAX_LEAD + HORIZON])
        silence(log, EPOCH)
        assert next_free(log, 50, EPOCH, LEAD) >= furthest + WINDOW

    def test_silence_outlasts_a_message_of_many_units_that_looked_a_window_further(self) -> None:
        log = LimitLog()
        reserve_units(log, 3, EPOCH, LEAD, EPOCH, 2)
        furthest = reserve_units(log, 3, EPOCH, LEAD, EPOCH, 2, HORIZON + WINDOW)
        assert furthest is not None
        assert furthest > EPOCH + MAX_LEAD + HORIZON
        silence(log, EPOCH)
        assert next_free(log, 3, EPOCH, LEAD) >= furthest + WINDOW

    def test_a_log_made_by_a_clock_that_ran_ahead_is_seen(self) -> None:
        log, _ = backlog(50, EPOCH + 3 * SECOND)
        assert not astray(log, EPOCH + 3 * SECOND)
        assert astray(log, EPOCH - SECOND)

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda log: silence(log, EPOCH + 3600 * SECOND),
            lambda log: give_back(log, 50, reserve(log, 50, EPOCH + 3600 * SECOND, LEAD, [0])),
        ],
    )
    def test_what_such_a_clock_left_behind_is_seen_too(self, wrong) -> None:  # type: ignore[no-untyped-def]
        log, _ = backlog(50, EPOCH + 3 * SECOND)
        wrong(log)
        assert astray(log, EPOCH + 3 * SECOND)
        silence(log, EPOCH + 3 * SECOND)
        assert not astray(log, EPOCH + 3 * SECOND)
        assert next_free(log, 50, EPOCH + 3 * SECOND, LEAD) < EPOCH + 5 * SECOND

    @given(rates, eventful)
    def test_nothing_that_right_clocks_do_is_taken_for_an_error(
        self, rate: float, steps: list[Step]
    ) -> None:
        history = History(rate).play(steps)
        assert not astray(history.log, history.now)


class TestTheStoredLog:
    @pytest.mark.parametrize(("rate", "size"), [(50, 1_500), (1000, 5_000), (20_000, 5_000)])
    def test_its_json_stays_small(self, rate: int, size: int) -> None:
        log, _ = backlog(rate, EPOCH + 3 * SECOND)
        assert len(msgspec.json.encode(log)) < size

    def test_up_to_200_a_second_every_instant_has_an_entry(self) -> None:
        log = LimitLog()
        slots = reserve(log, 200, EPOCH, LEAD, [EPOCH + LEAD + at for at in (0, 0, 1, 2_000)])
        assert entries(log) == [(slots[0], 2), (slots[2], 1), (slots[3], 1)]

    def test_above_200_a_second_an_entry_is_a_slice_stamped_with_its_latest_slot(self) -> None:
        log, slots = backlog(1000, EPOCH + 3 * SECOND)
        slices = [stamp // SLICE for stamp, _ in entries(log)]
        assert len(set(slices)) == len(slices)
        assert {stamp for stamp, _ in entries(log)} <= set(slots)
        kept = [slot for slot in slots if slot // SLICE >= slices[0]]
        assert [count for _, count in entries(log)] == [
            sum(slot // SLICE == at for slot in kept) for at in slices
        ]

    def test_what_is_older_than_two_windows_is_forgotten_but_for_one_entry(self) -> None:
        log, _ = backlog(50, EPOCH + 20 * SECOND)
        now = EPOCH + 20 * SECOND - 50_000
        assert [stamp < now - 2 * WINDOW for stamp, _ in entries(log)].count(True) == 1
        assert len(log.sends) <= 14


class TestUtilization:
    def test_it_is_the_share_used_of_the_last_ten_whole_seconds(self) -> None:
        now = EPOCH + 20 * SECOND
        assert utilization(backlog(50, now)[0], 50, now) == pytest.approx(1 / 1.02, abs=0.02)
        assert utilization(backlog(50, now)[0], 100, now) == pytest.approx(0.5 / 1.02, abs=0.02)
        assert utilization(LimitLog(), 50, now) == 0

    def test_the_second_that_runs_and_those_before_the_last_ten_do_not_count(self) -> None:
        log = LimitLog()
        for at in (0, 5, 15):
            reserve(log, 50, EPOCH + at * SECOND, LEAD, [EPOCH] * 3)
        assert utilization(log, 50, EPOCH + 15 * SECOND + SECOND // 2) == 3 / 500

    def test_what_was_given_back_was_not_sent(self) -> None:
        now = EPOCH + 12 * SECOND
        log, slots = backlog(50, now)
        give_back(log, 50, [slot for slot in slots if now - 2 * SECOND <= slot < now - SECOND])
        assert utilization(log, 50, now) == pytest.approx(0.9 / 1.02, abs=0.02)

    def test_of_a_lane_without_a_limit_of_its_own_the_sends_alone_are_kept(self) -> None:
        now = EPOCH + 30 * SECOND
        log, _ = backlog(50, EPOCH + 5 * SECOND)
        note_sends(log, [now - SECOND] * 20 + [now - 2 * SECOND] * 10, now)
        assert (
            utilization(log, 50, now, 1),
            utilization(log, 50, now, 2),
            utilization(log, 50, now),
        ) == (20 / 50, 30 / 100, 30 / 500)
        assert (log.gaps, log.counts, log.sends) == (
            [],
            [],
            [[now // SECOND - 2, 10], [now // SECOND - 1, 20]],
        )

    @pytest.mark.parametrize(("rate", "seconds"), [(1000, 1), (5, 1), (4, 2), (1, 5), (0.01, 10)])
    def test_the_fewer_a_limit_lets_pass_the_longer_one_has_to_look(
        self, rate: float, seconds: int
    ) -> None:
        assert telling_seconds(rate) == seconds

    def test_a_limit_lowered_under_what_was_sent_counts_as_full(self) -> None:
        now = EPOCH + 12 * SECOND
        assert utilization(backlog(50, now)[0], 5, now) == 1


class TestLaneAndChannel:
    def test_a_lane_that_waits_for_its_own_limit_holds_up_the_channel_by_the_horizon_at_most(
        self,
    ) -> None:
        own, _ = backlog(5, EPOCH + 950_000)
        shared, now = LimitLog(), EPOCH + 950_000
        slots = both(own, 5, shared, 50, now, LEAD, [EPOCH] * 9)
        assert now + LEAD + HORIZON // 2 < slots[0]
        assert next_free(shared, 50, now, LEAD) == slots[-1] <= now + LEAD + HORIZON

    def test_what_does_not_fit_one_log_is_in_neither(self) -> None:
        own, _ = backlog(5, EPOCH + SECOND)
        shared = LimitLog()
        before = deepcopy(own)
        assert both(own, 5, shared, 50, EPOCH + SECOND, LEAD, [EPOCH]) == []
        assert (own, shared) == (before, LimitLog())


def test_giving_a_slot_back_ends_no_quiet_that_another_message_set() -> None:
    """Ten units at 4 a second have three windows to themselves, whatever comes after them."""
    log, now = LimitLog(), EPOCH
    large = reserve_units(log, 4, now, 0, now, 10)
    assert large is not None
    quiet_until = log.quiet_until
    assert quiet_until == large + 3 * WINDOW
    single = next_free(log, 4, now, 0)
    assert reserve(log, 4, now, 0, [single], horizon=4 * WINDOW) == [single]
    give_back(log, 4, [single])
    assert next_free(log, 4, now, 0) >= quiet_until
    give_back(log, 4, [large] * 10)
    assert next_free(log, 4, now, 0) < quiet_until


def test_giving_a_slot_back_ends_no_silence() -> None:
    log, now = LimitLog(), EPOCH
    silence(log, now)
    quiet_until = log.quiet_until
    [slot] = reserve(log, 50, now, 0, [now], horizon=3 * WINDOW)
    give_back(log, 50, [slot])
    assert next_free(log, 50, now, 0) >= quiet_until
