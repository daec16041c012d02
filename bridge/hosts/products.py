"""The hosts that we know, by the name that sets write. An adapter is loaded when it is asked for."""

import importlib
from pathlib import Path
from typing import cast

from bridge.hosts.base import HostError, Product
from osc_schemas.nearest import nearest_only

NAMES = ("live", "bitwig", "reaper", "ardour", "folder", "plugin")


def product(name: str) -> Product:
    """What we know of a host. Raises `HostError` for a name that is none."""
    if name not in NAMES:
        raise HostError(
            f"there is no host {name[:80]!r}; it must be one of {', '.join(NAMES)}" + nearest_only(name, NAMES)
        )
    return cast(Product, importlib.import_module(f"bridge.hosts.{name}").PRODUCT)


def page(name: str) -> Path:
    """The page that a user of that host can follow."""
    return Path(__file__).parent / "pages" / f"{name}.md"
