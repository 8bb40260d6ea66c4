"""The one SQL set: how shared statements become SQLite's, and that every installation has all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from queue_services.storage import migrate, statements
from queue_services.storage.dialect import to_sqlite
from tests.architecture.source import ROOT
from tests.storage import sqlite_texts

BUILT_FROM = ("src", "examples", "pyproject.toml", "README.md", "LICENSE")
LEFT_BY_TOOLS = shutil.ignore_patterns("*.egg-info", "__pycache__")
READ_INSTALLED = """
import json
from queue_services.storage import statements
print(statements.__file__)
print(json.dumps([[statements.load(backend), statements.migrations(backend)]
    for backend in ("sqlite", "postgres")]))
"""


@pytest.mark.parametrize(
    ("shared", "sqlite"),
    [
        ("where a = $1 and b < $12 or c = $1", "where a = ?1 and b < ?12 or c = ?1"),
        ("select $1::bigint, sum(x)::bigint as s", "select ?1, sum(x) as s"),
        ("select $1::double precision, b::text[]", "select ?1, b"),
        ("where id = $1 for update;", "where id = ?1;"),
        ("order by id\nfor update skip locked", "order by id"),
        ("(select id from t limit 1 for update skip locked)", "(select id from t limit 1)"),
        ("select 1 from t for share", "select 1 from t"),
        ("from t r for no key update of r skip locked", "from t r"),
        ("a = any($2)", "a in (select value from json_each(?2))"),
        ("not a = any($3::text[])", "not a in (select value from json_each(?3))"),
        ("a = any({})", "a in (select value from json_each({}))"),
        ("least(a, greatest(b, $1))", "min(a, max(b, ?1))"),
    ],
)
def test_shared_sql_is_translated_for_sqlite_in_five_ways(shared: str, sqlite: str) -> None:
    assert to_sqlite(shared) == sqlite


@pytest.mark.parametrize(
    "text",
    [
        "select 'costs $1, it''s least() for update', 1",
        'select "a::text" from t',
        "-- the sender's $1::text, for share\nselect 1",
        "select /* least($1)\n= any($2) */ 1",
        "on conflict (id) do update set a = 1",
        "select at_least, greatest_of from foreseen",
    ],
)
def test_literals_comments_and_everything_else_stay_as_they_are(text: str) -> None:
    assert to_sqlite(text) == text


def test_every_statement_has_the_sqlite_text_of_the_snapshot() -> None:
    assert sqlite_texts.describe() == sqlite_texts.SNAPSHOT.read_text(encoding="utf-8")


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def unread() -> None:
    """Forget what was loaded of a folder that another test wrote."""
    statements.load.cache_clear()


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("again", ["b.sql", "postgres/a.sql"])
def test_a_statement_that_is_defined_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, again: str
) -> None:
    folder = written(tmp_path, dict.fromkeys(("a.sql", again), "-- name: same\nselect 1;\n"))
    monkeypatch.setattr("importlib.resources.files", lambda _: folder)
    with pytest.raises(ValueError, match="same"):
        statements.load("postgres")


def test_a_new_migration_is_written_once_or_for_each_backend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = written(
        tmp_path,
        {
            "sqlite/migrations/0001_first.sql": "create table a (id integer primary key);",
            "postgres/migrations/0001_first.sql": "create table a (id bigserial primary key);",
            "migrations/0002_second.sql": "update a set b = 0::bigint;",
        },
    )
    monkeypatch.setattr("importlib.resources.files", lambda _: folder)
    sqlite, postgres = (statements.migrations(name) for name in ("sqlite", "postgres"))
    assert [(each.number, each.name) for each in sqlite] == [(1, "first"), (2, "second")]
    assert [(each.number, each.name) for each in postgres] == [(1, "first"), (2, "second")]
    assert sqlite[1].sql == "update a set b = 0;"
    assert postgres[1].sql == "update a set b = 0::bigint;"
    assert sqlite[0].sql != postgres[0].sql
    # what is kept of a shared one outlives a change of the translation
    assert migrate.checksum(sqlite[1]) == migrate.checksum(postgres[1])


def test_a_migration_number_that_is_used_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = written(
        tmp_path,
        dict.fromkeys(("migrations/0001_a.sql", "sqlite/migrations/0001_b.sql"), "select 1;"),
    )
    monkeypatch.setattr("importlib.resources.files", lambda _: folder)
    with pytest.raises(ValueError, match="migration 1"):
        statements.migrations("sqlite")


def test_a_built_wheel_holds_every_statement_and_migration(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=LEFT_BY_TOOLS)
        else:
            shutil.copy(ROOT / name, checkout / name)
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    subprocess.run([sys.executable, "-c", build], cwd=checkout, check=True, capture_output=True)
    installed = tmp_path / "installed"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    output = subprocess.run(
        [sys.executable, "-c", READ_INSTALLED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    place, found = output.splitlines()
    assert Path(place).is_relative_to(installed)
    assert json.loads(found) == json.loads(
        json.dumps(
            [
                [statements.load(backend), statements.migrations(backend)]
                for backend in ("sqlite", "postgres")
            ]
        )
    )
