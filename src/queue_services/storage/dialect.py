"""Translates the shared SQL, which is written in PostgreSQL's form, into SQLite's.

Called by `statements` when a backend's SQL is loaded. It knows exactly the five differences
below; a statement that differs in anything else has a text of its own for each backend.
"""

from __future__ import annotations

import re

KEPT = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/)""", re.DOTALL)
"""String literals, quoted identifiers and comments: nothing inside them is translated."""

TRANSLATIONS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # A cast tells PostgreSQL the type of a parameter, or keeps a sum a bigint; SQLite needs
        # neither. One that changes a value (`avg(x)::bigint`) must not be in shared SQL.
        (r"::(?:double precision|\w+)(?:\[\])?", ""),
        # SQLite has one writer, whose transaction locks the whole file.
        (
            r"\s+for\s+(?:no\s+key\s+)?(?:update|share)(?:\s+of\s+\w+)?(?:\s+skip\s+locked)?\b",
            "",
        ),
        # A list is bound as JSON. `{}` is the parameter of a search filter.
        (r"=\s*any\s*\((\$\d+|\{\})\)", r"in (select value from json_each(\1))"),
        # PostgreSQL's skip NULL and SQLite's return it: coalesce what may be NULL.
        (r"\bleast(?=\s*\()", "min"),
        (r"\bgreatest(?=\s*\()", "max"),
        (r"\$(\d+)", r"?\1"),
    )
]
"""In the order they are applied: without its cast, `any` has a bare parameter."""


def to_sqlite(sql: str) -> str:
    """`sql` in SQLite's form; line breaks and everything not translated stay as they are."""
    return "".join(part if KEPT.fullmatch(part) else _translate(part) for part in KEPT.split(sql))


def _translate(sql: str) -> str:
    for pattern, replacement in TRANSLATIONS:
        sql = pattern.sub(replacement, sql)
    return sql
