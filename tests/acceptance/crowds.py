"""Many tenants at once, with real processes, measured at a receiver: what each of three
limits lets through, and how soon small workspaces are served.

Called by `test_tenants` and `benchmarks.tenants`. The receiver is a process of its own: it
must not wait for the one that schedules.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.acceptance.counting import Counts, counting
from tests.acceptance.processes import running, schedule, sms
from tests.support.densest import densest

SERVICE_LIMIT = 50
OWN_LIMITS = {"five": 5, "ten": 10}
OPEN = "open"
BIG = "big"
LIMIT_OF_MANY = 1_000
NOTICE = 30
"""How long before they are due messages are scheduled, in seconds: for as long as it takes
to hand them in.
"""


class Shares(msgspec.Struct, frozen=True):
    """What came of three workspaces while all of them had messages due: the densest second
    by workspace and of all, and all a second on average.
    """

    seconds: float
    densest_by_workspace: dict[str, int]
    densest: int
    per_second: float


class Crowd(msgspec.Struct, frozen=True):
    """How soon the first message came, and everyone's, in seconds after all fell due;
    `bound` is what is promised. `densest` is of all that came until then.
    """

    workspaces: int
    first_after: float
    last_after: float
    bound: float
    big_meanwhile: int
    densest: int
    per_second: float


async def three_limits(commands: Sequence[str], database_url: str, seconds: int) -> Shares:
    """Three workspaces with limits 5, 10 and none under the service's SMS limit of 50, all
    with a backlog for longer than is measured.
    """
    async with (
        counting() as counts,
        running(*commands, database_url=database_url, receiver_url=counts.url) as services,
    ):
        for workspace, limit in OWN_LIMITS.items():
            await _call(
                counts,
                "PUT",
                f"{services[0].url}/api/workspaces/{workspace}",
                {"limits": {"sms": limit}},
            )
        messages = [
            sms(i, workspaceId=workspace)
            for workspace, limit in OWN_LIMITS.items()
            for i in range(2 * limit * seconds)
        ]
        messages += [sms(i, workspaceId=OPEN) for i in range(2 * SERVICE_LIMIT * seconds)]
        await _all(services[0].url, messages)
        await counts.until(messages=SERVICE_LIMIT * seconds, within=2 * seconds + 10)
        log = await counts.log()
    by_workspace: defaultdict[str, list[float]] = defaultdict(list)
    for at, workspace in log:
        by_workspace[workspace].append(at)
    times = sorted(at for at, _ in log)
    lasted = times[-1] - times[0]
    return Shares(
        lasted,
        {name: densest(came) for name, came in by_workspace.items()},
        densest(times),
        (len(times) - 1) / lasted,
    )


async def many_beside_one(
    commands: Sequence[str], database_url: str, small: int, big: int
) -> Crowd:
    """`small` workspaces with one message each beside one with `big`, all due at one
    moment, when all of them are in the store.
    """
    settings = {"sms_per_second": LIMIT_OF_MANY}
    async with (
        counting() as counts,
        running(
            *commands, database_url=database_url, receiver_url=counts.url, **settings
        ) as services,
    ):
        due, began = datetime.now(UTC) + timedelta(seconds=NOTICE), time.monotonic() + NOTICE
        at: dict[str, Any] = {"scheduledFor": due.isoformat()}
        await _all(services[0].url, [sms(i, workspaceId=BIG, **at) for i in range(big)])
        await _all(services[0].url, [sms(workspaceId=f"small-{i}", **at) for i in range(small)])
        assert time.monotonic() < began - 1, (
            "scheduling took so long that there is nothing to measure"
        )
        bound = (small + 1) / (0.97 * LIMIT_OF_MANY)
        await counts.until(workspaces=small + 1, within=NOTICE + 4 * bound + 10)
        log = await counts.log()
    last = max(
        next(at for at, workspace in log if workspace == BIG),
        *(at for at, workspace in log if workspace != BIG),
    )
    came = [at for at, _ in log if at <= last]
    meanwhile = sum(workspace == BIG for at, workspace in log if at <= last)
    return Crowd(
        small + 1,
        min(came) - began,
        last - began,
        bound,
        meanwhile,
        densest(came),
        (len(came) - 1) / (last - min(came)),
    )


async def _all(url: str, messages: Sequence[dict[str, Any]], size: int = 10_000) -> None:
    """Schedule any number of messages."""
    for first in range(0, len(messages), size):
        await schedule(url, list(messages[first : first + size]))


async def _call(counts: Counts, method: str, url: str, body: dict[str, Any] | None = None) -> None:
    answer = await counts.client.request(method, url, json=body)
    assert answer.status_code == 200, answer.text
