"""Workspaces: which of them send most, and for each what it is served under and how its
endpoint answers.
"""

from __future__ import annotations

from starlette.responses import Response

from queue_services.dashboard import charts, view
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.domain.calendar import EVERY_DAY, Window, window_faults, zone_fault
from queue_services.domain.message import Channel, Status
from queue_services.domain.tiers import limit_fault
from queue_services.domain.workspace import Change
from queue_services.errors import Fault, InvalidRequest, NotFound
from queue_services.queue import figures, overview, tiers
from queue_services.queue import workspaces as queue
from queue_services.queue.autoscaling import adjustments
from queue_services.queue.workspaces import Sort

LISTED = 50
ADJUSTMENTS = 5


async def workspaces(visit: Visit) -> Response:
    """GET /workspaces: for a workspace's own key, its page."""
    if visit.workspace is not None:
        return visit.go(view.path("workspace", id=visit.workspace))
    desk = visit.desk
    if wanted := visit.asked("find"):
        return visit.go(view.path("workspace", id=wanted))
    asked = visit.asked("sort")
    sort = Sort(asked) if asked in set(Sort) else Sort.BACKLOG
    figure, _, name = (visit.asked("after") or "").partition(":")
    after = (
        (int(figure), name)
        if figure.isascii() and figure.isdecimal() and len(figure) < 19
        else None
    )
    found = await queue.busiest.run(desk.database, sort, LISTED + 1, after)
    page = found[:LISTED]
    failed = {
        volume.workspace.id: (
            await overview.status_counts.run(
                desk.database, volume.workspace.id, None, None, visit.now
            )
        )[Status.DEAD]
        for volume in page
    }
    last = page[-1] if len(found) > LISTED else None
    return visit.page(
        "workspaces.html",
        volumes=page,
        failed=failed,
        sort=sort,
        sorts=tuple(Sort),
        more=None if last is None else f"{getattr(last, sort.value)}:{last.workspace.id}",
    )


async def workspace(visit: Visit) -> Response:
    """GET /workspace."""
    name = _meant(visit, visit.asked("id"))
    desk = visit.desk
    settings = await queue.effective_settings.run(desk.database, name, desk.limits)
    span = charts.span_of(visit.asked("span"))
    adjusted = [
        change
        for channel in Channel
        for change in await adjustments.run(desk.database, name, channel, ADJUSTMENTS)
    ]
    use = await figures.workspace_use.run(desk.database, name, desk.limits, visit.now)
    answers = await overview.answers.run(desk.database, name)
    return visit.page(
        "workspace.html",
        id=name,
        terms=settings,
        holds=await queue.holds.run(desk.database, name, visit.now),
        figures=await desk.live.figures(name),
        use=use.channels,
        charts=await charts.drawn(
            desk.database,
            span,
            visit.now,
            name,
            {channel: limit.rate for channel, limit in settings.limits.items()},
        ),
        spans=[
            (one.words, view.path("workspace", id=name, span=one.name), one == span)
            for one in charts.SPANS
        ],
        adjustments=sorted(adjusted, key=lambda change: -change.at),
        answers=answers,
        latency=sorted(answer.duration for answer in answers)[len(answers) // 2]
        if answers
        else None,
        tiers=[tier.name for tier in await tiers.every.run(desk.database)]
        if visit.visitor.administers
        else [],
    )


async def pause(visit: Visit) -> Response:
    """POST /workspace/pause and /workspace/resume."""
    verb = visit.named("verb")
    if verb not in ("pause", "resume"):
        raise NotFound("action", verb)
    name, channel, paused = _meant(visit, visit.filled("id")), _channel(visit), verb == "pause"
    async with visit.audited(f"{verb} workspace", f"{name} {channel.value}", workspace=name):
        await queue.change.run(
            visit.desk.database, name, Change(paused={channel: paused}), visit.now
        )
    return visit.go(
        view.path("workspace", id=name),
        f"{channel.value.upper()} of {name} {'is paused' if paused else 'goes on'}.",
    )


async def lift(visit: Visit) -> Response:
    """POST /workspace/lift."""
    name, channel = _meant(visit, visit.filled("id")), _channel(visit)
    async with visit.audited("lift hold", f"{name} {channel.value}", workspace=name):
        lifted = await queue.lift.run(visit.desk.database, name, channel, visit.now)
    return visit.go(
        view.path("workspace", id=name), "The hold is lifted." if lifted else "There was no hold."
    )


async def reset(visit: Visit) -> Response:
    """POST /workspace/reset: count its exceedances, and the figures of its metrics, from now on."""
    name = _meant(visit, visit.filled("id"))
    async with visit.audited("reset figures", name, workspace=name):
        await figures.reset.run(visit.desk.database, name, list(Channel), visit.now)
    return visit.go(view.path("workspace", id=name), "Its figures are counted from now on.")


async def change_limits(visit: Visit) -> Response:
    """POST /workspace/limits: tier and limits, which an administrator alone may set."""
    name, faults = _meant(visit, visit.filled("id")), list[Fault]()
    limits = {channel: _limit(visit, channel, faults) for channel in Channel}
    if faults:
        raise InvalidRequest(*faults)
    tier = visit.filled("tier")
    detail = ", ".join(
        [
            f"tier {tier}",
            *(
                f"{channel.value} {'its tier' if rate is None else f'{rate:g}/s'}"
                for channel, rate in limits.items()
            ),
        ]
    )
    async with visit.audited("set limits", name, workspace=name, detail=detail):
        await queue.change.run(
            visit.desk.database, name, Change(tier=tier, limits=limits), visit.now
        )
    return visit.go(
        view.path("workspace", id=name), "The limits are in force from the next claim on."
    )


async def change_window(visit: Visit) -> Response:
    """POST /workspace/window: the send window and its zone."""
    name = _meant(visit, visit.filled("id"))
    start, end, zone = visit.filled("start"), visit.filled("end"), visit.filled("timezone")
    days = [int(day) for day in visit.form.getlist("day") if day in "1234567" and day]
    faults = [Fault("timezone", fault)] if zone and (fault := zone_fault(zone)) else []
    if start or end:
        faults += window_faults(start, end, days or list(EVERY_DAY))
    if faults:
        raise InvalidRequest(*faults)
    window = Window(start, end, tuple(days or EVERY_DAY)) if start and end else None
    async with visit.audited(
        "set send window",
        name,
        workspace=name,
        detail="none" if window is None else f"{window.start} to {window.end}",
    ):
        await queue.change.run(
            visit.desk.database, name, Change(timezone=zone, window=window), visit.now
        )
    return visit.go(
        view.path("workspace", id=name),
        "The send window is set." if window else "There is no send window any more.",
    )


def _limit(visit: Visit, channel: Channel, faults: list[Fault]) -> float | None:
    text = visit.filled(f"limit_{channel.value}")
    if text is None:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if fault := limit_fault(rate):
        faults.append(Fault(f"{channel.value} limit", fault))
    return rate


def _meant(visit: Visit, name: str | None) -> str:
    """The workspace that is meant. Raises NotFound, for another than the visitor's too."""
    if not name or len(name) > 255:
        raise NotFound("workspace", name or "")
    return visit.only(name)


def _channel(visit: Visit) -> Channel:
    name = visit.filled("channel") or ""
    if name not in set(Channel):
        raise NotFound("channel", name)
    return Channel(name)


PAGES = [
    Page("GET", "/workspaces", workspaces),
    Page("GET", "/workspace", workspace),
    Page("POST", "/workspace/limits", change_limits, Need.ADMINISTER),
    Page("POST", "/workspace/window", change_window, Need.MANAGE),
    Page("POST", "/workspace/lift", lift, Need.MANAGE),
    Page("POST", "/workspace/reset", reset, Need.MANAGE),
    Page("POST", "/workspace/{verb}", pause, Need.MANAGE),
]
