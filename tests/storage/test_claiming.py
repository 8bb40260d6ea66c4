"""Claims: what they take and in which order, leases, and when the next claim is worth while."""

from __future__ import annotations

import msgspec
import pytest

from queue_services.domain.limits import LimitLog
from queue_services.domain.message import FOREVER, SECOND, Channel, Priority, Status
from queue_services.domain.outcome import Kind
from queue_services.errors import LimitSilenced
from queue_services.queue import claims, slots
from queue_services.queue.slots import ReserveRequest
from queue_services.storage.port import Row, Tx
from tests.storage.store import Store, later
from tests.support.builders import DISPATCHER, LEASE, NOW, message, settlement

OTHER = 2


async def read_clock(tx: Tx) -> list[Row]:
    return await tx.fetch("read_clock")


async def test_a_due_message_is_claimed_with_what_it_takes_to_deliver_it(store: Store) -> None:
    due = message(contact="c-7", payload='{"to":"1","text":"ä€😀"}', due_at=NOW - 5)
    await store.insert(due)
    [claimed] = await store.claim()
    assert (claimed.id, claimed.workspace, claimed.channel, claimed.contact, claimed.payload) == (
        due.id,
        "acme",
        Channel.SMS,
        "c-7",
        due.payload,
    )
    assert (claimed.claim, claimed.number, claimed.tries, claimed.refused_since) == (1, 1, 0, None)
    assert claimed.slot >= NOW


async def test_a_message_is_not_claimed_before_it_is_due(store: Store) -> None:
    await store.insert(message(due_at=later(60)))
    assert await store.claim(later(60) - 1) == []
    assert len(await store.claim(later(60))) == 1


async def test_what_falls_due_within_the_lead_is_claimed_for_its_due_time(store: Store) -> None:
    await store.insert(message(due_at=NOW + 900))
    [claimed] = await store.claim(NOW, lead=1_000)
    assert claimed.slot == NOW + 1_000


async def test_a_claimed_message_is_not_claimed_again_while_its_lease_runs(store: Store) -> None:
    due = message()
    await store.insert(due)
    await store.claim()
    assert await store.claim(NOW + LEASE - 1, dispatcher=OTHER) == []
    assert (await store.job(due)).status is Status.CLAIMED


async def test_when_a_lease_has_run_out_the_message_is_claimed_anew_and_no_try_is_used(
    store: Store,
) -> None:
    due = message()
    await store.insert(due)
    await store.claim()
    after = NOW + LEASE
    assert (await store.job(due, after)).status is Status.SCHEDULED
    again = await store.pass_(after, dispatcher=OTHER)
    [claimed] = again.messages
    assert (claimed.claim, claimed.tries, claimed.number) == (2, 0, 1)
    assert again.recovered == 1
    job = await store.job(due, after)
    assert (job.status, job.tries, job.attempts) == (Status.CLAIMED, 0, 0)


async def test_a_renewed_lease_keeps_the_message(store: Store) -> None:
    await store.insert(message())
    [claimed] = await store.claim()
    assert await store.renew(claimed, now=later(20)) == {claimed.id}
    assert await store.claim(NOW + LEASE, dispatcher=OTHER) == []
    [recovered] = await store.claim(later(20) + LEASE, dispatcher=OTHER)
    assert recovered.claim == 2


async def test_a_lease_is_renewed_only_by_its_holder_at_its_claim(store: Store) -> None:
    await store.insert(message())
    [claimed] = await store.claim()
    assert await store.renew(claimed, dispatcher=OTHER) == set()
    [recovered] = await store.claim(NOW + LEASE)
    assert await store.renew(claimed, now=NOW + LEASE) == set()
    assert await store.renew(recovered, now=NOW + LEASE) == {recovered.id}


async def test_within_a_workspace_priority_goes_before_due_time_and_due_time_before_insertion(
    store: Store,
) -> None:
    low_early = message(priority=Priority.LOW, due_at=NOW - 90)
    late = message(due_at=NOW - 10)
    first, second = message(due_at=NOW - 50), message(due_at=NOW - 50)
    high = message(priority=Priority.HIGH, due_at=NOW)
    await store.insert(low_early, late, first, second, high)
    taken = await store.claim()
    assert [claimed.id for claimed in taken] == [
        high.id,
        first.id,
        second.id,
        late.id,
        low_early.id,
    ]
    assert [claimed.slot for claimed in taken] == sorted(claimed.slot for claimed in taken)


async def test_a_claim_takes_the_first_of_the_order_when_it_cannot_take_all(store: Store) -> None:
    messages = [message(due_at=NOW - 100 + number) for number in range(20)]
    await store.insert(*reversed(messages))
    assert [claimed.id for claimed in await store.claim(most=7)] == [m.id for m in messages[:7]]
    assert [claimed.id for claimed in await store.claim(most=7)] == [m.id for m in messages[7:14]]


async def test_what_fell_due_first_goes_first_though_it_was_scheduled_last(store: Store) -> None:
    first, last = (
        message(due_at=NOW, created_at=later(-20)),
        message(due_at=later(-5), created_at=later(-10)),
    )
    await store.insert(first, last)
    assert [claimed.id for claimed in await store.claim(most=1)] == [last.id]


async def test_channels_are_claimed_apart(store: Store) -> None:
    sms, email = message(), message(channel=Channel.EMAIL)
    await store.insert(sms, email)
    assert [claimed.id for claimed in await store.claim(channel=Channel.EMAIL)] == [email.id]
    assert [claimed.id for claimed in await store.claim(channel=Channel.SMS)] == [sms.id]


async def test_no_more_are_claimed_than_the_limit_has_slots_for(store: Store) -> None:
    await store.insert(*(message() for _ in range(120)))
    second = [await store.claim(NOW + step * 50_000, rate=50.0) for step in range(20)]
    slots = [claimed.slot for claims in second for claimed in claims]
    assert 40 <= len(slots) <= 70
    assert all(late - early >= SECOND for early, late in zip(slots, slots[50:], strict=False))


async def test_what_got_no_slot_is_untouched(store: Store) -> None:
    await store.insert(*(message() for _ in range(100)))
    claimed = await store.claim(rate=50.0)
    [[untouched]] = await store.select(
        "select count(*) from pending where claim = 0 and claimed_by is null"
    )
    assert 0 < len(claimed) < 50
    assert untouched == 100 - len(claimed)


async def test_a_workspace_with_a_limit_of_its_own_is_held_to_it_and_the_others_are_not(
    store: Store,
) -> None:
    await store.insert(*(message("slow") for _ in range(20)), *(message("fast") for _ in range(20)))
    await store.change("update lane set rate = 2 where workspace = 'slow'")
    first = await store.claim()
    assert sum(claimed.workspace == "slow" for claimed in first) == 1
    assert sum(claimed.workspace == "fast" for claimed in first) == 20
    slots = [claimed.slot for claimed in first if claimed.workspace == "slow"]
    for step in range(1, 60):
        slots += [claimed.slot for claimed in await store.claim(NOW + step * 50_000)]
    assert 5 <= len(slots) <= 7
    assert all(third - first >= SECOND for first, third in zip(slots, slots[2:], strict=False))


async def test_a_claim_says_when_the_next_message_is_due(store: Store) -> None:
    await store.insert(message(due_at=later(40)), message("other", due_at=later(30)))
    assert (await store.pass_()).wake_at == later(30)


async def test_a_claim_of_an_empty_channel_waits_for_a_wake(store: Store) -> None:
    await store.insert(message(channel=Channel.EMAIL))
    assert (await store.pass_(channel=Channel.SMS)).wake_at >= FOREVER


async def test_a_claim_wakes_the_next_when_the_lease_of_what_it_took_ends(store: Store) -> None:
    await store.insert(message())
    assert (await store.pass_()).wake_at == NOW + LEASE


async def test_a_full_limit_is_asked_again_when_it_has_slots_again(store: Store) -> None:
    await store.insert(*(message() for _ in range(100)))
    first = await store.pass_(rate=50.0)
    assert NOW < first.wake_at < later(1)
    assert await store.claim(NOW + 1_000, rate=50.0) == []
    assert len(await store.claim(first.wake_at, rate=50.0)) >= 2


async def test_a_paused_channel_is_not_claimed(store: Store) -> None:
    await store.insert(message())
    await store.change("update limit_state set paused = 1 where channel = 'sms'")
    paused = await store.pass_()
    assert (paused.messages, paused.wake_at >= FOREVER) == ([], True)


async def test_released_messages_are_due_again_at_once_and_no_try_is_used(store: Store) -> None:
    due = message()
    await store.insert(due)
    [claimed] = await store.claim()
    assert await store.release(claimed) == 1
    assert (await store.job(due)).status is Status.SCHEDULED
    [again] = await store.claim(dispatcher=OTHER)
    assert (again.claim, again.tries, again.number) == (2, 0, 1)


async def test_a_message_is_released_only_by_its_holder_at_its_claim(store: Store) -> None:
    due = message()
    await store.insert(due)
    [claimed] = await store.claim()
    assert await store.release(claimed, dispatcher=OTHER) == 0
    assert len(await store.claim(NOW + LEASE)) == 1
    assert await store.release(claimed, now=NOW + LEASE) == 0
    assert (await store.job(due, NOW + LEASE)).status is Status.CLAIMED


async def test_the_fourth_try_is_numbered_after_the_three_posts_that_went_out(store: Store) -> None:
    await store.insert(message())
    now = NOW
    for number in (1, 2, 3):
        [claimed] = await store.claim(now)
        assert claimed.number == number
        settled = await store.settle(settlement(claimed, Kind.FAILED), now=now, max_attempts=9)
        now = settled.again_at
    [claimed] = await store.claim(now)
    assert (claimed.number, claimed.tries) == (4, 3)


@pytest.mark.parametrize("reserves", [True, False], ids=["with slots", "ahead of them"])
async def test_a_limit_log_ahead_of_the_clock_is_silenced_in_the_store(
    store: Store, reserves: bool
) -> None:
    """A wrong clock reserved slots, and was put right while no dispatcher ran."""
    [[now]] = await store.database.read(read_clock)
    await store.insert(message(due_at=now), now=now)
    ahead = LimitLog([now + 3_600 * SECOND], [1], now + 3_600 * SECOND, 1)
    await store.database.write(slots.save_limit, Channel.SMS, ahead)
    assert await store.claim(now, rate=50.0, reserves=reserves) == []
    [[log]] = await store.select("select log from limit_state where channel = 'sms'")
    assert msgspec.json.decode(log, type=LimitLog).gaps == []
    assert len(await store.claim(now + 3 * SECOND, rate=50.0, reserves=reserves)) == 1


async def test_a_renewal_tells_two_claims_of_one_message_apart(store: Store) -> None:
    await store.insert(message())
    [first] = await store.claim()
    [second] = await store.claim(NOW + LEASE)
    both = [(first.id, first.claim), (second.id, second.claim)]
    kept = await store.database.write(claims.renew, both, DISPATCHER, NOW + 3 * LEASE)
    assert kept == {(second.id, second.claim)}


async def test_slots_of_a_limit_that_was_silenced_since_are_given_to_none(store: Store) -> None:
    await store.insert(message())
    claim = await store.pass_(most=0)
    await store.database.write(slots.silence, Channel.SMS, NOW)
    with pytest.raises(LimitSilenced) as silenced:
        await store.claim(later(5), silences=claim.silences)
    assert silenced.value.silences == claim.silences + 1
    assert await store.select("select claim from pending") == [(0,)]
    assert len(await store.claim(later(5), silences=silenced.value.silences)) == 1
    asked = ReserveRequest(Channel.SMS, 50.0, 0, 10, {}, silences=claim.silences)
    with pytest.raises(LimitSilenced):
        await store.database.write(slots.reserve, asked, later(5))
