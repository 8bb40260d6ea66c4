"""The SQL of both stores: one set of statements, none of which reads a clock of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from queue_services.storage.dialect import to_sqlite
from tests.architecture.source import PACKAGE, modules

SQL = PACKAGE / "storage" / "sql"
BACKENDS = ("postgres", "sqlite")
NAME = re.compile(r"^-- name: (\S+)$", re.MULTILINE)
READS_THE_CLOCK = "read_clock"
CLOCKS = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|unixepoch|julianday|strftime|datetime|age)\s*\("
    r"|\b(current_timestamp|current_time|current_date|localtimestamp|localtime)\b|'now'",
    re.IGNORECASE,
)


def statements(files: list[Path]) -> dict[str, str]:
    """The named statements of `files`, comments removed; what is not named (schema,
    migrations) is found under its file's name.
    """
    found: dict[str, str] = {}
    for path in files:
        first, *named = NAME.split(path.read_text(encoding="utf-8"))
        pairs = [(path.name, first), *zip(named[::2], named[1::2], strict=True)]
        found |= {name: re.sub(r"--.*", "", text) for name, text in pairs}
    return found


def of(folder: str) -> dict[str, str]:
    """The statements in a folder of `sql/`, without those of the folders in it."""
    texts = statements(sorted((SQL / folder).glob("*.sql")))
    return {name: text for name, text in texts.items() if not name.endswith(".sql")}


def test_what_differs_is_written_for_both_stores_in_the_same_files() -> None:
    files = [sorted(path.name for path in (SQL / backend).glob("*.sql")) for backend in BACKENDS]
    assert files[0] == files[1]
    for name in files[0]:
        postgres, sqlite = (list(statements([SQL / each / name])) for each in BACKENDS)
        assert postgres == sqlite, name


def test_a_statement_that_the_loader_can_translate_is_written_once() -> None:
    def code(sql: str) -> str:
        sql = re.sub(r"\bnot ([\w.]+) in \(", r"\1 not in (", sql)
        return re.sub(r"[\s;]+", "", sql)

    postgres, sqlite = (of(backend) for backend in BACKENDS)
    equal = [name for name, sql in postgres.items() if code(to_sqlite(sql)) == code(sqlite[name])]
    assert equal == []


def test_what_is_shared_is_most_and_is_written_nowhere_else() -> None:
    shared, differing = of("."), of("sqlite")
    assert shared.keys() & differing.keys() == set()
    assert len(shared) > 1.5 * len(differing)


def test_every_statement_is_used() -> None:
    source = "".join(module.path.read_text(encoding="utf-8") for module in modules())
    named = {name.partition(".")[0] for name in (*of("."), *of("sqlite"))}
    # the lists of jobs are read by `search_{kind}` and counted by `count_{kind}`
    spelled = {name: (name, re.sub("^(search|count)_", "", name)) for name in named}
    unused = [
        name for name, words in spelled.items() if not any(f'"{word}"' in source for word in words)
    ]
    assert unused == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_migrations_are_numbered_without_a_gap_over_both_folders(backend: str) -> None:
    numbers = [
        int(path.name[:4])
        for folder in (SQL, SQL / backend)
        for path in (folder / "migrations").glob("*.sql")
    ]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_statement_reads_a_clock_but_the_one_that_says_so(backend: str) -> None:
    shared = [*SQL.glob("*.sql"), *(SQL / "migrations").glob("*.sql")]
    found = statements([*shared, *(SQL / backend).rglob("*.sql")])
    assert len(found) > 200
    assert {name for name, text in found.items() if CLOCKS.search(text)} <= {READS_THE_CLOCK}


def test_the_rule_sees_a_clock() -> None:
    assert all(
        CLOCKS.search(text)
        for text in (
            "select NOW()",
            "due_at < unixepoch('subsec')",
            "default current_timestamp",
            "datetime('now')",
        )
    )
    assert not CLOCKS.search("select due_at, known from pending where knowledge = $1")
