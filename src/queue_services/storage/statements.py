"""Reads the named SQL of a backend: every file holds statements that each follow a line
`-- name: <statement>`.

`sql/*.sql` holds the statements both backends share, in PostgreSQL's form (`dialect`
translates them for SQLite); `sql/<backend>/*.sql` those that really differ, which both
backends have. Called once when a database is opened. Must not build SQL otherwise, except to
join a search with its filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

from queue_services.storage import dialect

NAME = re.compile(r"^-- name: (\S+)$", re.MULTILINE)
COMMENT = re.compile(r"^--.*\n", re.MULTILINE)


class Migration(NamedTuple):
    """One numbered step of a schema."""

    number: int
    name: str
    sql: str
    source: str | None = None
    """The text of its file; `sql` may be a translation of it."""


@cache
def load(backend: str) -> dict[str, str]:
    """All statements of `backend` ("sqlite" or "postgres") by name; "" where it needs none.
    A name that is defined twice is a bug and raises ValueError.
    """
    statements: dict[str, str] = {}
    for file in _files(backend):
        parts = NAME.split(file.sql)
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name in statements:
                raise ValueError(f"statement {name} is defined twice for {backend}")
            statements[name] = COMMENT.sub("", body).strip().rstrip(";").rstrip()
    return statements


@cache
def returns_rows(sql: str) -> bool:
    """Whether a statement has rows to read, by its own words. Asked at every execution:
    what there are of statements is few, and each is looked into once.
    """
    return sql.lower().startswith(("select", "with")) or " returning " in " ".join(
        sql.lower().split()
    )


def search(
    statements: dict[str, str], name: str, filters: dict[str, object], limit: int, mark: str
) -> tuple[str, list[object]]:
    """Join the statement `name` with its filters: each stands as the statement
    `<name>.<filter>`, with one parameter written as `{}`.

    The filters take the place of `{filters}` in the statement, `limit` that of `{limit}`;
    `mark` is the backend's parameter sign ("$" or "?"). A statement `count_<what>` has the
    filters of `search_<what>`. Returns the text and its parameters in order.
    """
    owner = re.sub("^count_", "search_", name)
    conditions = [
        "and " + statements[f"{owner}.{key}"].replace("{}", f"{mark}{number}")
        for number, key in enumerate(filters, start=1)
    ]
    text = (
        statements[name]
        .replace("{filters}", "\n".join(conditions))
        .replace("{limit}", f"{mark}{len(filters) + 1}")
    )
    return text, [*filters.values(), limit]


def migrations(backend: str) -> list[Migration]:
    """The numbered migrations of `backend`, in order: its own and those in `sql/migrations`,
    which are shared and translated as statements are. A number that is used twice is a bug and
    raises ValueError.
    """
    found: dict[int, Migration] = {}
    for file in _files(backend, "migrations"):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match is None:
            continue
        number = int(match[1])
        if number in found:
            raise ValueError(f"migration {number} is defined twice for {backend}")
        found[number] = Migration(number, match[2], file.sql, file.source)
    return [found[number] for number in sorted(found)]


class _File(NamedTuple):
    """One file of SQL: as its backend runs it, and as it is written."""

    name: str
    sql: str
    source: str


def _files(backend: str, *folder: str) -> Iterator[_File]:
    """The files of SQL in `sql/<folder>`, translated for `backend`, then its own ones in
    `sql/<backend>/<folder>`; a folder that does not exist has none.
    """
    root = resources.files(__package__).joinpath("sql")
    for path in _in(root.joinpath(*folder)):
        source = path.read_text(encoding="utf-8")
        sql = dialect.to_sqlite(source) if backend == "sqlite" else source
        yield _File(path.name, sql, source)
    for path in _in(root.joinpath(backend, *folder)):
        source = path.read_text(encoding="utf-8")
        yield _File(path.name, source, source)


def _in(folder: Traversable) -> list[Traversable]:
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.name.endswith(".sql"))
    return sorted(files, key=lambda path: path.name)
