"""The files of the folder deploy/, as the programs that use them read them."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

from tests.architecture.source import ROOT

KIT = ROOT / "deploy"
DASHBOARD = KIT / "grafana" / "queue-services.json"
PROGRAM = "/opt/queue-services/bin/queue-services"


def documents(file: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return list(importlib.import_module("yaml").safe_load_all(file.read_text(encoding="utf-8")))


def queries() -> list[str]:
    """The PromQL of the dashboard's panels, and what its variables list."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    variables = [v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query"]
    return panels + variables


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    (file,) = documents(KIT / "prometheus" / "rules.yaml")
    return [rule for group in file["groups"] for rule in group["rules"]]


def kubernetes(kind: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of a kind."""
    files = (KIT / "kubernetes").glob("*.yaml")
    return [it for file in files for it in documents(file) if it.get("kind") == kind]


def container_of(workload: dict[str, Any]) -> dict[str, Any]:
    """The one container of a Deployment or Job."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def container_file() -> dict[str, str]:
    """The last stage of the container file: each instruction's last argument."""
    text = (KIT / "container" / "Containerfile").read_text(encoding="utf-8")
    last = re.split(r"^FROM ", text.replace("\\\n", " "), flags=re.MULTILINE)[-1]
    return dict(re.findall(r"^([A-Z]+) +(.+)$", last, re.MULTILINE))


def commands() -> dict[str, list[str]]:
    """Every command of the service that the kit starts, by what starts it."""
    found = {
        f"{kind} {it['metadata']['name']}": list(container_of(it)["args"])
        for kind in ("Deployment", "Job")
        for it in kubernetes(kind)
    }
    found["Containerfile"] = json.loads(container_file()["CMD"])
    (compose,) = documents(KIT / "compose" / "compose.yaml")
    found["Compose"] = compose["services"]["queue-services"]["command"]
    units = KIT / "systemd"
    for file in (units / "queue-services.service", *sorted(units.glob("*.d/*.conf"))):
        for line in re.findall(r"^ExecStart=(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE):
            program, *words = line.split()
            assert program == PROGRAM
            name = str(file.relative_to(KIT))
            found[name] = ["queue-services", *words]
    return found
