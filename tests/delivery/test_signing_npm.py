"""Signatures that the npm package of Standard Webhooks accepts, as a Node application would
check them.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from queue_services.delivery.signing import new_secret, signature_headers
from tests.support.node import run, with_package

VERIFY = """
const { Webhook } = require('standardwebhooks');
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(({ secret, headers, body }) => {
  try { return new Webhook(secret).verify(body, headers); } catch (error) { return error.constructor.name; }
})));
"""


@pytest.mark.long(bounded=True)
def test_the_npm_package_verifies_what_is_signed_by_either_secret_of_a_rotation(
    tmp_path: Path,
) -> None:
    node = with_package(tmp_path, "standardwebhooks@1")
    newest, old, other = new_secret(), new_secret(), new_secret()
    body = json.dumps({"eventId": "e-1", "error": "é ☺ \\u2028"}, ensure_ascii=False)
    headers = signature_headers([newest, old], "e-1", round(time.time()) * 1_000_000, body.encode())
    cases = [
        {"secret": secret, "headers": headers, "body": body} for secret in (newest, old, other)
    ]
    cases.append({"secret": newest, "headers": headers, "body": body + " "})
    cases.append({"secret": newest, "headers": headers | {"webhook-id": "e-2"}, "body": body})
    assert run(node, VERIFY, cases) == [
        json.loads(body),
        json.loads(body),
        *["WebhookVerificationError"] * 3,
    ]
