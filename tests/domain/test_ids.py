"""Ids sort by creation, and tell nothing of those made in between."""

from __future__ import annotations

import itertools
import uuid

from queue_services.domain.message import new_id

NOW = 1_700_000_000_000_000


def counter(identity: str) -> int:
    value = uuid.UUID(identity).int
    return (value >> 64 & 0xFFF) << 14 | value >> 48 & 0x3FFF


def test_ids_of_one_millisecond_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id(NOW + number % 1000) for number in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_two_milliseconds_made_by_turns_keep_their_order() -> None:
    made = [new_id(NOW + 1_000_000 + number % 2 * 1000) for number in range(100)]
    assert made[::2] == sorted(made[::2])
    assert made[1::2] == sorted(made[1::2])


def test_the_counters_of_two_milliseconds_tell_nothing_of_what_was_made_between() -> None:
    later = [counter(new_id(NOW + 2_000_000 + 1000 * number)) for number in range(100)]
    steps = {second - first for first, second in itertools.pairwise(later)}
    assert len(steps) > 90
    assert any(step < 0 for step in steps)


def test_an_id_is_a_uuid_of_version_7_whose_time_is_its_creation() -> None:
    parsed = uuid.UUID(new_id(NOW))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == NOW // 1000
