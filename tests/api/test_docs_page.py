"""The page at /docs: an example of every call, and trying one in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from playwright.async_api import expect

from queue_services.api.app import CALLS
from queue_services.api.openapi import document
from queue_services.api.openapi_page import call_example
from tests.dashboard.stage import KEY, staged

DOCUMENT = json.loads(json.dumps(document(CALLS)))
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def check(schema: dict[str, Any], value: str) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.validator_for(whole).validate(json.loads(value))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_call_has_an_example_that_its_schemas_take(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    shown = call_example(method, path, operation, SCHEMAS)
    assert shown.request.startswith("curl ")
    assert "{" not in shown.request.partition(" -d ")[0]
    if shown.body:
        check(operation["requestBody"]["content"]["application/json"]["schema"], shown.body)
    answered = operation["responses"].get("200") or operation["responses"]["202"]
    for media_type, content in answered["content"].items():
        if media_type == "application/json":
            check(content["schema"], shown.answer)


async def test_a_call_is_tried_with_the_key_of_the_browsers_tab(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        context = await stage.browser.new_context()
        page = await context.new_page()
        requested: list[str] = []
        page.on("request", lambda one: requested.append(one.url))
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))

        await page.goto(f"{stage.service.url}/docs")
        call = page.locator("#schedule_sms")
        await call.get_by_text("Try it").click()
        await call.get_by_role("button", name="Send").click()
        await expect(call.locator("output")).to_contain_text("401")

        await page.get_by_label("Key for trying calls").fill(KEY)
        await call.get_by_role("button", name="Send").click()
        await expect(call.locator("output")).to_contain_text("200")
        answer = (await call.locator("output").inner_text()).partition("\n")[2]

        await page.reload()  # the key stays as long as the tab
        status = page.locator("#get_job_status")
        await status.get_by_text("Try it").click()
        await status.get_by_label("jobId").fill(json.loads(answer)["jobId"])
        await status.get_by_role("button", name="Send").click()
        await expect(status.locator("output")).to_contain_text('"status": "SCHEDULED"')

        another = await context.new_page()
        await another.goto(f"{stage.service.url}/docs")
        await expect(another.get_by_label("Key for trying calls")).to_have_value("")
        await context.close()
        assert faults == []
        assert all(url.startswith(f"{stage.service.url}/") for url in requested)
