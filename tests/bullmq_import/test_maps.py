"""The files that `import bullmq --map` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from queue_services.cli.import_bullmq import load_map
from queue_services.errors import ConfigurationError
from queue_services.wire.bullmq import BullJob

JOB = BullJob(id="1", name="n", data=b'{"mobile": "+1555"}', opts=b"{}", timestamp=5, priority=0)
RETURNS = "return {'channel': 'sms', 'phoneNumber': job['data']['mobile']}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.py", f"def other(x): pass\ndef map_job(job): {RETURNS}"),
        ("map.py", f"from json import loads\ndef _own(): pass\ndef message(job): {RETURNS}"),
        ("map.json", '{"channel": "sms", "phoneNumber": "mobile"}'),
    ],
)
def test_a_file_is_a_function_or_paths(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert load_map(tmp_path / name)(JOB) == {"channel": "sms", "phoneNumber": "+1555"}


@pytest.mark.parametrize(
    ("name", "text", "about"),
    [
        ("map.py", "def a(x): pass\ndef b(x): pass", "map_job"),
        ("map.py", "1 / 0", "ZeroDivisionError"),
        ("map.py", "def map_job(job) return", "SyntaxError"),
        ("map.json", "{}", "channel"),
    ],
)
def test_a_file_without_a_map_is_refused(tmp_path: Path, name: str, text: str, about: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=about):
        load_map(tmp_path / name)


@pytest.mark.parametrize("name", ["none.py", "none.json"])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_map(tmp_path / name)
