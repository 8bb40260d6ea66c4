"""What the documents say of the code, where it can be compared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from queue_services.settings import Settings
from tests.architecture.source import ROOT

DOCUMENTS = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "clients").glob("*/*.md"),
    )
)


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = [
        f"| `{line.name}` | {'' if line.value == 'not set' else f'`{line.value}`'} | {line.about} |"
        for line in Settings().describe()
    ]
    written = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [row for row in rows if row not in written] == []
    assert set(re.findall(r"\bQUEUE_SERVICES_[A-Z_]+[A-Z]\b", written)) <= {
        line.name for line in Settings().describe()
    }


def test_the_reasons_for_every_dependency_are_written_down() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    client = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text(encoding="utf-8"))
    listed = [
        *project["project"]["dependencies"],
        *client["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[<>=;\[ ]", line)[0] for line in listed}
    reasons = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    assert {
        name for name in names if not re.search(rf"\b{re.escape(name)}\b", reasons, re.IGNORECASE)
    } == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_to_a_file_that_is_there(document: Path) -> None:
    links = [
        link.partition("#")[0]
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    ]
    assert [
        link
        for link in links
        if link and "://" not in link and not (document.parent / link).exists()
    ] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_or_a_source_file_that_is_named_is_there(document: Path) -> None:
    written = document.read_text(encoding="utf-8")
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", written):
        found = [folder / path for folder in (ROOT, document.parent) if (folder / path).exists()]
        assert found, path
        assert not name or re.search(rf"def {name}\b", found[0].read_text(encoding="utf-8")), name
    for path in re.findall(
        r"`((?:api|wire|domain|storage|delivery|queue|dispatcher|dashboard|cli|settings|testclock)/[\w/]*\.py)`",
        written,
    ):
        assert (ROOT / "src" / "queue_services" / path).exists(), path
