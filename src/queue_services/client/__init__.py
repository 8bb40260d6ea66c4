"""The former name of `queue_services_client`: the same modules under the old paths, until 0.3."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queue_services_client import *  # noqa: F403

OLD, NEW = "queue_services.client", "queue_services_client"


class FormerName(MetaPathFinder, Loader):
    """Finds `queue_services.client.x` as the module `queue_services_client.x` itself, so that
    each class exists once, whichever name it is imported by.
    """

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module under its old name; None for one that does not exist."""
        if not fullname.startswith(OLD + "."):
            return None
        found = find_spec(_new(fullname))
        if found is None:
            return None
        package = found.submodule_search_locations is not None
        return ModuleSpec(fullname, self, origin=found.origin, is_package=package)

    def exec_module(self, module: ModuleType) -> None:
        """Put the real module in the place of the empty one that was made for the old name."""
        sys.modules[module.__name__] = import_module(_new(module.__name__))

    def get_code(self, fullname: str) -> CodeType | None:
        """What `python -m queue_services.client.reconcile` runs."""
        found = find_spec(_new(fullname))
        loader = found.loader if found else None
        return loader.get_code(_new(fullname)) if isinstance(loader, InspectLoader) else None


def _new(fullname: str) -> str:
    return NEW + fullname.removeprefix(OLD)


try:
    package = import_module(NEW)
except ModuleNotFoundError as error:
    raise ImportError(
        f"{error.name} is not installed: pip install 'queue-services[client]'", name=error.name
    ) from error
warnings.warn(
    f"{OLD} is now {NEW}; the old name will be removed in 0.3",
    DeprecationWarning,
    stacklevel=2,
)
sys.meta_path.insert(0, FormerName())  # first: the path of the real package finds copies
sys.modules[OLD] = package
