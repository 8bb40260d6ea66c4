"""What `help` and editors show of the clients' methods."""

from __future__ import annotations

import inspect
import pydoc

import pytest

from queue_services_client import AsyncQueueService, QueueService
from queue_services_client.calls import Calls
from queue_services_client.either import Listing, Method
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService

METHODS = [
    name
    for owner in Calls.__mro__
    for name, value in vars(owner).items()
    if isinstance(value, Method | Listing)
]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("owner", [QueueService, AsyncQueueService])
def test_help_shows_each_method_with_its_parameters_and_its_answer(owner: type, name: str) -> None:
    shown = pydoc.plain(pydoc.render_doc(getattr(owner, name)))
    signature = next(line for line in shown.splitlines() if line.startswith(name))
    assert signature.startswith(f"{name}(self")
    assert "-> " in signature
    assert not any(inner in signature for inner in ("Call[", "Steps[", "Pages["))


def test_help_shows_a_clients_own_method_without_the_client() -> None:
    blocking, awaiting = FakeQueueService(), AsyncFakeQueueService()
    signatures = [str(inspect.signature(method)) for method in (blocking.status, awaiting.status)]
    assert signatures == ["(job_id: 'str') -> 'Job'", "(job_id: 'str') -> 'Awaitable[Job]'"]
    listings = [str(inspect.signature(method)) for method in (blocking.jobs, awaiting.jobs)]
    assert listings == [
        "(**filters: 'Unpack[JobFilters]') -> 'Iterator[Job]'",
        "(**filters: 'Unpack[JobFilters]') -> 'AsyncIterator[Job]'",
    ]
