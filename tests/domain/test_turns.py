"""Turns between lanes: each pass's shares, and what they come to over many passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.limits import HORIZON, WINDOW
from queue_services.domain.message import SECOND
from queue_services.domain.turns import TURNS_A_PASS, Turn, high_slots, quantum, rest_after, shares
from tests.support.densest import densest

from .lane_queue import LEAD, Lane, serve
from .limit_history import JITTER
from .limit_world import EPOCH

turns = st.builds(
    Turn,
    weight=st.sampled_from([0.25, 0.5, 1, 2, 3, 10]),
    rest=st.integers(0, 20),
    cap=st.integers(0, 300),
)


class TestShares:
    @given(st.integers(0, 20_000), st.lists(turns, max_size=80))
    def test_all_free_slots_are_given_unless_every_lane_has_what_it_may_take(
        self, free: int, lanes: list[Turn]
    ) -> None:
        given_out = shares(free, lanes)
        assert sum(given_out) == min(free, sum(lane.cap for lane in lanes))
        assert all(0 <= share <= lane.cap for share, lane in zip(given_out, lanes, strict=True))

    @given(st.integers(0, 20_000), st.lists(turns, max_size=80))
    def test_while_more_lanes_wait_none_takes_more_than_its_turn(
        self, free: int, lanes: list[Turn]
    ) -> None:
        for share, lane in zip(shares(free, lanes, more=True), lanes, strict=True):
            assert share <= (lane.rest or quantum(lane.weight, free))

    @given(st.integers(1, 20_000), st.lists(turns, min_size=1, max_size=80))
    def test_a_lane_gets_nothing_only_after_those_before_it_used_the_slots(
        self, free: int, lanes: list[Turn]
    ) -> None:
        given_out = shares(free, lanes, more=True)
        for at, (share, lane) in enumerate(zip(given_out, lanes, strict=True)):
            if share < min(lane.cap, lane.rest or quantum(lane.weight, free)):
                assert sum(given_out[: at + 1]) == free

    @given(st.integers(1, 200_000))
    def test_as_many_turns_of_weight_one_as_a_pass_locks_take_about_all_that_is_free(
        self, free: int
    ) -> None:
        assert TURNS_A_PASS * quantum(1, free) >= min(free, 256)
        assert TURNS_A_PASS * quantum(1, free) >= 0.6 * free
        assert quantum(1, free) <= max(4, free / 40)

    @given(st.sampled_from([0.25, 0.5, 0.75, 1, 1.25, 2, 3, 8]), st.integers(0, 200_000))
    def test_quanta_are_in_proportion_to_weights_in_quarters(
        self, weight: float, free: int
    ) -> None:
        assert quantum(weight, free) == weight * quantum(1, free)

    def test_the_rest_of_a_turn_comes_first(self) -> None:
        assert shares(5, [Turn(1, 1, 100), Turn(1, 0, 100)]) == [1, 4]


class TestRest:
    def test_a_turn_cut_short_keeps_what_is_left_of_it(self) -> None:
        assert rest_after(Turn(1, 0, 100), 1, free=5) == 3
        assert rest_after(Turn(1, 3, 100), 1, free=5) == 2

    def test_a_turn_that_was_used_leaves_nothing(self) -> None:
        assert rest_after(Turn(1, 0, 100), 4, free=5) == 0
        assert rest_after(Turn(1, 3, 100), 3, free=5) == 0
        assert rest_after(Turn(3, 0, 100), 24, free=24) == 0

    def test_after_whole_turns_the_last_one_may_be_cut_short(self) -> None:
        assert rest_after(Turn(1, 3, 100), 3 + 4 + 1, free=50) == 3

    def test_what_a_message_of_several_units_took_beyond_the_share_comes_off_the_next_turn(
        self,
    ) -> None:
        assert rest_after(Turn(1, 0, 100), 6, free=5, share=4) == -2
        assert shares(50, [Turn(1, -2, 100), Turn(1, 0, 100)], more=True) == [2, 4]
        assert rest_after(Turn(1, -2, 100), 3, free=5, share=2) == -1
        assert rest_after(Turn(1, 0, 100), 3, free=5, share=2) == 1
        assert shares(50, [Turn(1, -20, 100)], more=True) == [1]


class TestHighSlots:
    @given(st.integers(0, 10_000), st.lists(st.integers(0, 30), max_size=20))
    def test_every_fourth_slot_of_the_channel_is_kept_however_claims_cut_the_row(
        self, number: int, counts: list[int]
    ) -> None:
        kept, first = [], number
        for count in counts:
            kept += [first + at for at in high_slots(first, count)]
            first += count
        assert kept == [at for at in range(number, first) if at % 4 == 3]


class TestManyPasses:
    @pytest.mark.parametrize("every", [10_000, 50_000, 100_000])
    @pytest.mark.parametrize("rate", [50, 1000])
    def test_lanes_share_by_weight_within_five_percent(self, rate: int, every: int) -> None:
        light, heavy = Lane("light", weight=1), Lane("heavy", weight=3)
        serve([light, heavy], rate, 18, every)
        assert light.a_second() + heavy.a_second() == pytest.approx(
            rate * SECOND / WINDOW, rel=0.01
        )
        assert heavy.a_second() == pytest.approx(0.75 * rate * SECOND / WINDOW, rel=0.05)
        assert light.a_second() == pytest.approx(0.25 * rate * SECOND / WINDOW, rel=0.05)

    def test_ten_thousand_small_lanes_wait_for_one_turn_of_a_large_one_at_most(self) -> None:
        lanes = [Lane("large", due=100_000), *(Lane(f"small-{at}", due=1) for at in range(10_000))]
        order = serve(lanes, 1000, 14)
        last_small = max(at for at, name in enumerate(order) if name != "large")
        assert len(set(order)) == 10_001
        assert last_small < 10_001 + quantum(1, 1000)

    def test_one_message_beside_a_large_backlog_goes_within_the_horizon(self) -> None:
        small = Lane("small", due=1)
        serve([Lane("large"), small], 100, 0.1)
        assert small.slots[0] <= EPOCH + LEAD + HORIZON

    def test_lanes_under_limits_of_their_own_take_nothing_from_the_channel(self) -> None:
        five, ten, none = Lane("five", own=5), Lane("ten", own=10), Lane("none")
        serve([five, ten, none], 50, 18)
        assert [densest(lane.slots, SECOND + JITTER) for lane in (five, ten)] == [5, 10]
        assert densest(five.slots + ten.slots + none.slots, SECOND + JITTER) == 50
        assert five.a_second() + ten.a_second() + none.a_second() >= 0.97 * 50
        assert five.a_second() >= 0.9 * 5
        assert ten.a_second() >= 0.9 * 10
