"""What the server must grant: a schema of the role's own, or tables that another role has made."""

from __future__ import annotations

import pytest

from queue_services import bootstrap
from queue_services.queue import dispatchers
from queue_services.settings import Settings
from tests.support.postgres import Postgres

pytestmark = pytest.mark.deployments


async def opens(url: str) -> None:
    """A process opens its core on the store, and writes."""
    async with bootstrap.open_core(Settings(database_url=url)) as core:
        await core.database.write(dispatchers.check_writable)


async def test_a_role_that_owns_its_schema_needs_nothing_else(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.run_sql("revoke all on schema public from public", name)
    postgres.run_sql(f"create role own_{name} login", name)
    postgres.run_sql(f"create schema own_{name} authorization own_{name}", name)
    await opens(postgres_url.replace("postgres@", f"own_{name}@"))
    tables = "select count(*) from pg_tables where tablename = 'message' and schemaname = "
    assert postgres.run_sql(f"{tables}'own_{name}'", name) == "1"
    postgres.run_sql(f"drop owned by own_{name}", name)
    postgres.run_sql(f"drop role own_{name}", name)


async def test_a_role_that_may_create_nothing_works_on_tables_that_another_has_made(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    await opens(postgres_url)
    postgres.run_sql("revoke create on schema public from public", name)
    postgres.run_sql(f"create role user_{name} login", name)
    for what, on in (("select, insert, update, delete", "tables"), ("usage", "sequences")):
        postgres.run_sql(f"grant {what} on all {on} in schema public to user_{name}", name)
    await opens(postgres_url.replace("postgres@", f"user_{name}@"))
    postgres.run_sql(f"drop owned by user_{name}", name)
    postgres.run_sql(f"drop role user_{name}", name)
