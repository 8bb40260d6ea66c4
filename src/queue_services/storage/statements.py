"""Reads the named SQL of a backend: every `sql/<backend>/*.sql` holds statements that each
follow a line `-- name: <statement>`.

Called once when a database is opened. Must not build or change SQL, except to join a search
with its filters.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

NAME = re.compile(r"^-- name: (\S+)$", re.MULTILINE)
COMMENT = re.compile(r"^--.*\n", re.MULTILINE)


class Migration(NamedTuple):
    """One numbered step of a schema."""

    number: int
    name: str
    sql: str


@cache
def load(backend: str) -> dict[str, str]:
    """All statements of `backend` ("sqlite" or "postgres") by name; "" where it needs none.
    A name that stands twice is a bug and raises ValueError.
    """
    statements: dict[str, str] = {}
    for path in sorted(
        resources.files(__package__).joinpath("sql", backend).iterdir(),
        key=lambda entry: entry.name,
    ):
        if not path.name.endswith(".sql"):
            continue
        parts = NAME.split(path.read_text(encoding="utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in statements:
                raise ValueError(f"statement {name} stands twice in sql/{backend}")
            statements[name] = COMMENT.sub("", text).strip().rstrip(";").rstrip()
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
    """The numbered migrations of `backend`, in order."""
    folder = resources.files(__package__).joinpath("sql", backend, "migrations")
    named = ((re.fullmatch(r"(\d{4})_(\w+)\.sql", path.name), path) for path in folder.iterdir())
    return sorted(
        Migration(int(match[1]), match[2], path.read_text(encoding="utf-8"))
        for match, path in named
        if match
    )
