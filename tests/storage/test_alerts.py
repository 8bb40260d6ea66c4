"""Alerts in the store: rules, sinks, one evaluating process, and notifications that survive it."""

from __future__ import annotations

import msgspec
import pytest

from queue_services.clock import Clock
from queue_services.domain.alerts import AlertState, Figure, Rule, Standing, Subject, Transition
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.notifications import SlackSink, SmtpSink, WebhookSink
from queue_services.errors import Conflict, InvalidRequest, NotFound
from queue_services.queue import alert_figures, alerts, event_routes, notifications
from queue_services.queue.forecasts import Forecasts
from tests.storage.store import Store, later, select
from tests.support.builders import NOW, message

WATCHED = Subject(Figure.OLDEST_DUE_SECONDS, Channel.SMS)
RULE = Rule(WATCHED, 10, over=True, hold_for=0, quiet=0, clear_at=10, sinks=("hook",))
HOOK = WebhookSink(url="https://example.com/hook", secret="whsec_" + "c2VjcmV0" * 4)


async def set_up(store: Store, rule: Rule = RULE) -> None:
    await alerts.put_sink.run(store.database, "hook", HOOK)
    await alerts.put.run(store.database, "late", rule)


async def test_an_alert_and_its_sink_are_read_as_they_were_set(store: Store) -> None:
    await set_up(store)
    assert await alerts.every.run(store.database) == [alerts.Alert("late", RULE)]
    assert await alerts.sinks.run(store.database) == {"hook": HOOK}
    with pytest.raises(NotFound):
        await alerts.find.run(store.database, "other")


async def test_a_sink_that_is_not_there_is_refused_and_one_in_use_is_not_removed(
    store: Store,
) -> None:
    with pytest.raises(InvalidRequest, match="hook"):
        await alerts.put.run(store.database, "late", RULE)
    await set_up(store)
    with pytest.raises(Conflict):
        await alerts.delete_sink.run(store.database, "hook")
    await alerts.delete.run(store.database, "late")
    await alerts.delete_sink.run(store.database, "hook")
    with pytest.raises(NotFound):
        await alerts.find_sink.run(store.database, "hook")


async def test_a_secret_that_is_left_out_stays_and_null_takes_it_away(store: Store) -> None:
    await set_up(store)
    moved = WebhookSink(url="https://example.com/other")
    kept = await alerts.put_sink.run(store.database, "hook", moved, ["secret"])
    assert kept == msgspec.structs.replace(HOOK, url=moved.url)
    assert await alerts.put_sink.run(store.database, "hook", moved) == moved
    slack = SlackSink(url="https://example.com/slack")
    assert await alerts.put_sink.run(store.database, "hook", slack, ["secret"]) == slack


async def test_a_transition_is_reported_once_with_its_event_and_notifications(store: Store) -> None:
    await set_up(store)
    await store.database.write(event_routes.set_service, enabled=True)
    [fired] = await alerts.advance.run(store.database, {WATCHED: 11.0}, NOW)
    assert (fired.transition, fired.value) == (Transition.FIRING, 11)
    assert await alerts.advance.run(store.database, {WATCHED: 12.0}, later(5)) == []
    [cleared] = await alerts.advance.run(store.database, {WATCHED: 1.0}, later(10))
    assert cleared.transition is Transition.CLEARED

    async def kinds(tx: object) -> list[str]:
        return [row[0] for row in await select(tx, "select type from event order by seq")]  # type: ignore[arg-type]

    assert await store.database.read(kinds) == ["alert.firing", "alert.cleared"]
    claimed = await notifications.claim.run(store.database, later(10))
    assert [one.report.transition for one in claimed] == [Transition.FIRING, Transition.CLEARED]


async def test_a_changed_condition_begins_as_ok_and_a_changed_sink_does_not(store: Store) -> None:
    await set_up(store)
    await alerts.advance.run(store.database, {WATCHED: 11.0}, NOW)
    quieter = msgspec.structs.replace(RULE, quiet=SECOND, sinks=())
    kept = await alerts.put.run(store.database, "late", quieter)
    assert kept.standing.state is AlertState.FIRING
    other = msgspec.structs.replace(RULE, threshold=20, clear_at=20)
    assert (await alerts.put.run(store.database, "late", other)).standing == Standing()


async def test_one_process_holds_the_watch_until_it_stops_for_long(store: Store) -> None:
    async def hold(holder: str, seconds: float) -> bool:
        return await alerts.hold_watch.run(store.database, holder, later(seconds))

    assert [await hold("a", 0), await hold("b", 5), await hold("a", 10)] == [True, False, True]
    assert [await hold("b", 24), await hold("b", 26), await hold("a", 30)] == [False, True, False]


async def test_a_watch_that_was_taken_under_a_clock_ahead_is_taken_over(store: Store) -> None:
    await alerts.hold_watch.run(store.database, "a", later(3600))
    assert await alerts.hold_watch.run(store.database, "b", NOW)


async def test_a_notification_is_leased_delayed_and_dropped_after_a_day(store: Store) -> None:
    await set_up(store)
    await alerts.advance.run(store.database, {WATCHED: 11.0}, NOW)
    [first] = await notifications.claim.run(store.database, NOW)
    assert await notifications.claim.run(store.database, later(59)) == []
    [again] = await notifications.claim.run(store.database, later(61))
    assert (again.id, again.tries) == (first.id, 2)
    await notifications.settle.run(store.database, again, delivered=False, now=later(61))
    assert not await notifications.any_due.run(store.database, later(62))
    assert await notifications.any_due.run(store.database, later(63))
    assert await notifications.claim.run(store.database, later(86_400 + 1)) == []
    assert not await notifications.any_due.run(store.database, later(2 * 86_400))


async def test_a_delivered_notification_is_gone(store: Store) -> None:
    await set_up(store)
    await alerts.advance.run(store.database, {WATCHED: 11.0}, NOW)
    [one] = await notifications.claim.run(store.database, NOW)
    await notifications.settle.run(store.database, one, delivered=True, now=NOW)
    assert not await notifications.any_due.run(store.database, later(3600))


async def test_the_figures_are_those_of_the_store(store: Store) -> None:
    clock = Clock(monotonic=lambda: 0, wall=lambda: later(30) / SECOND)
    limits = dict.fromkeys(Channel, 10.0)
    forecasts = Forecasts(store.database, clock, limits, 256)
    await store.insert(*(message("acme") for _ in range(100)))
    wanted = [Subject(figure, Channel.SMS) for figure in Figure]
    values = await alert_figures.read(store.database, forecasts, wanted, clock.now())
    found = {subject.figure: value for subject, value in values.items()}
    assert found[Figure.OLDEST_DUE_SECONDS] == 30
    assert found[Figure.BACKLOG_CLEARS_SECONDS] == pytest.approx(10, rel=0.1)
    assert found[Figure.FAILED_SHARE] == found[Figure.DISPATCHERS] == 0
    assert found[Figure.EXCEEDED_PER_MINUTE] == found[Figure.ENDPOINT_HELD] == 0
    email = Subject(Figure.BACKLOG_CLEARS_SECONDS, Channel.EMAIL)
    assert await alert_figures.read(store.database, forecasts, [email], clock.now()) == {email: 0}


async def test_a_mail_sink_keeps_its_members(store: Store) -> None:
    sink = SmtpSink(
        host="mail.example.com", port=587, tls=True, sender="a@example.com", to=("b@example.com",)
    )
    await alerts.put_sink.run(store.database, "mail", sink)
    assert await alerts.find_sink.run(store.database, "mail") == sink
