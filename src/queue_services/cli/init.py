"""The command `init`: writes a file of all settings, with keys made, and on request the
files that systemd or Docker Compose run the service by.

Used by `cli`. The files of `templates/` work as they are; only paths are put in.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from queue_services.cli.core import DatabaseUrl, with_core
from queue_services.cli.terminal import Terminal
from queue_services.delivery.signing import new_secret
from queue_services.domain.key import new_key
from queue_services.errors import ConfigurationError, Conflict, Fault
from queue_services.queue.keys import Keys
from queue_services.settings import Settings

SETTINGS_FILE = Path("queue-services.env")
UNIT_FILE = Path("queue-services.service")
COMPOSE_FILE = Path("compose.yaml")
POSTGRES_FILE = Path("postgres.env")
TEMPLATES = Path(__file__).parent / "templates"
PRIVATE, PUBLIC = 0o600, 0o644
"""Modes of files with and without secrets."""

_HEADER = """\
# The settings of Queue Services, one a line. Take the # from a line to set it; as it stands
# there it has its default. `queue-services check-config` shows what is in force.
# For a shell: set -a; . ./queue-services.env; set +a
"""
_BARE = re.compile(r"[\w@%+=:,./-]*", re.ASCII)


class File(NamedTuple):
    """A file to be written."""

    path: Path
    text: str
    mode: int

    def differs(self) -> bool:
        """Whether the folder does not hold it yet with this very text."""
        return not self.path.exists() or self.path.read_bytes() != self.text.encode()


def init(
    *,
    systemd: Annotated[bool, Parameter(negative="", help="also write a systemd unit")] = False,
    compose: Annotated[
        bool, Parameter(negative="", help="also write compose.yaml, with a PostgreSQL")
    ] = False,
    force: Annotated[bool, Parameter(negative="", help="overwrite files that are there")] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Write queue-services.env into the working directory: every setting with what it is for,
    and a new secret to sign callbacks with. Make an administrator's key and show it once.

    The key is made in the store. With --systemd or --compose the store is made later by the
    service itself; the key is then a setting in the file.
    """
    if systemd and compose:
        raise Conflict("Say --systemd or --compose: each has settings of its own.")
    set_here = {"QUEUE_SERVICES_SIGNING_SECRET": new_secret()}
    if database_url is not None:
        Settings.from_environment(database_url=database_url)  # its faults are told before anything
        if "'" in database_url:
            raise ConfigurationError(Fault("--database-url", "write the single quote as %27"))
        set_here["QUEUE_SERVICES_DATABASE_URL"] = database_url
    key = None
    if systemd or compose:
        key = set_here["QUEUE_SERVICES_ADMIN_KEY"] = new_key()
    files = [file for file in _files(set_here, systemd=systemd, compose=compose) if file.differs()]
    if not force and (there := [str(file.path) for file in files if file.path.exists()]):
        raise Conflict(f"{', '.join(there)}: there already; --force overwrites.", files=there)
    if key is None:
        _, key = with_core(database_url, lambda core: Keys(core.database, core.clock).create(None))
    for file in files:
        _write(file)
    _tell(files, key, systemd=systemd, compose=compose)


def settings_file(set_here: Mapping[str, str]) -> str:
    """The text of a file with every setting in it: those of `set_here` set, by the name that
    the documentation uses, the others commented out with their defaults.

    It can be read by a shell, by systemd (EnvironmentFile=) and by Docker Compose (env_file).
    """
    lines = [_HEADER]
    for setting in Settings().describe():
        default = "" if setting.value == "not set" else setting.value
        lines += textwrap.wrap(
            f"# {setting.about}", 88, subsequent_indent="# ", break_on_hyphens=False
        )
        value = set_here.get(setting.name)
        given = f"{setting.name}={quoted(default if value is None else value)}"
        lines += [given if value is not None else f"#{given}", ""]
    return "\n".join(lines)


def quoted(value: str) -> str:
    """A value as shells, systemd and Compose read it: in single quotes where it needs them.
    Raises ValueError for one with a quote of its own, which they read differently.
    """
    if _BARE.fullmatch(value):
        return value
    if "'" in value:
        raise ValueError("cannot stand in a file of settings: it has a single quote")
    return f"'{value}'"


def _files(set_here: dict[str, str], *, systemd: bool, compose: bool) -> list[File]:
    """The files of an installation, the settings' first."""
    more: list[File] = []
    if systemd:
        text = (TEMPLATES / UNIT_FILE).read_text(encoding="utf-8")
        text = text.replace("/etc/queue-services/queue-services.env", str(SETTINGS_FILE.resolve()))
        text = text.replace("/opt/queue-services/bin/queue-services", str(_program()))
        more.append(File(UNIT_FILE, text, PUBLIC))
    if compose:
        password = secrets.token_urlsafe(24)
        set_here["HOST"] = "0.0.0.0"  # noqa: S104 - of the container; Compose publishes it on loopback
        if "QUEUE_SERVICES_DATABASE_URL" not in set_here:
            store = f"postgresql://queue_services:{password}@postgres:5432/queue_services"
            set_here["QUEUE_SERVICES_DATABASE_URL"] = store
        database = {
            "POSTGRES_USER": "queue_services",
            "POSTGRES_PASSWORD": password,
            "POSTGRES_DB": "queue_services",
        }
        text = "".join(f"{name}={value}\n" for name, value in database.items())
        more.append(File(POSTGRES_FILE, text, PRIVATE))
        text = (TEMPLATES / COMPOSE_FILE).read_text(encoding="utf-8")
        more.append(File(COMPOSE_FILE, text, PUBLIC))
    return [File(SETTINGS_FILE, settings_file(set_here), PRIVATE), *more]


def _program() -> Path:
    """Where this program is installed."""
    found = shutil.which("queue-services", path=str(Path(sys.executable).parent))
    return Path(found or shutil.which("queue-services") or sys.argv[0]).absolute()


def _write(file: File) -> None:
    """Write a file whole, with its mode from the start, so that no secret is ever readable."""
    unfinished = file.path.with_name(file.path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(file.text)
    unfinished.replace(file.path)


def _tell(files: list[File], key: str, *, systemd: bool, compose: bool) -> None:
    """Say what was written and what comes next on stderr, and the key alone on stdout."""
    terminal = Terminal(stderr=True, soft_wrap=True)
    terminal.print(f"written: {', '.join(str(file.path) for file in files)}")
    terminal.print("Set SMS_API_URL and EMAIL_API_URL in queue-services.env, then:")
    if systemd:
        terminal.print(f"  systemctl enable --now {UNIT_FILE.resolve()}")
    elif compose:
        terminal.print("  docker compose up --detach")
    else:
        terminal.print("  set -a; . ./queue-services.env; set +a")
        terminal.print("  queue-services doctor && queue-services serve")
    terminal.print("An administrator's key (QUEUE_SERVICES_KEY of programs); shown this once:")
    print(key)
