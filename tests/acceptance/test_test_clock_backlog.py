"""The test clock passes a backlog: what falls due at once is delivered at the limit's pace in
virtual time, and the call that moves the clock answers.
"""

from __future__ import annotations

from pathlib import Path

import httpx2

from tests.acceptance.processes import Arrivals, receiving, running, schedule, sms


async def test_two_hundred_messages_of_one_instant_are_delivered_before_the_clock_has_moved_on(
    tmp_path: Path,
) -> None:
    arrivals = Arrivals()
    async with (
        receiving(arrivals) as receiver,
        running(
            "serve",
            database_url=f"sqlite:///{tmp_path}/queue.db",
            receiver_url=receiver.url,
            test_clock="true",
        ) as [service],
        httpx2.AsyncClient(base_url=service.url, timeout=20) as client,
    ):
        await schedule(service.url, [sms(number, delay=60_000) for number in range(200)])
        answer = await client.post("/api/test-clock/advance", json={"delay": 70_000})
        assert answer.status_code == 200, answer.text
        assert len(arrivals.seen) == 200
