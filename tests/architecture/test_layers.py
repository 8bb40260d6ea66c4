"""Imports go downward only, and siblings in a layer do not know each other: what makes each
part readable and testable by itself.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

from tests.architecture.source import CLIENT, PACKAGE, ROOT, Module, modules, service

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "clock", "settings", "log", "redaction"}),
    frozenset({"domain", "wire"}),
    frozenset({"storage", "delivery"}),
    frozenset({"queue"}),
    frozenset({"testclock", "web"}),
    frozenset({"dispatcher", "api", "dashboard"}),
    frozenset({"__main__", "bootstrap", "cli", "demo"}),
)
GROUND, TOP = 0, len(LAYERS) - 1
KNOWS_ITS_SIBLING = {("wire", "domain")}  # what is on the wire is made of the domain's words
DISTRIBUTIONS = {
    "email_validator": "email-validator",
    "prometheus_client": "prometheus-client",
    "opentelemetry": "opentelemetry-api",
}
CLIENT_EXTRAS = ("django", "flask", "jinja2", "sqlalchemy", "starlette")


def layer(part: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def breach(module: Module, imported: str) -> str | None:
    """What is wrong with `module` importing `imported` (a part of the service), if anything."""
    if imported == module.part:
        return None
    if imported == "client":
        return "the service does not import the client"
    here, there = layer(module.part), layer(imported)
    if there > here:
        return f"{module.part} (layer {here}) imports upward from {imported} (layer {there})"
    if (
        there == here
        and here not in (GROUND, TOP)
        and (module.part, imported) not in KNOWS_ITS_SIBLING
    ):
        return f"{module.part} imports its sibling {imported}"
    return None


def own(module: Module) -> list[tuple[str, ast.stmt]]:
    """The parts of this project that a module imports."""
    parts = [
        (name.split("."), node)
        for name, node in module.imports()
        if name.split(".")[0] == "queue_services"
    ]
    return [
        (names[1], node) for names, node in parts if len(names) > 1 and names[1] != "__version__"
    ]


def test_every_part_of_the_service_has_its_layer() -> None:
    placed = frozenset().union(*LAYERS)
    assert {module.part for module in service() if module.part} - placed == set()


def test_imports_go_downward_and_never_sideways() -> None:
    breaches = [
        f"{module.at(node)}: {wrong}"
        for module in service()
        if module.part
        for part, node in own(module)
        if (wrong := breach(module, part))
    ]
    assert breaches == []


def test_the_client_stands_alone() -> None:
    foreign = [
        f"{module.at(node)}: imports {name}"
        for module in modules(CLIENT)
        for name, node in module.imports()
        if name.split(".")[0] == "queue_services"
    ]
    assert foreign == []


def test_the_service_does_not_use_the_client() -> None:
    uses = [
        f"{module.at(node)}: imports {name}"
        for module in service()
        for name, node in module.imports()
        if name.split(".")[0] == "queue_services_client"
    ]
    assert uses == []


def test_the_rule_sees_a_breach() -> None:
    upward = Module(
        "storage.sqlite",
        PACKAGE / "storage" / "sqlite.py",
        ast.parse(
            "def f():\n    from ..api import app\n    from queue_services.delivery.sender import"
            " Sender"
        ),
    )
    parts = [part for part, _ in own(upward)]
    assert parts == ["api", "delivery"]
    assert all(breach(upward, part) for part in parts)
    assert breach(upward, "domain") is None


def test_pure_rules_import_no_library_that_does_input_or_output() -> None:
    allowed = {
        "__future__",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "math",
        "operator",
        "os",
        "random",
        "re",
    }
    allowed |= {
        "string",
        "types",
        "typing",
        "unicodedata",
        "urllib",
        "zoneinfo",
        "ipaddress",
        "email",
        "msgspec",
        "queue_services",
        "copy",
        "statistics",
    }
    found = {
        f"{module.at(node)}: {name}"
        for module in modules()
        if module.part == "domain"
        for name, node in module.imports()
        if name.split(".")[0] not in allowed
    }
    assert found == set()


def declared(project: Path, *extras: str) -> set[str]:
    """The distributions that a pyproject.toml names, those of `extras` among them."""
    described = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    lines = list(described["dependencies"])
    for extra in extras:
        lines += described["optional-dependencies"][extra]
    return {re.split(r"[<>=;\[ ]", line)[0] for line in lines}


def undeclared(used: tuple[Module, ...], known: set[str], own_names: set[str]) -> set[str]:
    """The imports of `used` that no distribution of `known` brings."""
    return {
        f"{module.at(node)}: {top}"
        for module in used
        for name, node in module.imports()
        if (top := name.split(".")[0]) not in own_names and top not in sys.stdlib_module_names
        if DISTRIBUTIONS.get(top, top) not in known
    }


def test_what_is_imported_is_declared() -> None:
    known = declared(ROOT / "pyproject.toml", "tracing")
    assert undeclared(modules(), known, {"queue_services", "queue_services_client"}) == set()


def test_what_the_client_imports_is_declared_there_or_given_by_its_user() -> None:
    known = declared(CLIENT.parents[1] / "pyproject.toml", *CLIENT_EXTRAS) | {"pytest"}
    assert undeclared(modules(CLIENT), known, {"queue_services_client"}) == set()
