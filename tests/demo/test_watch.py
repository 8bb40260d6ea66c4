"""The demo's judgement: every message exactly once, or what is not so."""

from __future__ import annotations

import io
from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from queue_services.demo.report import live, result_table
from queue_services.demo.watch import (
    Arrival,
    Expected,
    Figures,
    Progress,
    Watch,
    densest_second,
    percentile,
)
from queue_services.domain.message import SECOND, Channel
from queue_services.wire.answers import Job, StatusName

DUE = 1_800_000_000 * SECOND


def arrival(job: str, after_ms: int, answer: str = "accepted") -> Arrival:
    return Arrival(number=0, job=job, time=(DUE + after_ms * 1000) / SECOND, answer=answer)


def job(status: StatusName) -> Job:
    given = dict.fromkeys(Job.__struct_fields__) | {
        "status": status,
        "metadata": msgspec.Raw(b"{}"),
    }
    return Job(**given)  # type: ignore[arg-type]  # the watch reads the status alone


def watch(*arrivals: Arrival) -> Watch:
    expected = {
        "a": Expected(Channel.SMS, "acme", DUE),
        "b": Expected(Channel.SMS, "bolt", DUE + 2 * SECOND),
        "c": Expected(Channel.EMAIL, "acme", DUE),
    }
    return Watch(expected, list(arrivals))


COMPLETED = {name: job("COMPLETED") for name in "abc"}
ALL = (arrival("a", 5), arrival("b", 2030), arrival("c", 7))


def test_each_message_once_and_completed_is_as_promised() -> None:
    assert watch(*ALL).complete()
    assert watch(*ALL).faults(COMPLETED) == []


def test_a_retried_message_counts_once() -> None:
    retried = watch(arrival("a", 5, "failed"), arrival("a", 700), *ALL[1:])
    assert retried.faults(COMPLETED) == []
    assert retried.figures(Channel.SMS, "acme", COMPLETED) == Figures(
        sent=1, failed=0, retried=1, densest=2, lateness_p50=5000, lateness_p99=5000
    )


def test_what_is_missing_doubled_foreign_or_unfinished_is_a_fault_each() -> None:
    faulty = watch(
        arrival("a", 5), arrival("a", 9, "repeated"), arrival("b", 2030), arrival("x", 1)
    )
    assert not faulty.complete()
    assert faulty.faults({"a": job("COMPLETED"), "b": job("FAILED")}) == [
        "1 messages did not arrive",
        "1 messages arrived again",
        "1 messages arrived that nobody scheduled",
        "the service says FAILED of 1 messages",
        "the service says unknown of 1 messages",
    ]


def test_progress_counts_what_is_due_and_how_long_the_oldest_has_waited() -> None:
    assert watch(arrival("a", 5)).progress(Channel.SMS, DUE + SECOND // 2) == Progress(
        scheduled=2, due=1, delivered=1, rate=1, lag=0
    )
    assert watch(arrival("a", 5)).progress(Channel.SMS, DUE + 5 * SECOND) == Progress(
        scheduled=2, due=2, delivered=1, rate=0, lag=3 * SECOND
    )


def test_where_there_is_no_terminal_progress_is_a_line_a_second() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    with live(console) as show:
        for tenth in range(25):
            show(watch(*ALL), DUE + tenth * SECOND // 10)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # it is the StringIO above
    assert len(lines) == 3
    assert lines[0].startswith("sms: 2 scheduled, 1 due, 2 delivered, ")


def test_the_result_fits_a_terminal_of_eighty_columns_uncut() -> None:
    console = Console(file=io.StringIO(), width=80)
    late = watch(arrival("a", 5), arrival("b", 2030), arrival("c", 17_412))
    late.expected = {
        job: replace(message, workspace=f"{message.workspace}-workspace")
        for job, message in late.expected.items()
    }
    console.print(result_table(late, COMPLETED, {Channel.SMS: 1000, Channel.EMAIL: 1000}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    assert "…" not in shown
    assert all(
        word in shown
        for word in (
            "acme-workspace",
            "bolt-workspace",
            "retried",
            "1000/s",
            "5.0 ms",
            "30.0 ms",
            "17.41 s",
        )
    )


@given(st.lists(st.integers(0, 5 * SECOND), max_size=40))
def test_the_densest_second_is_that_of_counting_from_each_instant(instants: list[int]) -> None:
    counted = max(
        (sum(at <= other < at + SECOND for other in instants) for at in instants), default=0
    )
    assert densest_second(instants) == counted


@given(st.lists(st.integers(0, 1000), min_size=1).map(sorted), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    ordered: list[int], percent: int
) -> None:
    value = percentile(ordered, percent)
    assert value in ordered
    assert sum(other <= value for other in ordered) * 100 >= len(ordered) * percent
    assert sum(other < value for other in ordered) * 100 < len(ordered) * percent
