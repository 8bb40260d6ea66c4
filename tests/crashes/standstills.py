"""Dispatchers that stand still (SIGSTOP, as a machine that is paused) while another goes
on, and then go on themselves.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.crashes.harms import under_load
from tests.crashes.ordeal import Figures, Ordeal
from tests.support.postgres import Postgres

PROCESSES = ("api-1", "dispatcher-1", "dispatcher-2")
A_SECOND = 260
"""Arrivals that take longer than a second at 250: no second holds two standstills."""
ALL_IN_FLIGHT = 10
"""Every so many standstills, one is longer than the lease."""


async def past_the_lease(server: Postgres, times: int) -> Figures:
    """A dispatcher that stands still for longer than its lease."""
    with server.database() as url:
        async with under_load("SIGSTOP past the lease", url, *PROCESSES, lease_seconds=1) as made:
            for _ in range(times):
                await _stand_still(made, 400)
                await made.more(50)
            return await made.finish()


async def at_any_moment(server: Postgres, times: int) -> Figures:
    """A dispatcher that is stopped at any moment, mostly for some milliseconds. What it had
    between gate and socket goes out late, and that is all.
    """
    with server.database() as url:
        async with under_load("SIGSTOP at any moment", url, *PROCESSES, lease_seconds=1) as made:
            for number in range(times):
                await _stand_still(
                    made, 400 if number % ALL_IN_FLIGHT == 0 else made.rnd.randint(1, 25)
                )
                await made.more(A_SECOND + made.rnd.randint(0, 25))
            return await made.finish()


async def at_the_worst_moment(server: Postgres, times: int) -> Figures:
    """A dispatcher that stops itself when a gate has opened and nothing is on the wire yet
    (`tests.crashes.standing`), again and again.
    """
    programs = {"dispatcher-1": [sys.executable, "-m", "tests.crashes.standing"]}
    with server.database() as url:
        async with under_load(
            "SIGSTOP between gate and socket", url, *PROCESSES, programs=programs, lease_seconds=1
        ) as made:
            standing = made.services["dispatcher-1"].process
            for number in range(times):
                await made.until(lambda: _stands(standing.pid))
                await _stand_still(
                    made, 400 if number % ALL_IN_FLIGHT == 0 else made.rnd.randint(5, 100)
                )
                await made.more(A_SECOND)
            made.services["dispatcher-1"].process.send_signal(signal.SIGUSR1)
            standing.send_signal(signal.SIGCONT)
            return await made.finish()


async def _stand_still(made: Ordeal, arrivals: int) -> None:
    """Hold the first dispatcher until so many have come from the other. One request may go
    out late: more lie not between a gate and its socket.
    """
    stopped = made.services["dispatcher-1"].process
    stopped.send_signal(signal.SIGSTOP)
    made.harms += 1
    made.tolerated_over = 1
    made.tolerated_twice += made.settings["concurrency"]
    await made.more(arrivals)
    stopped.send_signal(signal.SIGCONT)


def _stands(process: int) -> bool:
    return (
        Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        == "T"
    )
