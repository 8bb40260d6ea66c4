"""The programs that the files of the kit are for, or their schemas, find no fault in them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy import kit
from tests.deploy.conftest import TOOLS, program, run

pytestmark = [pytest.mark.deploy]
UNITS = sorted(path.name for path in (kit.KIT / "systemd").glob("*.service"))
MANIFESTS = [f"{name}.yaml" for name in ("settings", "migrate", "api", "dispatcher")]
WORST_EXPOSURE = "25"
"""Of 100, by the measure of `systemd-analyze security`."""


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_units_and_their_hardening(unit: str, tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    shutil.copytree(kit.KIT / "systemd", tmp_path / "units")
    for file in (tmp_path / "units").rglob("*.*"):
        if file.is_file():
            file.write_text(file.read_text().replace(kit.PROGRAM, "/bin/true"))
    assert run(analyze, "verify", tmp_path / "units" / unit) == ""
    security = ("security", "--offline=true", f"--threshold={WORST_EXPOSURE}")
    run(analyze, *security, tmp_path / "units" / unit)


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx, openssl = program("nginx"), program("openssl")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app.example.com")
    run(openssl, *made, "-keyout", key, "-out", certificate)
    text = (kit.KIT / "proxy" / "queue-services.nginx.conf").read_text(encoding="utf-8")
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ {text.replace('/etc/ssl/queue-services', str(tmp_path))} }}\n"
    )
    assert "[warn]" not in run(nginx, "-t", "-c", main, "-p", tmp_path)


def test_caddy_takes_its_file() -> None:
    caddyfile = kit.KIT / "proxy" / "Caddyfile"
    run(program("caddy"), "validate", "--adapter", "caddyfile", "--config", caddyfile)
    assert run(program("caddy"), "fmt", caddyfile) == caddyfile.read_text(encoding="utf-8")


def test_the_alert_rules_fire_where_they_should_and_not_else() -> None:
    folder, promtool = kit.KIT / "prometheus", program("promtool")
    run(promtool, "check", "rules", "rules.yaml", cwd=folder)
    run(promtool, "test", "rules", "rules.test.yaml", cwd=folder)
    run(promtool, "check", "config", "--syntax-only", "prometheus.yaml", cwd=folder)


def test_every_alert_has_a_case_that_fires() -> None:
    (cases,) = kit.documents(kit.KIT / "prometheus" / "rules.test.yaml")
    checks = [check for case in cases["tests"] for check in case["alert_rule_test"]]
    names = {rule["alert"] for rule in kit.rules()}
    assert {check["alertname"] for check in checks if check.get("exp_alerts")} == names
    assert {check["alertname"] for check in checks if not check.get("exp_alerts")} == names


def test_prometheus_reads_every_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [query for query in kit.queries() if not query.startswith("label_values")]
    given = [re.sub(r"\$__rate_interval", "5m", query) for query in queries]
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(given)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    said = run(program("promtool"), "check", "rules", tmp_path / "rules.yaml")
    assert f"{len(queries)} rules found" in said


@pytest.mark.parametrize("name", MANIFESTS)
def test_kubernetes_schemas_take_the_manifests(name: str) -> None:
    validate = program("kubernetes-validate")
    run(validate, "--strict", kit.KIT / "kubernetes" / name)


def test_the_manifests_that_are_applied_are_those_checked() -> None:
    (kustomization,) = kit.documents(kit.KIT / "kubernetes" / "kustomization.yaml")
    assert kustomization["resources"] == MANIFESTS


@pytest.mark.parametrize("name", ["compose.yaml", "compose.override.yaml"])
def test_compose_takes_its_files(name: str) -> None:
    program("kubernetes-validate")  # comes with what is asked here
    check = (
        "import sys, compose_spec; file = compose_spec.PyCompose.from_yaml(sys.stdin.read());"
        "file.validate(); file.to_spec()"
    )
    text = (kit.KIT / "compose" / name).read_text(encoding="utf-8")
    subprocess.run([TOOLS / "python", "-c", check], input=text, text=True, check=True, timeout=60)


def test_hadolint_finds_no_fault_with_the_container_file() -> None:
    assert run(program("hadolint"), kit.KIT / "container" / "Containerfile") == ""
