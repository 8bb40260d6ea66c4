"""The ways in which real processes are harmed, each an ordeal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import math
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.crashes.ordeal import Figures, Ordeal, ordeal
from tests.crashes.receiver import receiving_apart
from tests.support.postgres import Postgres

ON_SQLITE = ("serve",)
ON_POSTGRES = ("api-1", "api-2", "dispatcher-1", "dispatcher-2")


@contextlib.asynccontextmanager
async def under_load(
    name: str,
    database_url: str,
    *processes: str,
    sock: socket.socket | None = None,
    **settings: Any,
) -> AsyncIterator[Ordeal]:
    """An ordeal with a receiver that takes everything, on a socket of its own or the one
    that is given.
    """
    async with (
        receiving_apart(sock) as receiver,
        ordeal(name, database_url, *processes, receiver=receiver, **settings) as made,
    ):
        await made.more(50)
        yield made


async def kills(database_url: str, times: int) -> Figures:
    """kill -9 of dispatchers and APIs, one at a time and at any moment, each started again."""
    processes = ON_POSTGRES if database_url.startswith("postgresql") else ON_SQLITE
    async with under_load(
        f"kill -9 on {database_url.partition(':')[0]}", database_url, *processes
    ) as made:
        for _ in range(times):
            await made.more(made.rnd.randint(1, 60))
            await made.kill(made.rnd.choice(processes))
        return await made.finish()


async def restarts(server: Postgres, times: int) -> Figures:
    """PostgreSQL stopped as by a power cut, and started again, under load."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(
        1
    ) as operator:  # one thread for all: the server ends with the one that started it
        async with under_load(
            "PostgreSQL in immediate mode", server.url(server.create_database()), *ON_POSTGRES
        ) as made:
            for _ in range(times):
                await made.more(made.rnd.randint(20, 150))
                made.harms += 1
                made.tolerated_twice += 2 * made.settings["concurrency"]
                await loop.run_in_executor(operator, lambda: server.stop(crash=True))
                await made.moment(0.5)
                await loop.run_in_executor(operator, server.start)
            figures = await made.finish()
    server.stop()
    server.start()
    return figures


async def full_disk() -> Figures:
    """The disk of SQLite fills up under load; then somebody makes room."""
    with small_disk(6) as folder:
        async with under_load("a full disk", f"sqlite:///{folder}/queue.db", "serve") as made:
            filler = folder / "filler"
            await asyncio.to_thread(fill, filler)
            made.harms += 1
            made.tolerated_twice += made.settings["concurrency"]
            for _ in range(20):
                await made.moment(0.5)
            assert any("away" in line for line in made.services["serve"].log), (
                "nobody noticed that the disk was full"
            )
            await asyncio.to_thread(grow, folder, 200)
            await asyncio.to_thread(filler.unlink)
            await made.more(100)
            return await made.finish()


async def receiver_cut_off(database_url: str, times: int) -> Figures:
    """The network to the receiver swallows everything for a while: nothing is refused,
    nothing answers.
    """
    with network() as (sock, link):
        async with under_load(
            "a receiver cut off", database_url, *ON_SQLITE, sock=sock, delivery_timeout_seconds=1
        ) as made:
            made.tolerated_over = math.inf  # the network lets go at once what it held
            for _ in range(times):
                await asyncio.to_thread(link, "down")
                made.harms += 1
                made.tolerated_twice += (
                    10 * made.settings["concurrency"]
                )  # POSTs whose answers were lost are tries, made again
                for _ in range(10):
                    await made.moment(0.5)
                await asyncio.to_thread(link, "up")
                await made.more(200)
            return await made.finish()


def fill(file: Path) -> None:
    """Write until nothing goes on the disk any more."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as target:
        while target.write(b"x" * 65536):
            continue


def grow(folder: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", folder], check=True)


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of that size of its own. Raises PermissionError where none may be mounted."""
    with tempfile.TemporaryDirectory(prefix="queue-services-disk-") as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "queue-services", name],
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode:
            raise PermissionError(f"no file system may be mounted here: {mounted.stderr.strip()}")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


@contextlib.contextmanager
def network() -> Iterator[tuple[socket.socket, Callable[[str], object]]]:
    """A socket bound at the far end of a cable, in a network of its own, and what pulls
    ("down") and puts back ("up") that cable.

    Raises PermissionError where no network may be made.
    """
    number = os.getpid() % 250
    name, near, far, address = f"queue-{number}", f"qs{number}a", f"qs{number}b", f"10.213.{number}"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        raise PermissionError(f"no network may be made here: {error.stderr.strip()}") from None
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _ip("addr", "add", f"{address}.1/30", "dev", near)
        _ip("link", "set", near, "up")
        for command in (["addr", "add", f"{address}.2/30", "dev", far], ["link", "set", far, "up"]):
            _ip("-n", name, *command)
        with _bound_inside(name, f"{address}.2") as sock:
            yield sock, lambda way: _ip("-n", name, "link", "set", far, way)
    finally:
        _ip("netns", "del", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _bound_inside(name: str, address: str) -> socket.socket:
    """A socket of another network; it stays there, whoever uses it."""
    made: list[socket.socket] = []

    def bind() -> None:
        with Path(f"/run/netns/{name}").open("rb") as place:
            if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")
        sock = socket.socket()
        sock.bind((address, 0))
        made.append(sock)

    thread = threading.Thread(
        target=bind
    )  # a thread of its own moves into the network and ends there
    thread.start()
    thread.join()
    return made[0]
