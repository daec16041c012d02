"""Upbeat's remote script for Ableton Live: puts Upbeat's clips into slots and onto the arrangement.

`upbeat hosts install live` copies this folder into Live's User Library; Live lists it by the folder's name. Nothing in
it needs more than what is inside Live, and without Live it can still be imported. It runs on Live's own Python: 3.11 in
Live 12, and 3.7 in Live 11, where it can only say that Live is too old.
"""

from __future__ import annotations

from typing import Any

PORT = 7430  # UDP, on this machine alone
VERSION = 1  # of the words that both sides speak; goes up when they change


def create_instance(c_instance: Any, port: int = PORT) -> Any:
    """What Live calls when the script is chosen as a control surface."""
    from .surface import surface  # it needs what only Live has

    return surface(c_instance, port)
