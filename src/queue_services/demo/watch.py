"""What the demo sees at the receiving end, against what it scheduled: progress while it
runs, figures and faults at its end. Called by `run`; pure.

All instants are microseconds since 1970; the receiver's clock is this machine's, so they
can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.wire.answers import Job


class Arrival(msgspec.Struct, frozen=True):
    """One request as `examples/receiver.py` lists it; `answer` is accepted, failed or repeated."""

    number: int
    job: str
    time: float
    answer: str

    @property
    def at(self) -> Instant:
        return round(self.time * SECOND)


class Arrivals(msgspec.Struct):
    """The receiver's answer to GET /arrivals."""

    arrivals: list[Arrival]


@dataclass(frozen=True)
class Expected:
    """One message that the service accepted."""

    channel: Channel
    workspace: str
    due_at: Instant


@dataclass(frozen=True)
class Progress:
    """Where a channel stands at one instant; `lag` is how long ago the oldest message that
    is due and not there yet fell due.
    """

    scheduled: int
    due: int
    delivered: int
    rate: int
    lag: Instant


@dataclass(frozen=True)
class Figures:
    """What became of the messages of a workspace and channel; lateness is that of the first try."""

    sent: int
    failed: int
    retried: int
    densest: int
    lateness_p50: Instant
    lateness_p99: Instant


@dataclass
class Watch:
    """Collects arrivals; `expected` is by job id."""

    expected: Mapping[str, Expected]
    arrivals: list[Arrival] = field(default_factory=list)

    def add(self, arrivals: Iterable[Arrival]) -> None:
        """Take in what has newly arrived."""
        self.arrivals.extend(arrivals)

    @property
    def accepted(self) -> set[str]:
        """The jobs that the receiver took on."""
        return {arrival.job for arrival in self.arrivals if arrival.answer == "accepted"}

    def complete(self) -> bool:
        """Whether every message has been taken on by the receiver."""
        return self.accepted >= self.expected.keys()

    def progress(self, channel: Channel, now: Instant) -> Progress:
        """Where `channel` stands."""
        accepted = self.accepted
        mine = {
            job: message for job, message in self.expected.items() if message.channel is channel
        }
        due = [job for job, message in mine.items() if message.due_at <= now]
        recent = sum(
            arrival.job in mine and arrival.answer == "accepted" and arrival.at > now - SECOND
            for arrival in self.arrivals
        )
        oldest = min((mine[job].due_at for job in due if job not in accepted), default=now)
        return Progress(len(mine), len(due), len(accepted & mine.keys()), recent, now - oldest)

    def figures(
        self, channel: Channel, workspace: str | None, statuses: Mapping[str, Job]
    ) -> Figures:
        """What became of a channel's messages, of one workspace or of all."""
        mine = {
            job: message
            for job, message in self.expected.items()
            if message.channel is channel and workspace in (None, message.workspace)
        }
        tries = [arrival for arrival in self.arrivals if arrival.job in mine]
        first = {arrival.job: arrival.at for arrival in reversed(tries)}
        lateness = sorted(at - mine[job].due_at for job, at in first.items())
        return Figures(
            sent=sum(arrival.answer == "accepted" for arrival in tries),
            failed=sum(
                job in statuses and statuses[job].status in ("FAILED", "CANCELLED") for job in mine
            ),
            retried=sum(arrival.answer == "failed" for arrival in tries),
            densest=densest_second([arrival.at for arrival in tries]),
            lateness_p50=percentile(lateness, 50),
            lateness_p99=percentile(lateness, 99),
        )

    def faults(self, statuses: Mapping[str, Job]) -> list[str]:
        """What keeps this from being "every message exactly once", a sentence each."""
        answers = Counter(arrival.answer for arrival in self.arrivals)
        missing = len(self.expected.keys() - self.accepted)
        strange = len({arrival.job for arrival in self.arrivals} - self.expected.keys())
        unfinished = Counter(
            statuses[job].status if job in statuses else "unknown" for job in self.expected
        )
        del unfinished["COMPLETED"]
        faults = [f"{missing} messages did not arrive"] if missing else []
        faults += [f"{answers['repeated']} messages arrived again"] if answers["repeated"] else []
        faults += [f"{strange} messages arrived that nobody scheduled"] if strange else []
        return faults + [
            f"the service says {status} of {count} messages"
            for status, count in sorted(unfinished.items())
        ]


def densest_second(instants: Sequence[Instant]) -> int:
    """The most that lie in any window of one second, the window's end left out."""
    ordered = sorted(instants)
    first = most = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= SECOND:
            first += 1
        most = max(most, last - first + 1)
    return most


def percentile(ordered: Sequence[Instant], percent: int) -> Instant:
    """The smallest of the ordered values that `percent` of them do not exceed; 0 for none."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0
