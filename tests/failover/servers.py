"""A primary and its standby, with synchronous streaming replication: real servers of the
tests' own, on this machine.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.postgres import Postgres


class Standby(Postgres):
    """A copy of `primary` that follows it until it is promoted."""

    def __init__(self, primary: Postgres, *, binaries: Path | None = None) -> None:
        self._primary = primary
        super().__init__(durable=True, binaries=binaries)

    def promote(self) -> None:
        """Make it the primary; returns when it can be written."""
        self.run_sql("select pg_promote(true, 30)")

    def _make_cluster(self) -> None:
        command = [
            str(self.bin / "pg_basebackup"),
            "-D",
            str(self.folder / "cluster"),
            "-d",
            self._primary.url(),
            "-R",  # a standby that streams from there
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
            cwd=self.folder,
            timeout=60,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(f"pg_basebackup: {done.stderr.strip()}")


class Pair(NamedTuple):
    primary: Postgres
    standby: Standby

    def url(self, database: str) -> str:
        """The URL that follows whichever of the two is the primary."""
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in self)
        return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"

    def make_synchronous(self) -> None:
        """From now on no commit is answered that the standby has not."""
        self.primary.run_sql("alter system set synchronous_standby_names = '*'")
        self.primary.run_sql("select pg_reload_conf()")
        for _ in range(200):
            state = self.primary.run_sql(
                "select sync_state, pg_sleep(0.05) from pg_stat_replication"
                " where state = 'streaming'"
            )
            if state.startswith("sync"):
                return
        raise RuntimeError("the standby does not follow")


@contextlib.contextmanager
def replicating(binaries: Path | None = None) -> Iterator[Pair]:
    """A primary that waits for its standby at every commit."""
    with (
        Postgres(durable=True, binaries=binaries) as primary,
        Standby(primary, binaries=binaries) as standby,
    ):
        pair = Pair(primary, standby)
        pair.make_synchronous()
        yield pair
