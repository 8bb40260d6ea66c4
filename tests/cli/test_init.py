"""The command `init`: a settings file that names every setting, keys, and the files that
systemd and Compose run the service by.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from queue_services.cli.init import TEMPLATES, quoted, settings_file
from queue_services.settings import Settings
from tests.cli.test_verify import run

NAME = re.compile(r"^(#?)([A-Z_]+)=(.*)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def active(file: Path) -> dict[str, str]:
    return {name: value for off, name, value in NAME.findall(file.read_text()) if not off}


def as_a_shell_reads(file: Path) -> dict[str, str]:
    """The variables that a shell has after it has read a file."""
    ran = subprocess.run(
        ["sh", "-c", f"set -a; . {file}; env -0"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    pairs = (line.partition("=") for line in ran.stdout.decode().split("\0") if line)
    return {name: value for name, _, value in pairs}


def test_the_file_names_every_setting_with_its_default_and_changes_none(folder: Path) -> None:
    (folder / "all.env").write_text(settings_file({}))
    named = [name for _, name, _ in NAME.findall(settings_file({}))]
    assert named == [line.name for line in Settings().describe()]
    assert active(folder / "all.env") == {}
    uncommented = re.sub(r"^#(?=[A-Z_]+=)", "", settings_file({}), flags=re.MULTILINE)
    (folder / "all.env").write_text(uncommented)
    read = as_a_shell_reads(folder / "all.env")
    assert Settings.from_environment(read) == Settings()


def test_a_value_is_read_back_as_it_was_by_a_shell(folder: Path) -> None:
    url = 'postgresql://u@h/db?a=1&b=$HOME `x` "y"'
    (folder / "one.env").write_text(f"NAME={quoted(url)}\nPLAIN={quoted('whsec_a+/b=')}\n")
    read = as_a_shell_reads(folder / "one.env")
    assert (read["NAME"], read["PLAIN"]) == (url, "whsec_a+/b=")


def test_it_makes_a_key_in_the_store_that_is_shown_once_and_a_secret_in_a_private_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "init")
    keys = re.findall(r"qs_[0-9a-f]{64}", said)
    assert (code, len(keys)) == (0, 1)
    file = folder / "queue-services.env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert active(file).keys() == {"QUEUE_SERVICES_SIGNING_SECRET"}
    assert keys[0] not in file.read_text()
    assert keys[0].encode() not in (folder / "queue-services.db").read_bytes()
    assert "administrator's" in run(capsys, "keys", "list")[1]
    assert Settings.from_environment(active(file)).signing_secret is not None


def test_it_overwrites_nothing_unless_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "queue-services.service").write_text("mine")
    code, said = run(capsys, "init", "--systemd")
    assert code == 1
    assert "queue-services.service: there already; --force" in said
    assert [path.name for path in folder.iterdir()] == ["queue-services.service"]
    assert run(capsys, "init", "--systemd", "--force")[0] == 0
    assert (folder / "queue-services.service").read_text() != "mine"


def test_a_file_that_is_there_with_the_same_text_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "compose.yaml").symlink_to(TEMPLATES / "compose.yaml")
    code, said = run(capsys, "init", "--compose")
    assert (code, (folder / "compose.yaml").is_symlink()) == (0, True)
    assert "written: queue-services.env, postgres.env\n" in said


def test_a_store_that_is_away_leaves_nothing_behind(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    assert run(capsys, "init", "--database-url", url)[0] == 1
    assert run(capsys, "init", "--database-url", "mysql://h/d")[0] == 2
    assert run(capsys, "init", "--database-url", "sqlite:///it's.db")[0] == 2
    assert list(folder.iterdir()) == []


def test_the_systemd_unit_runs_this_program_with_this_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "init", "--systemd")
    assert code == 0
    unit = (folder / "queue-services.service").read_text()
    command, argument = re.findall(r"^ExecStart=(\S+) (\S+)$", unit, re.MULTILINE)[0]
    assert (os.access(command, os.X_OK), argument) == (True, "serve")
    assert f"EnvironmentFile={folder}/queue-services.env" in unit
    given = active(folder / "queue-services.env")
    assert given["QUEUE_SERVICES_ADMIN_KEY"] in said
    assert Settings.from_environment(given).admin_key is not None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_no_fault_with_the_unit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "init", "--systemd")[0] == 0
    command = ["systemd-analyze", "verify", str(folder / "queue-services.service")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_unit_gives_a_stop_the_time_that_the_settings_may_take() -> None:
    unit = (TEMPLATES / "queue-services.service").read_text()
    seconds = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0])
    defaults = Settings()
    assert seconds > 2 * (defaults.shutdown_seconds + defaults.drain_seconds)


def test_compose_gets_a_database_whose_password_both_files_know(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "init", "--compose")[0] == 0
    assert not (folder / "queue-services.db").exists()
    database = active(folder / "postgres.env")
    settings = Settings.from_environment(active(folder / "queue-services.env"))
    user, password = database["POSTGRES_USER"], database["POSTGRES_PASSWORD"]
    assert settings.database_url == (
        f"postgresql://{user}:{password}@postgres:5432/{database['POSTGRES_DB']}"
    )
    assert settings.host == "0.0.0.0"  # noqa: S104
    assert (folder / "postgres.env").stat().st_mode & 0o777 == 0o600
    services: dict[str, Any] = importlib.import_module("yaml").safe_load(
        (folder / "compose.yaml").read_text()
    )["services"]
    files = {name: service["env_file"] for name, service in services.items()}
    assert files == {"queue-services": "queue-services.env", "postgres": "postgres.env"}
    assert services["queue-services"]["ports"] == [f"127.0.0.1:{settings.port}:{settings.port}"]


def test_the_completion_script_completes_commands_and_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, script = run(capsys, "completion", "bash")
    assert code == 0
    asked = "COMP_WORDS=(queue-services import bullmq --red); COMP_CWORD=3; _queue_services"
    ran = subprocess.run(
        ["bash", "-c", f'{script}\n{asked}\necho "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["--redis"]
    for shell in ("zsh", "fish"):
        code, script = run(capsys, "completion", shell)
        assert code == 0
        assert "doctor" in script
