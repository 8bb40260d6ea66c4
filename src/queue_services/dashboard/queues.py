"""The first page: a card a channel, its figures as they move, the wave ahead, pausing and
resuming.
"""

from __future__ import annotations

from starlette.responses import Response

from queue_services.dashboard import charts, view
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.errors import NotFound
from queue_services.queue import dispatchers, overview, service_limits
from queue_services.queue.overview import DUE_COUNTED, ChannelFigures, Wave
from queue_services.queue.service_limits import ChannelChange
from queue_services.queue.workspaces import effective_settings


async def queues(visit: Visit) -> Response:
    """GET /."""
    live = visit.desk.live
    figures = await live.figures(visit.workspace)
    limits = await _limits(visit)
    waves = {
        channel: await overview.wave.run(visit.desk.database, channel, visit.workspace, visit.now)
        for channel in Channel
    }
    ahead = {
        channel: _ahead(wave, figures[channel], limits[channel], visit.now)
        for channel, wave in waves.items()
    }
    span = charts.span_of(visit.asked("span"))
    drawn = await charts.drawn(visit.desk.database, span, visit.now, visit.workspace)
    links = [(one.words, view.path(span=one.name), one == span) for one in charts.SPANS]
    alive = await dispatchers.alive.run(visit.desk.database, visit.now)
    return visit.page(
        "queues.html",
        dispatched=bool(alive),
        figures=figures,
        texts=live.texts(figures),
        limits=limits,
        ahead=ahead,
        charts=drawn,
        spans=links,
    )


async def _limits(visit: Visit) -> dict[Channel, float]:
    """The limits in force: the service's, or those of the one workspace that is seen."""
    if visit.workspace is None:
        return dict(visit.desk.limits)
    settings = await effective_settings.run(visit.desk.database, visit.workspace, visit.desk.limits)
    return {channel: limit.rate for channel, limit in settings.limits.items()}


def _ahead(
    wave: Wave | None, figures: ChannelFigures, limit: float, now: Instant
) -> dict[str, object] | None:
    """When the next wave falls due, and when it would be drained at the limit, after what
    is due before it.
    """
    if wave is None:
        return None
    before = max(0.0, figures.due - (wave.at - now) / SECOND * limit)
    drained_at = wave.at + round((before + wave.count) / limit * SECOND)
    return {
        "at": wave.at,
        "count": wave.count,
        "more": wave.count >= DUE_COUNTED,
        "drained_at": None if figures.paused else drained_at,
    }


async def pause(visit: Visit) -> Response:
    """POST /channels/{channel}/pause."""
    channel = _channel(visit)
    async with visit.audited("pause channel", channel.value):
        await _change(visit, channel, ChannelChange(paused=True))
    return visit.go(
        view.path(), f"{channel.value.upper()} is paused: nothing of it starts until you resume it."
    )


async def resume(visit: Visit) -> Response:
    """POST /channels/{channel}/resume."""
    channel = _channel(visit)
    async with visit.audited("resume channel", channel.value):
        await _change(visit, channel, ChannelChange(paused=False))
    return visit.go(view.path(), f"{channel.value.upper()} goes on.")


async def _change(visit: Visit, channel: Channel, wanted: ChannelChange) -> None:
    await service_limits.change.run(visit.desk.database, channel, wanted, visit.now)
    visit.desk.live.outdate()


def _channel(visit: Visit) -> Channel:
    name = visit.named("channel")
    if name not in set(Channel):
        raise NotFound("channel", name)
    return Channel(name)


PAGES = [
    Page("GET", "", queues),
    Page("POST", "/channels/{channel}/pause", pause, Need.ADMINISTER),
    Page("POST", "/channels/{channel}/resume", resume, Need.ADMINISTER),
]
