"""Errors that differ in what differs from job to job alone are one fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.error_groups import LONGEST, fault_of, group_of


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("the provider is down, code 17", "the provider is down, code …"),
        ("no job 01a20bcd-1011-71c5-a418-fddf35d8a67e", "no job …"),
        ("""not a number: "+1 555" or 'x'""", "not a number: … or …"),
        ("it's over, isn't it", "it's over, isn't it"),
        ("at 10:15:30.123 after 2.5 s", "at … after … s"),
        ("HTTP2 stream 7 reset", "HTTP2 stream … reset"),
        ("", ""),
        (None, ""),
    ],
)
def test_uuids_numbers_and_quoted_texts_are_replaced(error: str | None, fault: str) -> None:
    assert fault_of(error) == fault


def test_the_status_tells_two_faults_of_one_text_apart() -> None:
    assert group_of(500, "down") != group_of(502, "down")
    assert group_of(500, "down") == group_of(500, "down")


@given(st.text(max_size=2_000))
def test_a_fault_is_short_and_stays_the_same(error: str) -> None:
    fault = fault_of(error)
    assert len(fault) <= LONGEST
    assert len(group_of(None, fault)) == 16


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_two_numbers_are_one_fault(one: int, other: int) -> None:
    assert fault_of(f"order {one} is gone") == fault_of(f"order {other} is gone")
