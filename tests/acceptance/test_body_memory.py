"""Many large bodies at once: the process holds no more of them than it is told, and what is
small is accepted meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from tests.acceptance.processes import running, sms

CLIENTS = 200
TRIES = 5
MEBIBYTE = 1024 * 1024
HELD_MIB = 64
ROOM_MIB = 250
"""For the process itself (65), for what is made of the bodies, and for connections'
buffers; it had 8 GiB where bodies were not counted together.
"""

LINE = json.dumps(sms(message="x" * 4000, delay=3_600_000)).encode() + b"\n"
PIECE = LINE * 20
PIECES = 31 * MEBIBYTE // len(PIECE)
HEAD = (
    b"POST /api/schedule-batch HTTP/1.1\r\nhost: localhost\r\ncontent-type:"
    b" application/x-ndjson\r\n"
)


async def send_large(address: str, port: int, number: int) -> str:
    """Send a body of 32 MB, every second client without telling its length, for as long as
    no answer has come; the status of the answer.
    """
    reader, writer = await asyncio.open_connection(address, port)
    told = number % 2 == 0
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    try:
        writer.write(
            HEAD
            + (
                b"content-length: %d\r\n\r\n" % (PIECES * len(PIECE))
                if told
                else b"transfer-encoding: chunked\r\n\r\n"
            )
        )
        for _ in range(PIECES):
            if answer.done():
                break
            writer.write(PIECE if told else b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
            await writer.drain()
        if not told:
            writer.write(b"0\r\n\r\n")
        return (await answer).decode()[9:12]
    except OSError:
        return "reset"
    finally:
        answer.cancel()
        writer.close()


async def insist(address: str, port: int, number: int) -> list[str]:
    """Send it again at once where it was refused; the statuses."""
    statuses: list[str] = []
    while len(statuses) < TRIES and "200" not in statuses:
        statuses.append(await send_large(address, port, number))
    return statuses


def peak_mib(process: int) -> float:
    """The most memory that a process has ever had, MiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.long(bounded=True)
@pytest.mark.alone
async def test_two_hundred_large_bodies_at_once_leave_the_process_small_and_let_small_ones_pass(
    tmp_path: Path,
) -> None:
    database = f"sqlite:///{tmp_path}/queue.db"
    async with running(
        "serve", database_url=database, receiver_url="http://127.0.0.1:9", body_memory_mib=HELD_MIB
    ) as [service]:
        before = peak_mib(service.process.pid)
        address, _, port = service.url.removeprefix("http://").partition(":")
        large = asyncio.gather(*(insist(address, int(port), number) for number in range(CLIENTS)))
        took: list[float] = []
        async with httpx2.AsyncClient(base_url=service.url, timeout=60) as client:
            while not large.done():
                began = time.monotonic()
                answer = await client.post("/api/schedule-sms", json=sms(delay=3_600_000))
                assert answer.status_code == 200, answer.text
                took.append(time.monotonic() - began)
        statuses, most = Counter(itertools.chain(*await large)), peak_mib(service.process.pid)
    print(
        f"{dict(statuses)}; {before:.0f} MiB before, {most:.0f} at most; {len(took)} small ones,"
        f" within {sorted(took)[len(took) // 2]:.3f} s, {max(took):.3f} s"
    )
    assert set(statuses) <= {"200", "503", "reset"}
    assert min(statuses["200"], statuses["503"]) > 0
    assert took
    assert most < HELD_MIB + ROOM_MIB
