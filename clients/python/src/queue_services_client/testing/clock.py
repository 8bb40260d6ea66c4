"""The clock of the fake service. It stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""A Monday, in winter, at nine."""


class QueueClock:
    """Shows `moment`, in UTC; only ever moves forward.

    >>> clock = QueueClock()
    >>> clock.move_to(clock.now() + timedelta(hours=1))
    >>> clock.now().isoformat()
    '2026-01-05T10:00:00+00:00'
    """

    def __init__(self, moment: datetime = START) -> None:
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._moment

    def time(self) -> float:
        """Unix seconds, as `time.time`: what `Receiver(clock=...)` wants."""
        return self._moment.timestamp()

    def move_to(self, moment: datetime) -> None:
        self._moment = max(self._moment, moment.astimezone(UTC))

    def sleep(self, seconds: float) -> None:
        """What a client on this clock does instead of waiting."""
        self.move_to(self._moment + timedelta(seconds=seconds))

    async def sleep_awaiting(self, seconds: float) -> None:
        self.sleep(seconds)
