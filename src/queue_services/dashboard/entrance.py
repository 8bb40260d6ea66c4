"""Coming in and going out, and seeing recipients whole: the pages of the session itself."""

from __future__ import annotations

from starlette.responses import Response

from queue_services.dashboard import view
from queue_services.dashboard.visits import Need, Page, Visit, tried
from queue_services.errors import NotFound
from queue_services.queue import sessions
from queue_services.queue.sessions import StoredSession
from queue_services.wire.fields import shown


async def login_form(visit: Visit) -> Response:
    """GET /login."""
    if await visit.desk.login.is_open():
        return visit.go(view.path())
    return _form(visit)


async def log_in(visit: Visit) -> Response:
    """POST /login."""
    username, password = visit.form.get("username", ""), visit.form.get("password", "")
    visitor = await tried(visit, username, password)
    if visitor is None:
        return _form(visit, 403, "This name and password, or this key, let nobody in.")
    visit.visitor = visitor
    async with visit.audited("log in", visitor.name):
        visit.session = await visit.desk.sessions.begin(visit.session, visitor, visit.address)
        return visit.go(_after(visit.form.get("after")))


async def log_out(visit: Visit) -> Response:
    """POST /logout."""
    visit.session = await visit.desk.sessions.end(visit.session)
    return visit.go(view.path("login"))


async def list_sessions(visit: Visit) -> Response:
    """GET /sessions: an administrator sees all, anybody else those of the same key."""
    return visit.page("sessions.html", sessions=await _seen(visit))


async def end_session(visit: Visit) -> Response:
    """POST /sessions/{id}/end. Raises NotFound."""
    identity = visit.named("session")
    found = next((one for one in await _seen(visit) if one.id == identity), None)
    if found is None:
        raise NotFound("session", shown(identity))
    async with visit.audited("end session", found.name, workspace=found.workspace):
        await sessions.end.run(visit.desk.database, identity)
    return visit.go(view.path("sessions"), f"The session of {found.name} is ended.")


async def _seen(visit: Visit) -> list[StoredSession]:
    found = await sessions.every.run(visit.desk.database, visit.now)
    if visit.visitor.administers:
        return found
    return [one for one in found if one.key_id is not None and one.key_id == visit.visitor.key]


async def show_recipients(visit: Visit) -> Response:
    """POST /recipients."""
    wanted = visit.filled("shown") == "yes"
    after = _after(visit.form.get("after"))
    if wanted:
        async with visit.audited(
            "show recipients", after.removeprefix(view.path()) or "/", detail="for 15 minutes"
        ):
            await _show(visit, wanted=True)
    else:
        await _show(visit, wanted=False)
    return visit.go(after)


async def _show(visit: Visit, *, wanted: bool) -> None:
    visit.session = await visit.desk.sessions.show_recipients(
        visit.session, visit.visitor, visit.address, shown=wanted
    )


def _form(visit: Visit, status: int = 200, fault: str | None = None) -> Response:
    after = visit.asked("after") or visit.filled("after") or ""
    return visit.page(
        "login.html",
        status,
        fault=fault,
        after=after,
        by_name=visit.desk.login.username is not None,
    )


def _after(given: str | None) -> str:
    """Where to go next: a page of the dashboard, and never another site."""
    inside = (
        given is not None
        and (given == view.path() or given.startswith((view.path() + "/", view.path() + "?")))
        and "\\" not in given
    )
    return given if given is not None and inside and given.isprintable() else view.path()


PAGES = [
    Page("GET", "/login", login_form, Need.NOTHING),
    Page("POST", "/login", log_in, Need.NOTHING),
    Page("POST", "/logout", log_out, Need.NOTHING),
    Page("POST", "/recipients", show_recipients),
    Page("GET", "/sessions", list_sessions),
    Page("POST", "/sessions/{session}/end", end_session),
]
