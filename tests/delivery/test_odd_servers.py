"""Every odd server of the table comes to the outcome beside it, once, and the next message
never to an answer that was another's.
"""

from __future__ import annotations

import pytest

from queue_services.domain.outcome import Kind

from .builders import send, sending, sms
from .odd_servers import CASES, Case
from .receiver import Receiver


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_an_odd_answer_has_its_outcome_and_leaves_nothing_behind(case: Case) -> None:
    async with (
        Receiver.start(case.respond()) as receiver,
        sending(receiver.url, delivery_timeout_seconds=0.2) as sender,
    ):
        odd = await send(sender, sms(id="odd"))
        await settle(receiver)
        following = await send(sender, sms(id="next"))
    first, second = [r for r in receiver.requests if r.json["jobId"] in {"odd", "next"}]
    status = "" if odd.status_code is None else f" {odd.status_code}"
    assert f"{odd.kind}{status}" == case.outcome
    assert "\n" not in (odd.error or "")
    assert (first.connection == second.connection) == case.reused
    assert following.kind is Kind.DELIVERED


async def settle(receiver: Receiver) -> None:
    """Let everything that is on its way arrive: whole exchanges of another sender take longer."""
    async with sending(receiver.url) as other:
        for _ in range(3):
            await send(other, sms(id="other"))


def test_the_table_has_each_case_once() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 50
