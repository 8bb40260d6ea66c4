"""Coming in and going out, and seeing recipients whole: the pages of the session itself."""

from __future__ import annotations

from starlette.responses import Response

from queue_services.dashboard import view
from queue_services.dashboard.visits import Need, Page, Visit, tried


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
    visit.renew(visitor)
    visit.visitor = visitor
    async with visit.audited("log in", visitor.name):
        return visit.go(_after(visit.form.get("after")))


async def log_out(visit: Visit) -> Response:
    """POST /logout."""
    visit.renew(None)
    return visit.go(view.path("login"))


async def show_recipients(visit: Visit) -> Response:
    """POST /recipients."""
    shown = visit.filled("shown") == "yes"
    after = _after(visit.form.get("after"))
    if shown:
        async with visit.audited(
            "show recipients", after.removeprefix(view.BASE) or "/", detail="for 15 minutes"
        ):
            visit.show_recipients(shown=True)
    else:
        visit.show_recipients(shown=False)
    return visit.go(after)


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
        and (given == view.BASE or given.startswith((view.BASE + "/", view.BASE + "?")))
        and "\\" not in given
    )
    return given if given is not None and inside and given.isprintable() else view.path()


PAGES = [
    Page("GET", "/login", login_form, Need.NOTHING),
    Page("POST", "/login", log_in, Need.NOTHING),
    Page("POST", "/logout", log_out, Need.NOTHING),
    Page("POST", "/recipients", show_recipients),
]
