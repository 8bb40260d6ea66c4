"""The schema: brought up to date once, by whoever comes first, and refused where it is not
what this version knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from queue_services.domain.message import Channel
from queue_services.errors import ConfigurationError
from queue_services.queue import figures
from queue_services.storage import migrate, open_database, statements
from queue_services.storage.port import Row, Tx
from queue_services.storage.statements import Migration
from tests.storage.schema import describe, snapshot
from tests.storage.store import Store
from tests.support.builders import NOW, message


@pytest_asyncio.fixture(loop_scope="session")
async def empty_store(empty_url: str) -> AsyncIterator[Store]:
    """A store without a schema."""
    opened = Store(open_database(empty_url), reopen=lambda: open_database(empty_url))
    yield opened
    await opened.close()
    await opened.database.close()


async def applied(store: Store) -> list[Row]:
    return await store.select("select number, name, checksum from schema_migration order by number")


async def test_the_migrations_make_the_schema_of_the_snapshot(empty_store: Store) -> None:
    await empty_store.database.migrate()
    expected = snapshot(empty_store.backend).read_text(encoding="utf-8")
    assert await describe(empty_store.database) == expected, (
        "if this change is meant: python -m tests.storage.schema"
    )


async def test_both_backends_have_the_same_tables_and_columns(
    tmp_path: Path, postgres_url: str
) -> None:
    tables: list[set[tuple[str, str]]] = []
    for url, query in (
        (
            f"sqlite:///{tmp_path / 'queue.db'}",
            (
                "select t.name, c.name from sqlite_schema t, pragma_table_xinfo(t.name) c where"
                " t.type = 'table'"
            ),
        ),
        (
            postgres_url,
            (
                "select table_name, column_name from information_schema.columns where table_schema"
                " = 'public'"
            ),
        ),
    ):
        store = Store(open_database(url), reopen=lambda: open_database(url))  # noqa: B023
        await store.database.migrate()
        tables.append({(table, column) for table, column in await store.select(query)})
        await store.database.close()
    sqlite, postgres = tables
    change_feed = {
        ("change_seq", "value"),
        ("sqlite_sequence", "name"),
        ("sqlite_sequence", "seq"),
        ("result", "xid"),
    }
    assert (
        sqlite ^ postgres == change_feed
    )  # PostgreSQL has sequences and transaction ids, SQLite one writer


def test_both_backends_have_the_same_statements() -> None:
    assert set(statements.load("sqlite")) == set(statements.load("postgres"))


async def test_migrating_twice_changes_nothing(empty_store: Store) -> None:
    await empty_store.database.migrate()
    await empty_store.insert(message())
    before = await applied(empty_store)
    await empty_store.database.migrate()
    assert await applied(empty_store) == before
    assert len(await empty_store.claim()) == 1


async def test_processes_that_migrate_at_once_apply_each_migration_once(empty_store: Store) -> None:
    await asyncio.gather(*(empty_store.beside().database.migrate() for _ in range(4)))
    assert len(await applied(empty_store)) == len(statements.migrations(empty_store.backend))
    await empty_store.insert(message())
    assert len(await empty_store.claim()) == 1


async def test_a_database_of_a_newer_version_is_refused(empty_store: Store) -> None:
    await empty_store.database.migrate()
    await empty_store.change(
        "insert into schema_migration (number, name, checksum) values (9999, 'future', 'x')"
    )
    with pytest.raises(ConfigurationError, match="9999"):
        await empty_store.database.migrate()


async def test_a_migration_whose_text_has_changed_is_refused(empty_store: Store) -> None:
    await empty_store.database.migrate()
    await empty_store.change("update schema_migration set checksum = 'another' where number = 1")
    with pytest.raises(ConfigurationError, match="migration 1"):
        await empty_store.database.migrate()


async def test_a_later_migration_is_applied_to_what_is_there(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty_store.database.migrate()
    await empty_store.insert(message())
    later = Migration(
        9000,
        "colour",
        "alter table lane add column colour text not null default 'red';\nupdate lane set colour ="
        " 'blue';\n",
    )
    known = statements.migrations(empty_store.backend)
    monkeypatch.setattr(statements, "migrations", lambda _: [*known, later])
    await empty_store.database.migrate()
    assert await empty_store.select("select colour from lane") == [("blue",)]
    assert [row[0] for row in await applied(empty_store)] == [
        *(migration.number for migration in known),
        9000,
    ]


async def test_an_events_url_that_was_set_before_events_were_delivered_has_a_route(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = statements.migrations(empty_store.backend)
    with monkeypatch.context() as before:
        before.setattr(
            statements,
            "migrations",
            lambda _: [migration for migration in known if migration.number < 4],
        )
        await empty_store.database.migrate()
    settings = {
        "on": '{"id":"on","events_url":"https://a.example"}',
        "off": '{"id":"off","events_url":"https://a.example","events_off":true}',
        "none": '{"id":"none"}',
    }
    for name, text in settings.items():
        await empty_store.change(
            f"insert into workspace (id, settings) values ('{name}', '{text}')"
        )
        await empty_store.change(f"insert into lane (workspace, channel) values ('{name}', 'sms')")
    await empty_store.database.migrate()
    assert await empty_store.select(
        "select workspace, enabled from event_route order by workspace"
    ) == [("off", 0), ("on", 1)]
    await empty_store.insert(*(message(name) for name in settings))
    assert {claimed.workspace: claimed.events for claimed in await empty_store.claim()} == {
        "on": True,
        "off": False,
        "none": False,
    }


async def test_a_migration_that_fails_leaves_everything_as_it_was(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty_store.database.migrate()
    before = await describe(empty_store.database)
    broken = Migration(
        9000,
        "broken",
        "alter table lane add column colour text;\ninsert into nowhere values (1);\n",
    )
    known = statements.migrations(empty_store.backend)
    monkeypatch.setattr(statements, "migrations", lambda _: [*known, broken])
    with pytest.raises(Exception, match="nowhere"):
        await empty_store.database.migrate()
    assert await describe(empty_store.database) == before
    assert len(await applied(empty_store)) == len(known)


def test_a_checksum_is_of_the_text_alone() -> None:
    one, renamed, changed = (
        Migration(1, "a", "select 1;"),
        Migration(2, "b", "select 1;"),
        Migration(1, "a", "select 2;"),
    )
    assert migrate.checksum(one) == migrate.checksum(renamed) != migrate.checksum(changed)


async def test_what_a_flow_wrote_before_it_failed_is_undone(empty_store: Store) -> None:
    await empty_store.database.migrate()

    async def failing(tx: Tx) -> None:
        await tx.each("ensure_campaigns", [("acme", "spring")])
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await empty_store.database.write(failing)
    assert await empty_store.select("select count(*) from campaign") == [(0,)]


async def test_reading_cannot_write(empty_store: Store) -> None:
    await empty_store.database.migrate()
    with pytest.raises(Exception, match=r"read-?only|readonly"):
        await empty_store.database.read(
            lambda tx: tx.each("ensure_campaigns", [("acme", "spring")])
        )
    assert await empty_store.select("select count(*) from campaign") == [(0,)]


async def test_figures_go_on_from_what_was_counted_before_there_were_any(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = statements.migrations(empty_store.backend)
    monkeypatch.setattr(
        statements, "migrations", lambda _: [each for each in known if each.number < 3]
    )
    await empty_store.database.migrate()
    for sql in (
        (
            "insert into total (workspace, channel, campaign, delivered, dead, last_at) values"
            " ('acme', 'sms', 0, 5, 1, 7), ('', 'sms', 0, 5, 1, 7)"
        ),
        (
            "insert into tally (workspace, channel, campaign, minute, writer, delivered, last_at)"
            " values ('acme', 'sms', 0, 1, 'w', 2, 90000000)"
        ),
        (
            "insert into exceedance (workspace, channel, at, batch_size, message, kind) values"
            " ('acme', 'sms', 3, 9, 'x', 'service')"
        ),
    ):
        await empty_store.change(sql)
    monkeypatch.setattr(statements, "migrations", lambda _: known)
    await empty_store.database.migrate()
    for _ in range(2):
        for workspace in ("", "acme"):
            shown = (await empty_store.database.read(figures.figures, workspace))[Channel.SMS]
            assert (shown.delivered, shown.dead, shown.exceeded, shown.last_at) == (
                7,
                1,
                1,
                90_000_000,
            )
        await empty_store.fold(NOW)
