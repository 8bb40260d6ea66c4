"""PgBouncer before a server of the tests: Debian's package, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MISSING = "needs pgbouncer (apt-get install pgbouncer)"
SESSIONS = {"session": 60, "transaction": 5}
"""In session mode every connection of every process keeps one; in transaction mode they share."""


@contextlib.contextmanager
def pooling(server_port: int, mode: str) -> Iterator[int]:
    """The port of a PgBouncer in `mode` ("session" or "transaction"), with as many sessions of
    the server as `SESSIONS` says.
    """
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="queue-services-bouncer-") as made:
        folder, port = Path(made), _free_port()
        (folder / "users").write_text('"postgres" ""\n')
        (folder / "bouncer.ini").write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={server_port} user=postgres\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\nauth_file = {folder}/users\n"
            f"pool_mode = {mode}\ndefault_pool_size = {SESSIONS[mode]}\nmax_client_conn = 100\nlog_connections = 0\nlog_disconnections = 0\n"
        )
        process = subprocess.Popen(
            [PROGRAM, str(folder / "bouncer.ini")],
            stderr=subprocess.PIPE,
            text=True,
            **_as_nobody(folder),
        )
        try:
            _wait_for(process)
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _as_nobody(folder: Path) -> dict[str, Any]:
    """PgBouncer refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def _wait_for(process: subprocess.Popen[str]) -> None:
    """Read what it says until it has started, and whatever it says afterwards."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "process up" in line:
            threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
            return
    raise RuntimeError(f"pgbouncer did not start: {said}")


def _drain(stream: IO[str]) -> None:
    with stream:
        stream.read()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
