"""A store that answers and refuses: one line says what to do, and no traceback, whatever the
command.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.processes import COMMAND
from tests.crashes.harms import fill, small_disk
from tests.support.postgres import Postgres

pytestmark = pytest.mark.deployments


@pytest.fixture(scope="module")
def guarded() -> Iterator[Postgres]:
    """A server that asks `locked` for a password, and where `guest` may create nothing."""
    with Postgres() as server:
        server.run_sql("create role locked login password 'right'")
        server.run_sql("create role guest login")
        server.run_sql("revoke create on schema public from public", "template1")
        rules = server.folder / "cluster" / "pg_hba.conf"
        asked = "host all locked 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(asked + rules.read_text())
        server.run_sql("select pg_reload_conf()")
        yield server


def said(command: str, url: str) -> tuple[int, str]:
    """The exit code of a command, and everything it said."""
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "QUEUE_SERVICES_DATABASE_URL": url,
    }
    done = subprocess.run(
        [COMMAND, command], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["migrate", "serve", "dispatcher", "api"])
@pytest.mark.parametrize(
    ("user", "database", "advice"),
    [
        ("locked:wrong", "", "Check the user and the password"),
        ("postgres", "nowhere", "Create the database"),
        ("guest", "", "Let the role own"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    guarded: Postgres, command: str, user: str, database: str, advice: str
) -> None:
    with guarded.database() as url:
        name = database or url.rpartition("/")[2]
        code, output = said(command, f"postgresql://{user}@127.0.0.1:{guarded.port}/{name}")
    assert code == 1
    assert output.count("\n") == 1, output
    assert output.startswith("The store refuses (PostgreSQL: ")
    assert advice in output
    assert "try again in" not in output
    assert "wrong" not in output.replace("authentication", "")


def test_a_full_disk_is_one_line_that_says_what_to_do() -> None:
    try:
        with small_disk(1) as folder:
            fill(Path(folder) / "filler")
            code, output = said("migrate", f"sqlite:///{folder}/queue.db")
    except PermissionError as error:
        pytest.skip(str(error))
    assert code == 1
    assert output.count("\n") == 1, output
    assert "Make room on the disk" in output
