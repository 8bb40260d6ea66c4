"""What the files of the deployment kit say of the service is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from queue_services.api import prometheus
from queue_services.cli.init import TEMPLATES
from queue_services.domain.message import Channel
from queue_services.queue.exposition import Exposition, Totals
from queue_services.queue.tallies import HistogramKind
from queue_services.settings import Settings
from tests.architecture.source import ROOT
from tests.deploy import kit

SETTINGS = {line.name for line in Settings().describe()}
FILES = sorted(path for path in kit.KIT.rglob("*") if path.is_file())
METRIC = re.compile(r"\bqueue_services_\w+")


def exposed() -> set[str]:
    """The names that /metrics tells."""
    totals = Totals(1, 1, 1, 1, 1)
    histogram = [0] * (len(prometheus._BOUNDS) + 1)
    exposition = Exposition(
        {Channel.SMS: totals},
        {Channel.SMS: 0},
        {kind: {Channel.SMS: histogram} for kind in HistogramKind},
        {("shop", Channel.SMS): totals},
    )
    return set(re.findall(r"^(queue_services_\w+)", prometheus.text(exposition), re.MULTILINE))


@pytest.mark.parametrize("query", kit.queries())
def test_every_query_of_the_dashboard_names_metrics_that_there_are(query: str) -> None:
    assert METRIC.findall(query)
    assert set(METRIC.findall(query)) <= exposed()


@pytest.mark.parametrize("rule", kit.rules(), ids=lambda rule: rule["alert"])
def test_every_alert_names_metrics_that_there_are(rule: dict[str, str]) -> None:
    named = set(re.findall(r"\b(?:queue_services_\w+|up)\b", rule["expr"]))
    assert named
    assert named <= exposed() | {"up"}


def test_the_autoscaler_asks_for_what_the_adapter_answers_from_a_metric() -> None:
    (scaler,) = kit.kubernetes("HorizontalPodAutoscaler")
    asked = [metric["external"]["metric"]["name"] for metric in scaler["spec"]["metrics"]]
    (adapter,) = kit.documents(kit.KIT / "kubernetes" / "prometheus-adapter.yaml")
    answered = {rule["name"]["as"]: rule["metricsQuery"] for rule in adapter["rules"]["external"]}
    assert set(asked) == set(answered)
    assert {name for query in answered.values() for name in METRIC.findall(query)} <= exposed()


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(kit.KIT)))
def test_every_setting_that_is_named_is_one(file: Path) -> None:
    written = file.read_text(encoding="utf-8")
    named = set(re.findall(r"\bQUEUE_SERVICES_[A-Z_]+[A-Z]\b", written))
    assert named <= SETTINGS


def test_the_files_that_init_writes_are_the_kits() -> None:
    assert (kit.KIT / "compose" / "compose.yaml").resolve() == (TEMPLATES / "compose.yaml")
    units = sorted((kit.KIT / "systemd").glob("*.service"))
    assert len(units) == 3
    assert {unit.resolve() for unit in units} == {TEMPLATES / "queue-services.service"}


def test_every_container_runs_without_privileges_on_a_read_only_root() -> None:
    user = kit.container_file()["USER"].partition(":")[0]
    workloads = kit.kubernetes("Deployment") + kit.kubernetes("Job")
    assert len(workloads) == 3
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]["securityContext"]
        assert (pod["runAsNonRoot"], str(pod["runAsUser"])) == (True, user)
        assert kit.container_of(workload)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_pod_gets_the_time_that_a_stop_may_take() -> None:
    defaults = Settings()
    for workload in kit.kubernetes("Deployment"):
        seconds = workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert seconds > defaults.shutdown_seconds + defaults.drain_seconds


def test_selectors_find_the_pods_that_they_are_for() -> None:
    pods = [it["spec"]["template"]["metadata"]["labels"] for it in kit.kubernetes("Deployment")]
    selectors = [it["spec"]["selector"] for it in kit.kubernetes("Service")] + [
        it["spec"]["selector"]["matchLabels"]
        for kind in ("PodDisruptionBudget", "Deployment")
        for it in kit.kubernetes(kind)
    ]
    for selector in selectors:
        assert sum(selector.items() <= labels.items() for labels in pods) == 1


def test_the_image_has_the_dependencies_of_the_lock_and_no_other() -> None:
    def pins(file: Path) -> dict[str, str]:
        found = re.findall(r"^([\w.-]+)==([\w.]+)(.*)", file.read_text("utf-8"), re.MULTILINE)
        return {name: version for name, version, _ in found}

    image = pins(kit.KIT / "container" / "requirements.lock")
    assert image.items() <= pins(ROOT / "requirements.lock").items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[<>=;\[ ]", line)[0] for line in project["dependencies"]}
    assert wanted - {"queue-services-client"} <= image.keys()
    assert "pytest" not in image
