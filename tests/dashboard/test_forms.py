"""Forms are read within bounds of size, time and memory, and nothing of one that no page of
the session holds.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import pytest

from queue_services.dashboard import forms
from queue_services.web.bodies import FORM, UNCOUNTED, Memory, Reads
from tests.api.service import EMAIL
from tests.dashboard.site import Page, Site, opened

KIND = {"content-type": FORM}
SEND, PAUSE = "/admin/queues/send", "/admin/queues/channels/sms/pause"
MEBIBYTE = 1024 * 1024


async def post(site: Site, path: str, content: bytes | AsyncIterator[bytes]) -> Page:
    return Page(await site.client.post(path, content=content, headers=KIND))


class Unread:
    """A body that was not asked for."""

    def __init__(self, content: bytes = b"") -> None:
        self.content, self.asked = content, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.asked += 1
            yield self.content


@pytest.mark.parametrize("body", [b"a=%ff", b"a=%00", b"a=1&" * 3000])
async def test_a_form_that_is_no_text_or_has_too_many_fields_is_refused(
    site: Site, body: bytes
) -> None:
    token = f"token={quote_plus(await site.token())}&".encode()
    assert (await post(site, SEND, token + body)).code == 400


async def test_a_forms_fields_are_read_as_browsers_write_them(site: Site) -> None:
    text = "Grüße & = + % 100%41 \r\n" + "☺" * forms.SLICE
    message = {**EMAIL, "channel": "email", "html": text, "token": await site.token()}
    sent = await post(site, SEND, urlencode(message).encode())
    assert sent.code == 303, sent.text
    job = await site.store.job(sent.to.removeprefix("/jobs/"), site.service.now)
    assert f'"html":"{text[:20]}'.encode() in job.payload.encode()
    assert "☺" * forms.SLICE in job.payload


async def test_a_small_form_has_16_kib_at_most_whether_its_length_is_told_or_not(
    site: Site,
) -> None:
    token = f"token={await site.token()}&a=".encode()
    most = token + b"a" * (forms.SMALL.limit - len(token))
    assert (await post(site, PAUSE, most)).code == 303
    assert (await post(site, PAUSE, most + b"a")).code == 413
    endless = Unread(b"a" * 10_000)
    assert (await post(site, PAUSE, aiter(endless))).code == 413
    assert endless.asked <= 3
    assert (await post(site, SEND, most + b"a")).code == 400
    assert (await post(site, SEND, b"a" * (forms.LARGE.limit + 1))).code == 413


@pytest.mark.parametrize("path", [SEND, "/admin/queues/login"])
async def test_nothing_is_read_of_a_form_that_comes_without_a_session(
    site: Site, path: str
) -> None:
    endless = Unread(b"a" * 10_000)
    assert (await post(site, path, aiter(endless))).code == 403
    assert endless.asked <= 1


async def test_a_form_with_a_foreign_token_is_refused_before_it_is_taken_apart(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.get()
    monkeypatch.setattr(forms, "members", None)
    body = b"html=" + b"%41" * 500_000
    assert (await post(site, SEND, b"token=made+up&" + body)).code == 403
    assert (await post(site, SEND, body + b"&token=made+up")).code == 403


async def test_a_form_that_does_not_come_in_time_is_408(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, hurried = forms.read, Reads(media_types=(FORM,), seconds=0.01)
    monkeypatch.setattr(forms, "read", lambda request, _, share: read(request, hurried, share))

    async def never() -> AsyncIterator[bytes]:
        yield b"token="
        await asyncio.get_running_loop().create_future()

    async with opened(tmp_path) as site:
        await site.get()
        refused = await post(site, SEND, never())
    assert refused.code == 408
    assert "did not arrive" in refused.text


async def test_forms_and_the_apis_bodies_share_one_bound_of_memory(tmp_path: Path) -> None:
    memory = Memory(MEBIBYTE)
    async with opened(tmp_path, memory=memory) as site:
        token = f"token={await site.token()}&html=".encode()
        too_much = token + b"a" * (MEBIBYTE + UNCOUNTED)
        refused = await post(site, SEND, too_much)
        assert (refused.code, refused.answer.headers["retry-after"]) == (503, "2")
        with memory.share() as share:
            share.cover(MEBIBYTE)
            assert (await post(site, SEND, token + b"a" * 2 * UNCOUNTED)).code == 503
            assert (await post(site, PAUSE, token)).code == 303
        assert (await post(site, SEND, token + b"a" * 2 * UNCOUNTED)).code == 400
        assert memory.held == 0


async def test_a_form_of_3_mib_is_taken_apart_in_short_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0
    run = events.Handle._run

    def counted(handle: events.Handle) -> None:
        nonlocal steps
        steps += 1
        run(handle)

    monkeypatch.setattr(events.Handle, "_run", counted)
    found = await forms.members(b"html=" + b"%41" * MEBIBYTE)
    assert found["html"] == "A" * MEBIBYTE
    assert steps >= 3 * MEBIBYTE // forms.SLICE
