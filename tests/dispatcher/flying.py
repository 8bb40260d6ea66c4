"""Flights as the pacer and the buffer have them, with a sender that notes what it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from queue_services.dispatcher.flights import Batch, Flight
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.outcome import Answer

LEASE = 30 * SECOND
_numbers = count(1)


@dataclass
class Line:
    """One delivery's way out: `connected` says whether a connection stands."""

    connected: bool = True
    started: int = 0
    abandoned: bool = False

    def start(self) -> bool:
        self.started += self.connected
        return self.connected

    def abandon(self) -> None:
        self.abandoned = True


@dataclass
class Control:
    """Hears what comes of flights."""

    readied: list[Flight] = field(default_factory=list)
    given_back: list[Flight] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def ready(self, flight: Flight) -> None:
        self.readied.append(flight)

    def answered(self, flight: Flight, answer: Answer) -> None:
        self.answers.append(answer)

    def give_back(self, flight: Flight) -> None:
        self.given_back.append(flight)


def flight(
    slot: Instant = 0,
    *,
    now: Instant = 0,
    expires_at: Instant | None = None,
    workspace: str = "acme",
    lane: int = 1,
    claim: int = 1,
    id: str | None = None,  # noqa: A002 - as the message's member is called
    priority: int = 1,
    kept: bool = False,
    limited: bool = False,
    line: Line | None = None,
    control: Control | None = None,
) -> Flight:
    """One claimed SMS with its slot, on a connection that stands."""
    message = ClaimedMessage(
        id=id or f"job-{next(_numbers)}",
        lane=lane,
        workspace=workspace,
        channel=Channel.SMS,
        contact="c",
        campaign=None,
        epoch=0,
        claim=claim,
        number=1,
        tries=0,
        refused_since=None,
        due_at=slot,
        visible_at=slot,
        expires_at=expires_at,
        slot=slot,
        payload="{}",
        priority=priority,
        kept=kept,
        limited=limited,
    )
    return Flight(
        message,
        Batch(workspace, Channel.SMS, 1),
        lease_until=max(slot, now) + 2 * LEASE,
        claimed_at=now,
        control=control or Control(),
        slot=slot,
        outgoing=line or Line(),
    )
