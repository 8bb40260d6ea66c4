"""Signatures that the npm package of Standard Webhooks accepts, as a Node application would check them."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from queue_services.delivery.signing import new_secret, signature_headers

VERIFY = """
const { Webhook } = require('standardwebhooks');
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(({ secret, headers, body }) => {
  try { return new Webhook(secret).verify(body, headers); } catch (error) { return error.constructor.name; }
})));
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder in which Node finds the package."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "standardwebhooks@1"]
    try:
        installed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not get the package within two minutes")
    if installed.returncode:
        pytest.skip(f"npm cannot get the package: {installed.stderr.strip()[-300:]}")
    return tmp_path


@pytest.mark.long
def test_the_npm_package_verifies_what_is_signed_by_either_secret_of_a_rotation(node: Path) -> None:
    newest, old, other = new_secret(), new_secret(), new_secret()
    body = json.dumps({"eventId": "e-1", "error": "é ☺ \\u2028"}, ensure_ascii=False)
    headers = signature_headers([newest, old], "e-1", round(time.time()) * 1_000_000, body.encode())
    cases = [{"secret": secret, "headers": headers, "body": body} for secret in (newest, old, other)]
    cases.append({"secret": newest, "headers": headers, "body": body + " "})
    cases.append({"secret": newest, "headers": headers | {"webhook-id": "e-2"}, "body": body})
    ran = subprocess.run(["node", "-e", VERIFY], cwd=node, input=json.dumps(cases), capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ran.stdout) == [json.loads(body), json.loads(body), *["WebhookVerificationError"] * 3]
