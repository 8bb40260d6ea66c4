"""Rules about every file of the source: each keeps one thing in one place."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import (
    CLIENT,
    DOCUMENTED,
    PACKAGE,
    ROOT,
    Module,
    both,
    dotted,
    modules,
    service,
)

LONGEST_FILE = 400
TO_BE_DIVIDED = {"src/queue_services/queue/settling.py": 445}
CAMEL_CASE = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")
WIRE = ("wire",)
OTHER_VOCABULARIES = ("api.openapi",)  # OpenAPI's and JSON Schema's own keywords
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}


def inside(module: Module, names: tuple[str, ...]) -> bool:
    return any(
        module.name == name or module.name.startswith((name + ".", name + "_")) for name in names
    )


def test_no_file_is_longer_than_a_sitting() -> None:
    lengths = {
        path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n")
        for folder in (ROOT / "src", CLIENT)
        for path in folder.rglob("*")
        if path.suffix in (".py", ".sql", ".mjs", ".html")
    }
    assert {
        str(path): length
        for path, length in lengths.items()
        if length > TO_BE_DIVIDED.get(str(path), LONGEST_FILE)
    } == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(module.path) for module in both() if module.path.stem in VAGUE] == []


def test_everything_public_says_what_it_does() -> None:
    silent = [
        f"{module.at(node) if isinstance(node, ast.stmt) else module.path}:"
        f" {getattr(node, 'name', 'module')}"
        for module in both()
        for node in (module.tree, *module.tree.body)
        if isinstance(node, DOCUMENTED)
        and not getattr(node, "name", "").startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def camel_case(module: Module) -> Iterator[str]:
    """The camelCase names a module defines and the camelCase strings it holds."""
    documentation = module.docstrings()
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=str(name)) if id(node) not in documentation:
                pass
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.arg(arg=name)
            ):
                pass
            case _:
                continue
        if CAMEL_CASE.fullmatch(name):
            yield f"{module.path.relative_to(ROOT)}:{node.lineno}: {name}"


def test_names_of_the_wire_stay_in_wire() -> None:
    assert [
        found
        for module in both()
        if not inside(module, WIRE + OTHER_VOCABULARIES)
        for found in camel_case(module)
    ] == []


def environment(module: Module) -> Iterator[str]:
    """Where a module reads the environment."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and dotted(node) in (
            "os.environ",
            "os.getenv",
            "os.environb",
        ):
            yield module.at(node)
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {alias.name for alias in node.names} & {"environ", "getenv"}
        ):
            yield module.at(node)


def test_the_environment_is_read_in_settings_alone() -> None:
    assert [
        place for module in both() if module.name != "settings" for place in environment(module)
    ] == []


def test_the_clock_is_read_in_clock_alone() -> None:
    clocks = re.compile(
        r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|monotonic|monotonic_ns|localtime|gmtime)"
    )
    read = [
        module.at(node)
        for module in service()
        if module.name != "clock"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and clocks.fullmatch(dotted(node))
    ]
    assert read == []


def on_virtual_time(module: Module) -> bool:
    """Whether its event loop's time is virtual: a sleep there costs nothing, it is how a
    test lets time pass.
    """
    return any(
        name.startswith(("tests.support.virtual.", "tests.dispatcher.world.", "tests.simulation."))
        for name, _ in module.imports()
    )


def sleeps(module: Module) -> Iterator[str]:
    """Where a module waits for time to pass; `asyncio.sleep(0)` only lets other tasks run."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (
            dotted(node.func) == "time.sleep"
            or (dotted(node.func) == "asyncio.sleep" and not on_virtual_time(module))
        ):
            yields = (
                dotted(node.func) == "asyncio.sleep"
                and isinstance(node.args[0], ast.Constant)
                and node.args[0].value == 0
            )
            if not yields:
                yield module.at(node)


def test_no_test_sleeps() -> None:
    assert [place for module in modules(ROOT / "tests") for place in sleeps(module)] == []


def kept() -> Iterator[Path]:
    """The text files of the project: what a checkout holds, less what tools leave there."""
    left_out = re.compile(
        r"\.git|\.venv|build|dist|node_modules|__pycache__|\.hypothesis|.*_cache|.*\.egg-info"
    )
    suffixes = {
        ".py",
        ".md",
        ".toml",
        ".lock",
        ".sql",
        ".json",
        ".txt",
        ".html",
        ".mjs",
        ".css",
        ".csv",
        "",
    }
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not left_out.fullmatch(name)]
        yield from (
            path
            for path in (Path(folder, name) for name in files if not left_out.fullmatch(name))
            if path.suffix in suffixes
        )


def test_no_file_names_the_host_of_a_registry() -> None:
    hosts = [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("debian", "org"),
        ("crates", "io"),
        ("docker", "io"),
        ("ghcr", "io"),
    ]
    named = re.compile("|".join(rf"\b{name}\.{domain}\b" for name, domain in hosts))
    found = [
        str(path.relative_to(ROOT))
        for path in kept()
        if named.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_no_file_refers_to_a_document_that_is_not_here() -> None:
    elsewhere = re.compile(r"\b(?:" + "|".join(["CON" + "TRACT", "DES" + "IGN"]) + r")\b")
    ours = (path for path in kept() if path.suffix in {".py", ".md", ".sql"})
    assert [
        str(path.relative_to(ROOT))
        for path in ours
        if elsewhere.search(path.read_text(encoding="utf-8", errors="replace"))
    ] == []


def test_the_lock_holds_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_rules_see_what_they_forbid() -> None:
    tree = ast.parse(
        'import os\ndef sendNow(x):\n    "a docstring"\n    return {"workspaceId":'
        ' os.environ["HOME"], "x": x}'
    )
    bad = Module("storage.bad", PACKAGE / "storage" / "bad.py", tree)
    assert [found.rpartition(" ")[2] for found in camel_case(bad)] == ["sendNow", "workspaceId"]
    assert len(list(environment(bad))) == 1
    asleep = ast.parse(
        "async def test_x():\n    await asyncio.sleep(0)\n    await asyncio.sleep(1)\n   "
        " time.sleep(0)"
    )
    assert sorted(
        place.rpartition(":")[2] for place in sleeps(Module("test_x", PACKAGE / "x.py", asleep))
    ) == ["3", "4"]
