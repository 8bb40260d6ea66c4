"""Read and change workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from queue_services_client import wire
from queue_services_client.call import Call
from queue_services_client.calls.building import get, segment
from queue_services_client.either import Caller, Pages, call, pages
from queue_services_client.types import ChannelName, SendWindow, Workspace, WorkspaceList

Sort: TypeAlias = Literal["sent", "backlog", "exceeded"]


class WorkspaceCalls(Caller):
    """The calls about workspaces."""

    @call
    def workspace(self, workspace_id: str) -> Call[Workspace]:
        """A workspace's settings."""
        return Call(
            "GET",
            f"/api/workspaces/{segment(workspace_id, wire.WORKSPACE_ID)}",
            wire.decode_workspace,
            repeatable=True,
        )

    @pages
    def workspaces(self, *, sort: Sort = "sent") -> Pages[Workspace]:
        """All workspaces the service has seen, the busiest first by `sort`."""
        return Pages(
            lambda cursor: Call(
                "GET",
                "/api/workspaces",
                _workspaces_on_page,
                query=wire.query(sort=sort, cursor=cursor),
                repeatable=True,
            )
        )

    @call
    def workspace_page(
        self, *, sort: Sort = "sent", limit: int = 50, cursor: str | None = None
    ) -> Call[WorkspaceList]:
        """One page of `workspaces`: at most `limit`, from the `next_cursor` of the page before."""
        return get(
            "/api/workspaces", WorkspaceList, wire.query(sort=sort, limit=limit, cursor=cursor)
        )

    @call
    def change_workspace(
        self,
        workspace_id: str,
        *,
        tier: str | UnsetType | None = UNSET,
        timezone: str | UnsetType | None = UNSET,
        limits: dict[ChannelName, float | None] | UnsetType | None = UNSET,
        callback_base_urls: dict[ChannelName, str | None] | UnsetType | None = UNSET,
        paused: dict[ChannelName, bool] | UnsetType = UNSET,
        events_url: str | UnsetType | None = UNSET,
        signing_secret: str | UnsetType | None = UNSET,
        send_window: SendWindow | UnsetType | None = UNSET,
    ) -> Call[Workspace]:
        """Change the settings given and leave the others; None clears one (a limit falls back
        to the tier's). Limits are messages a second.

        Raises ValidationFailed, and Unauthorized where the key is not an administrator's.
        """
        body = wire.members(
            tier=tier,
            timezone=timezone,
            limits=limits,
            callback_base_urls=callback_base_urls,
            paused=paused,
            events_url=events_url,
        )
        body |= wire.members(signing_secret=signing_secret, send_window=send_window)
        path = f"/api/workspaces/{segment(workspace_id, wire.WORKSPACE_ID)}"
        return Call("PUT", path, wire.decode_workspace, partial(wire.encode, body), repeatable=True)


def _workspaces_on_page(content: bytes) -> tuple[Sequence[Workspace], str | None]:
    page = wire.decode(WorkspaceList, content)
    return page.workspaces, page.next_cursor
