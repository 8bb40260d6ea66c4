"""Figures over HTTP: what the seed shows of them and more, the same from every process,
reset as asked, and read by Prometheus.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from queue_services.api.app import CALLS
from queue_services.api.openapi import document
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Kind
from queue_services.queue import claims, folding, settling
from queue_services.queue.settling import FinishedBatch
from tests.api.service import START, Service, fields, serving
from tests.api.test_workspaces import Keyed, by
from tests.support.builders import request, settlement, terms

NOW = round(START * SECOND)
TIME = "2025-03-22T10:15:30.123Z"
NO_LIMIT: dict[str, Any] = {"count": 0, "lastExceeded": None, "details": []}
NOTHING: dict[str, Any] = {
    "totalProcessed": 0,
    "batchesProcessed": 0,
    "successRate": 0,
    "avgProcessingTime": 0,
    "throughput": 0,
    "rateExceededCount": 0,
    "lastProcessedTime": None,
    "workspaceRateLimits": [],
}


async def send(
    service: Service, *kinds: Kind, workspace: str = "acme", rate: float = 50.0, after: int = 0
) -> None:
    """Schedule as many SMS as there are kinds of outcome, and let a dispatcher send them as
    one batch of 120 ms, `after` seconds.
    """
    for _ in kinds:
        await service.schedule(workspaceId=workspace, delay=0)
    now = NOW + after * SECOND
    claimed = (
        await service.database.write(claims.claim, request(Channel.SMS, rate=rate), now)
    ).messages
    outcomes = [settlement(message, kind) for message, kind in zip(claimed, kinds, strict=False)]
    await service.database.write(
        settling.settle, outcomes, [FinishedBatch(workspace, Channel.SMS, 120_000)], terms(), now
    )


async def exceed(service: Service, workspace: str, due: int = 75) -> None:
    """Let `due` SMS of a workspace be due at a limit of 50 a second."""
    for _ in range(due):
        await service.schedule(workspaceId=workspace, delay=0)
    await service.database.write(claims.claim, request(Channel.SMS, rate=50.0), NOW)


async def test_a_service_that_did_nothing_shows_every_member(service: Service) -> None:
    assert await service.ask("GET", "/api/metrics") == {
        "sms": NOTHING,
        "email": NOTHING,
        "workspaceRateLimits": {},
        "timestamp": TIME,
    }


async def test_a_workspace_that_nobody_has_seen_answers_zeros(service: Service) -> None:
    nothing = {**NO_LIMIT, "utilization": 0, "sent": 0, "failed": 0, "backlog": 0}
    assert await service.ask("GET", "/api/metrics/workspace/never%2Fseen") == {
        "workspaceId": "never/seen",
        "tier": "standard",
        "timestamp": TIME,
        "sms": {**nothing, "limitPerSecond": 50},
        "email": {**nothing, "limitPerSecond": 100},
    }


async def test_figures_say_what_was_processed_and_who_was_over_a_limit(service: Service) -> None:
    await send(service, Kind.DELIVERED, Kind.DELIVERED, Kind.REJECTED, Kind.FAILED)
    await exceed(service, "big")
    shown = await service.ask("GET", "/api/metrics")
    newest = {
        "timestamp": TIME,
        "batchSize": 75,
        "errorMessage": "Rate limit exceeded: 50 per second",
    }
    limit = {"count": 1, "lastExceeded": TIME, "details": [newest]}
    assert shown["sms"] == {
        "totalProcessed": 3,
        "batchesProcessed": 1,
        "successRate": pytest.approx(66.667, abs=0.001),
        "avgProcessingTime": 120,
        "throughput": 3,
        "rateExceededCount": 1,
        "lastProcessedTime": TIME,
        "workspaceRateLimits": [{"workspaceId": "big", **limit}],
    }
    assert (shown["email"], shown["workspaceRateLimits"]) == (
        NOTHING,
        {"big": {"sms": limit, "email": NO_LIMIT}},
    )
    big = await service.ask("GET", "/api/metrics/workspace/big")
    assert {key: big["sms"][key] for key in limit} == limit
    assert (big["sms"]["backlog"], big["sms"]["sent"]) == (75, 0)
    acme = (await service.ask("GET", "/api/metrics/workspace/acme"))["sms"]
    assert (acme["sent"], acme["failed"], acme["backlog"], acme["count"]) == (2, 1, 1, 0)


async def test_the_schemas_of_metrics_fit_the_answers(service: Service) -> None:
    await send(service, Kind.DELIVERED)
    await exceed(service, "big")
    described = document(CALLS)
    for name, path in {
        "MetricsAnswer": "/api/metrics",
        "WorkspaceMetricsAnswer": "/api/metrics/workspace/big",
        "HistoryAnswer": "/api/metrics/history",
    }.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema_rs.validator_for(schema).validate(await service.ask("GET", path))
    assert list(described["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == [
        "text/plain; version=0.0.4; charset=utf-8"
    ]


async def test_every_process_answers_the_same_and_so_it_does_after_a_restart(
    tmp_path: Path,
) -> None:
    paths = (
        "/api/metrics",
        "/api/metrics/workspace/acme",
        "/api/metrics/workspace/big",
        "/api/metrics/history",
    )

    async def shown(service: Service) -> list[Any]:
        return [
            *[await service.ask("GET", path) for path in paths],
            (await service.client.get("/metrics")).text,
        ]

    async with serving(tmp_path) as service:
        await send(service, Kind.DELIVERED, Kind.REJECTED)
        await exceed(service, "big")
        before = await shown(service)
        async with serving(tmp_path) as other:
            assert await shown(other) == before
            await other.database.write(folding.fold, NOW + 300 * SECOND)
        assert await shown(service) == before
    async with serving(tmp_path) as again:
        assert await shown(again) == before


async def test_a_reset_shows_nothing_of_what_was_and_leaves_the_rest(service: Service) -> None:
    await send(service, Kind.DELIVERED)
    await exceed(service, "big")
    history = await service.ask("GET", "/api/metrics/history")
    prometheus = (await service.client.get("/metrics")).text
    whole = (await service.ask("GET", "/api/metrics"))["sms"]
    answer = await service.ask(
        "POST", "/api/metrics/reset", json={"type": "sms", "workspaceId": "big"}
    )
    assert (answer["success"], "workspace big" in answer["message"]) == (True, True)
    shown = await service.ask("GET", "/api/metrics")
    assert shown["sms"] == {**whole, "workspaceRateLimits": []}
    assert shown["workspaceRateLimits"] == {}
    assert (await service.ask("GET", "/api/metrics/workspace/big"))["sms"]["count"] == 0
    assert (await service.ask("GET", "/api/metrics/workspace/acme"))["sms"]["sent"] == 1
    await service.ask("POST", "/api/metrics/reset", json={"type": "email"})
    assert (await service.ask("GET", "/api/metrics"))["sms"]["totalProcessed"] == 1
    requests: list[dict[str, Any]] = [{"json": {}}, {}]
    for request_body in requests:
        await service.ask("POST", "/api/metrics/reset", **request_body)
        assert (await service.ask("GET", "/api/metrics"))["sms"] == NOTHING
        assert (await service.ask("GET", "/api/metrics/workspace/acme"))["sms"]["sent"] == 0
    assert (await service.ask("GET", "/api/metrics/workspace/big"))["sms"]["backlog"] == 75
    assert await service.ask("GET", "/api/metrics/history") == history
    assert (await service.client.get("/metrics")).text == prometheus


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"type": "fax"}, {"type"}),
        ({"type": 5, "workspaceId": ""}, {"type", "workspaceId"}),
        ({"workspaceId": "x" * 256}, {"workspaceId"}),
        ({"workspace": "acme"}, {"workspace"}),
    ],
)
async def test_a_reset_of_what_is_not_there_is_refused_and_resets_nothing(
    service: Service, body: Any, named: set[str]
) -> None:
    await send(service, Kind.DELIVERED)
    assert fields(await service.ask("POST", "/api/metrics/reset", 400, json=body)) == named
    assert (await service.ask("GET", "/api/metrics"))["sms"]["totalProcessed"] == 1


async def test_history_has_a_point_for_every_step(service: Service) -> None:
    await send(service, Kind.DELIVERED, Kind.REJECTED)
    answer = await service.ask(
        "GET",
        "/api/metrics/history?from=2025-03-22T10:14:00Z&to=2025-03-22T10:16:00%2B00:00&stepSeconds=60&channel=sms",
    )
    empty = {
        "timestamp": "2025-03-22T10:14:00.000Z",
        "sent": 0,
        "failed": 0,
        "exceeded": 0,
        "averageLatenessMs": None,
    }
    busy = {
        "timestamp": "2025-03-22T10:15:00.000Z",
        "sent": 1,
        "failed": 1,
        "exceeded": 0,
        "averageLatenessMs": 0,
    }
    assert answer == {"stepSeconds": 60, "points": [empty, busy]}
    day = await service.ask("GET", "/api/metrics/history")
    assert (
        day["stepSeconds"],
        len(day["points"]),
        sum(point["sent"] for point in day["points"]),
    ) == (300, 289, 1)
    for query, sent in (
        ("workspaceId=acme", 1),
        ("workspaceId=other", 0),
        ("channel=email", 0),
        ("stepSeconds=3600", 1),
    ):
        assert (
            sum(
                point["sent"]
                for point in (await service.ask("GET", f"/api/metrics/history?{query}"))["points"]
            )
            == sent
        )
    assert (
        await service.ask("GET", "/api/metrics/history?from=2024-01-01T00:00:00Z&stepSeconds=60")
    )["stepSeconds"] == 86_400


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("channel=fax", {"channel"}),
        ("from=yesterday&to=2025-02-30T00:00:00Z", {"from", "to"}),
        ("stepSeconds=0", {"stepSeconds"}),
        ("stepSeconds=1.5", {"stepSeconds"}),
        ("from=2025-03-22T10:00:00Z&to=2025-03-22T09:00:00Z", {"from"}),
        ("from=2025-03-21T00:00:00Z&to=2026-03-22T09:00:00Z&stepSeconds=60", {"stepSeconds"}),
        ("step=60", {"step"}),
    ],
)
async def test_what_is_wrong_with_a_question_about_history_is_named(
    service: Service, query: str, named: set[str]
) -> None:
    assert fields(await service.ask("GET", f"/api/metrics/history?{query}", 400)) == named


async def test_a_workspaces_key_sees_and_resets_its_own_figures_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        await send(service, Kind.DELIVERED, workspace="acme")
        await send(service, Kind.DELIVERED, Kind.DELIVERED, workspace="other")
        await exceed(service, "other")
    async with serving(tmp_path, keys=Keyed()) as service:
        own = await service.ask("GET", "/api/metrics", headers=by("acme"))
        assert (
            own["sms"]["totalProcessed"],
            own["sms"]["rateExceededCount"],
            own["workspaceRateLimits"],
        ) == (1, 0, {})
        history = await service.ask("GET", "/api/metrics/history", headers=by("acme"))
        assert sum(point["sent"] for point in history["points"]) == 1
        for method, path, body in (
            ("GET", "/api/metrics/workspace/other", {}),
            ("GET", "/api/metrics/history?workspaceId=other", {}),
            ("POST", "/api/metrics/reset", {"json": {"workspaceId": "other"}}),
            ("GET", "/metrics", {}),
        ):
            await service.ask(method, path, 403, headers=by("acme"), **body)
        await service.ask("POST", "/api/metrics/reset", headers=by("acme"), json={})
        assert (await service.ask("GET", "/api/metrics", headers=by("acme")))["sms"][
            "totalProcessed"
        ] == 0
        assert (await service.ask("GET", "/api/metrics", headers=by("admin")))["sms"][
            "totalProcessed"
        ] == 3
        await service.ask("POST", "/api/metrics/reset", 403, headers=by("reader"))


async def test_prometheus_reads_every_figure(service: Service) -> None:
    await send(
        service,
        Kind.DELIVERED,
        Kind.DELIVERED,
        Kind.REJECTED,
        Kind.FAILED,
        workspace='odd "name"\n',
    )
    await exceed(service, "big")
    answer = await service.client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    figures = dict(
        line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
    )
    for name, value in {
        'messages_sent_total{channel="sms"}': 2,
        'messages_sent_total{channel="email"}': 0,
        'messages_failed_total{channel="sms"}': 1,
        'messages_retried_total{channel="sms"}': 1,
        'rate_limit_exceeded_total{channel="sms"}': 1,
        'backlog{channel="sms"}': 76,
        'oldest_due_seconds{channel="email"}': 0,
        'lateness_seconds_bucket{channel="sms",le="+Inf"}': 4,
        'lateness_seconds_bucket{channel="sms",le="0.005"}': 4,
        'delivery_seconds_bucket{channel="sms",le="0.01"}': 0,
        'delivery_seconds_bucket{channel="sms",le="0.025"}': 4,
        'delivery_seconds_count{channel="sms"}': 4,
        'delivery_seconds_sum{channel="sms"}': 0.08,
        'workspace_messages_sent_total{channel="sms",workspace="odd \\"name\\"\\n"}': 2,
        'workspace_rate_limit_exceeded_total{channel="sms",workspace="big"}': 1,
        'workspace_backlog{channel="sms",workspace="big"}': 75,
    }.items():
        assert float(figures[f"queue_services_{name}"]) == value, name


async def test_only_the_busiest_workspaces_have_labels(service: Service) -> None:
    for number in range(52):
        await service.schedule(workspaceId=f"w{number:02}")
    await send(service, *[Kind.DELIVERED] * 3, workspace="z")
    named = set(re.findall(r'workspace="([^"]*)"', (await service.client.get("/metrics")).text))
    assert (len(named), "z" in named) == (50, True)


def complaints(promtool: str, text: str) -> tuple[int, str]:
    """The exit code and the words of `promtool check metrics`."""
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return checked.returncode, checked.stdout + checked.stderr


async def test_promtool_has_no_complaint(service: Service) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: it comes with Debian's package `prometheus`")
    for busy in (False, True):
        if busy:
            await send(service, Kind.DELIVERED, Kind.FAILED)
            await exceed(service, "big")
        assert complaints(promtool, (await service.client.get("/metrics")).text) == (0, "")
