"""The client package stands alone: what it imports, and what it does without."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import queue_services_client as client

PACKAGE = Path(client.__file__).parent
ALLOWED = {"queue_services_client", "httpx2", "msgspec", "tzdata"}
OPTIONAL = {"jinja2", "pytest", "sqlalchemy", "starlette", "fastapi", "flask", "django"}
FILES = sorted(PACKAGE.rglob("*.py"))
IMPORT_WITHOUT = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import queue_services_client as client
for name in client.__all__:
    getattr(client, name)
"""


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_it_imports_nothing_else_of_this_project(file: Path) -> None:
    assert [name for name in imported(file) if name.partition(".")[0] == "queue_services"] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_it_depends_on_httpx2_and_msgspec_alone_and_on_others_only_where_they_are_the_subject(
    file: Path,
) -> None:
    roots = (
        {name.partition(".")[0] for name in imported(file)}
        - set(sys.stdlib_module_names)
        - {"__future__"}
    )
    assert roots <= ALLOWED | OPTIONAL


def test_every_name_of_the_package_is_there_without_any_optional_dependency() -> None:
    script = IMPORT_WITHOUT.format(blocked=sorted(OPTIONAL))
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_the_receiver_and_the_pytest_plugin_need_no_http_client() -> None:
    script = (
        "import sys; sys.modules['httpx2'] = None; import queue_services_client.receiver,"
        " queue_services_client.pytest_plugin"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_each_name_is_where_the_package_says() -> None:
    for name, module in client._MODULE_OF.items():
        home = importlib.import_module(f"queue_services_client.{module}")
        assert getattr(client, name) is getattr(home, name)
    assert sorted(client._MODULE_OF) == sorted(client.__all__)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = client.Nonsense
