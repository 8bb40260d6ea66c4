"""What an application must be able to do for the people it writes to: forget one. Used by
the API and the CLI.
"""

from __future__ import annotations

from queue_services.clock import Clock
from queue_services.queue import privacy
from queue_services.queue.privacy import Erased
from queue_services.storage.port import Database

__all__ = ["Contacts", "Erased"]


class Contacts:
    """The contact calls of one process; `writer` names it in the tallies."""

    def __init__(self, database: Database, clock: Clock, writer: str) -> None:
        self._database, self._clock, self._writer = database, clock, writer

    async def erase(self, workspace: str, contact: str) -> Erased:
        """Take a contact's recipient, content, metadata and errors from every job that exists;
        jobs, states and counts stay.
        """
        jobs = cancelled = in_flight = 0
        while (
            bite := await self._database.write(
                privacy.erase, workspace, contact, self._clock.now(), self._writer
            )
        ).jobs:
            jobs, cancelled, in_flight = (
                jobs + bite.jobs,
                cancelled + bite.cancelled,
                in_flight + bite.in_flight,
            )
        return Erased(jobs, cancelled, in_flight)
