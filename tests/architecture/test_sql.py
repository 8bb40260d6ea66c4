"""The SQL of both stores: the same statements by name, none of which reads a clock of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE

BACKENDS = ("postgres", "sqlite")
NAME = re.compile(r"^-- name: (\S+)$", re.MULTILINE)
READS_THE_CLOCK = "read_clock"
CLOCKS = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|unixepoch|julianday|strftime|datetime|age)\s*\("
    r"|\b(current_timestamp|current_time|current_date|localtimestamp|localtime)\b|'now'",
    re.IGNORECASE,
)


def files(backend: str) -> list[Path]:
    return sorted((PACKAGE / "storage" / "sql" / backend).rglob("*.sql"))


def statements(backend: str) -> dict[str, str]:
    """The named statements of a backend, comments removed; what is not named (schema,
    migrations) stands under its file's name.
    """
    found: dict[str, str] = {}
    for path in files(backend):
        first, *named = NAME.split(path.read_text(encoding="utf-8"))
        pairs = [(path.name, first), *zip(named[::2], named[1::2], strict=True)]
        found |= {name: re.sub(r"--.*", "", text) for name, text in pairs}
    return found


def test_both_stores_have_the_same_statements_in_the_same_files() -> None:
    assert [path.relative_to(path.parents[1]).parts[1:] for path in files("postgres")] == [
        path.relative_to(path.parents[1]).parts[1:] for path in files("sqlite")
    ]
    assert statements("postgres").keys() == statements("sqlite").keys()
    assert len(statements("sqlite")) > 20


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_statement_reads_a_clock_but_the_one_that_says_so(backend: str) -> None:
    reading = {name for name, text in statements(backend).items() if CLOCKS.search(text)}
    assert reading <= {READS_THE_CLOCK}


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
