"""The effects of a render's track as devices of a DAWproject: a VST3 by its class and with its state.

What pedalboard has of its own is in no DAW, so it is named as left out; so is a plug-in that is not here any more.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge.performance import TrackPlayed
from bridge.render.effects import EffectError, plug_in_of
from bridge.set_words import Effect

PRESET_HEAD = re.compile(rb"VST3.{4}([0-9A-Fa-f]{32})", re.DOTALL)  # of a .vstpreset: its version, and the class
SETTLING_FRAMES, SETTLING_RATE_HZ = 4_096, 48_000

LoadPlugIn = Callable[[Effect], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A VST3 in a track's chain."""

    name: str
    vendor: str
    version: str
    device_id: str  # its class, as a UUID is written
    state: bytes  # a .vstpreset
    path: str  # of the state inside the export


def load(effect: Effect) -> Any:
    """The plug-in of an effect, its parameters set as in the render. Raises `EffectError`."""
    plug_in = plug_in_of(effect, Path())
    # A VST3 is told its parameters with the sound: before any has run through it, its state has the old ones.
    plug_in(np.zeros((2, SETTLING_FRAMES), np.float32), SETTLING_RATE_HZ)
    return plug_in


def devices_of(track: TrackPlayed, *, load: LoadPlugIn = load) -> tuple[list[Device], list[str]]:
    """The VST3s of a track's chain in their order, and a sentence on what is left out of it."""
    devices: list[Device] = []
    left_out: list[str] = []
    for number, effect in enumerate(track.effects, start=1):
        name = effect.name or Path(effect.path).stem
        if not effect.path:
            left_out.append(name)
            continue
        try:
            devices.append(_device(load(effect), path=f"plugins/{_plain(track.name)}-{number}.vstpreset"))
        except EffectError as error:
            left_out.append(f"{name}, because {error}")
    if not left_out:
        return devices, []
    what = "; ".join(left_out)
    return devices, [f"the effects of {track.name} are not all in the file ({what}); the render's own stem has them"]


def _device(plug_in: Any, *, path: str) -> Device:
    """Raises `EffectError` for a plug-in that gives no state of the kind that DAWs read."""
    state = getattr(plug_in, "preset_data", b"")
    head = PRESET_HEAD.match(state)
    if head is None:
        raise EffectError(f"{plug_in.name} gives no preset that says which VST3 it is")
    digits = head[1].decode()
    return Device(
        name=plug_in.name,
        vendor=plug_in.manufacturer_name,
        version=plug_in.version,
        device_id="-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])),
        state=state,
        path=path,
    )


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name) or "track"
