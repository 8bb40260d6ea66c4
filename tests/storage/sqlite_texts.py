"""Every statement as SQLite runs it, and the snapshot that they must equal.

`python -m tests.storage.sqlite_texts` writes the snapshot again after a change that is meant;
its difference is what to review.
"""

from __future__ import annotations

from queue_services.storage import statements
from tests.storage.schema import SNAPSHOTS

SNAPSHOT = SNAPSHOTS / "sqlite_statements.sql"


def describe() -> str:
    """The statements by name, in a form that only a change of one changes."""
    texts = sorted(statements.load("sqlite").items())
    return "\n".join(f"-- name: {name}\n{text};\n" for name, text in texts)


if __name__ == "__main__":
    SNAPSHOT.write_text(describe(), encoding="utf-8")
