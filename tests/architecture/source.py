"""The source as the architecture tests read it: parsed, never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "queue_services"
CLIENT = ROOT / "clients" / "python" / "src" / "queue_services_client"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """One Python file; `name` is dotted, without the package's own (`storage.sqlite`,
    `errors`; empty for the package itself).
    """

    name: str
    path: Path
    tree: ast.Module

    @property
    def part(self) -> str:
        """The first word of the name: the part of the service it belongs to."""
        return self.name.partition(".")[0]

    def at(self, node: ast.expr | ast.stmt) -> str:
        return f"{self.path.relative_to(ROOT)}:{node.lineno}"

    def imports(self) -> Iterator[tuple[str, ast.stmt]]:
        """The full dotted names it imports, inside functions too; a relative import is made
        absolute.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = [*self._package()[: -node.level + 1 or None]] if node.level else []
                origin = ".".join([*base, *([node.module] if node.module else [])])
                yield from ((f"{origin}.{alias.name}", node) for alias in node.names)

    def _package(self) -> list[str]:
        names = ["queue_services", *(self.name.split(".") if self.name else [])]
        return names if self.path.name == "__init__.py" else names[:-1]

    def docstrings(self) -> set[int]:
        """The ids of the nodes that are docstrings."""
        owners = [
            node for node in ast.walk(self.tree) if isinstance(node, DOCUMENTED) and node.body
        ]
        return {id(owner.body[0].value) for owner in owners if isinstance(owner.body[0], ast.Expr)}


@cache
def modules(folder: Path = PACKAGE) -> tuple[Module, ...]:
    """Every module under `folder`."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = [
            part for part in path.relative_to(folder).with_suffix("").parts if part != "__init__"
        ]
        found.append(Module(".".join(parts), path, ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


def service() -> Iterator[Module]:
    """The modules of the service: all but the former name of the client package."""
    return (module for module in modules() if module.part != "client")


def both() -> tuple[Module, ...]:
    """The modules of the service and of the client package."""
    return modules() + modules(CLIENT)


def dotted(node: ast.AST) -> str:
    """`a.b.c` for that expression, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""
