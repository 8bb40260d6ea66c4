"""The schema as each database tells it, and the snapshots that the migrations must come to.

`python -m tests.storage.schema` writes the snapshots anew after a change that is meant;
their difference is what to review.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from queue_services.storage import open_database
from queue_services.storage.port import Database
from tests.storage.store import select
from tests.support.postgres import Postgres

SNAPSHOTS = Path(__file__).parent / "snapshots"
SQLITE = (
    "select sql || ';' from sqlite_schema where sql is not null and name not in"
    " ('schema_migration', 'sqlite_sequence') order by type desc, name"
)
POSTGRES_COLUMNS = """
select table_name || '.' || column_name || ' ' || data_type || case is_nullable when 'NO' then ' not null' else '' end
    || coalesce(' default ' || column_default, '') || coalesce(' as ' || generation_expression, '')
from information_schema.columns where table_schema = 'public' and table_name <> 'schema_migration' order by table_name, ordinal_position
"""
POSTGRES_INDEXES = (
    "select indexdef from pg_indexes where schemaname = 'public' and tablename <>"
    " 'schema_migration' order by indexname"
)


async def describe(database: Database) -> str:
    """The schema in a form that only a change of it changes."""
    queries = [SQLITE] if database.backend == "sqlite" else [POSTGRES_COLUMNS, POSTGRES_INDEXES]
    rows = [row for query in queries for row in await database.read(select, query)]
    return "".join(f"{text}\n" for (text,) in rows)


def snapshot(backend: str) -> Path:
    return SNAPSHOTS / f"{backend}.txt"


async def _write(url: str) -> None:
    database = open_database(url)
    await database.migrate()
    snapshot(database.backend).write_text(await describe(database), encoding="utf-8")
    await database.close()


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        Postgres() as server,
        server.database() as postgres_url,
    ):
        for store_url in (f"sqlite:///{folder}/queue.db", postgres_url):
            asyncio.run(_write(store_url))
