"""A track's effects in a scripted render: pedalboard's own by name, or a VST3 by path."""

import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard

from bridge.set_words import Effect, SetError, TrackSpec, nearest
from osc_schemas.clip import Samples

_pedalboard: Any = pedalboard  # what it exports is hidden from mypy

PROBE_FRAMES = 16_384
FEWEST_FRAMES = 4  # pedalboard takes the shorter side of a block for its channels
FILE = "impulse_response_filename"

EFFECTS: dict[str, type[Any]] = {
    name: kind
    for name, kind in vars(_pedalboard).items()
    if inspect.isclass(kind)
    and issubclass(kind, _pedalboard.Plugin)
    and not issubclass(kind, (_pedalboard.PluginContainer, _pedalboard.ExternalPlugin))
    and "IIRFilter" != name != "Plugin"  # the bases of others
}


class EffectError(SetError):
    """An effect is not known, cannot be loaded, or does not take a parameter. `key` leads to it in the set."""


class Chain:
    """One track's effects in their order, with the state they carry from block to block.

    Equal input in equal blocks gives equal bits. What comes out is as long as what went in and lies at the same
    frames, whatever the effects' own latency.
    """

    def __init__(self, effects: list[Any], *, sample_rate_hz: int) -> None:
        self._board = _pedalboard.Pedalboard(effects)
        self._sample_rate_hz = sample_rate_hz
        self._waiting: list[Samples] = []
        probe = self._board.process(np.zeros((2, PROBE_FRAMES), np.float32), sample_rate_hz, reset=False)
        self.has_latency = probe.shape[1] < PROBE_FRAMES
        self._board.reset()

    def process(self, block: Samples) -> Samples:
        """The wet frames of the next `block` (frames, 2).

        A chain with latency gives none before `finish`: to be in time it needs the frames that come after, and
        pedalboard moves them back only when it has the whole sound. Nor does any chain for its first few frames.
        """
        self._waiting.append(np.array(block))
        if self.has_latency or sum(map(len, self._waiting)) < FEWEST_FRAMES:
            return np.zeros((0, 2), np.float32)
        return self._wet(reset=False)

    def finish(self) -> Samples:
        """The frames that `process` has not given yet, after the last block. The chain begins anew."""
        count = sum(map(len, self._waiting))
        self._waiting.append(np.zeros((FEWEST_FRAMES, 2), np.float32))
        wet = self._wet(reset=self.has_latency)[:count]
        self._board.reset()
        return wet

    def process_whole(self, stem: Samples, *, block_frames: int = 4096) -> Samples:
        """A whole stem (frames, 2) through the chain, from its beginning state; the same bits each time."""
        wet = [self.process(stem[first : first + block_frames]) for first in range(0, len(stem), block_frames)]
        return np.concatenate([*wet, self.finish()])

    def _wet(self, *, reset: bool) -> Samples:
        dry = np.concatenate(self._waiting)
        self._waiting = []
        wet = self._board.process(np.ascontiguousarray(dry.T), self._sample_rate_hz, reset=reset)
        return np.ascontiguousarray(wet.T)


def chain_of(track: TrackSpec, *, sample_rate_hz: int, base: Path | None = None) -> Chain:
    """The chain that a set gives its track; relative paths in it begin at the folder of the set's file, `base`.

    Raises `EffectError` for the first effect that is not in order.
    """
    folder = base.parent if base else Path()
    effects = []
    for k, effect in enumerate(track.effects):
        try:
            effects.append(plug_in_of(effect, folder) if effect.path else _built_in(effect, folder))
        except EffectError as error:
            error.key = ("tracks", track.name, "effects", k, *error.key)
            raise
    return Chain(effects, sample_rate_hz=sample_rate_hz)


def parameters_of(name: str) -> list[str]:
    """The parameters that one of pedalboard's own effects takes."""
    found = [key for key, _ in inspect.getmembers(EFFECTS[name], lambda member: isinstance(member, property))]
    return [key for key in found if key not in ("is_effect", "is_instrument", "impulse_response")]


def _built_in(effect: Effect, folder: Path) -> Any:
    name = effect.name
    if name not in EFFECTS:
        raise EffectError(f"the effect {name!r} is not known{nearest(name, EFFECTS)}", key=("name",))
    known = parameters_of(name)
    values: dict[str, Any] = {}
    for key, value in effect.parameters.items():
        if key not in known:
            raise EffectError(f"{name} has no {key}{nearest(key, known)}", key=(key,))
        values[key] = str(folder / str(value)) if key == FILE else _fitted(EFFECTS[name](), key, value)
    if FILE in known and FILE not in values:
        raise EffectError(f"{name} needs {FILE}, the path of an audio file", key=("name",))
    try:
        return EFFECTS[name](**values)
    except (ValueError, TypeError, RuntimeError) as error:  # pedalboard says itself what a value must be
        raise EffectError(f"{name} does not take these values: {str(error).splitlines()[0]}", key=("name",)) from None


def _fitted(example: Any, key: str, value: str | float | bool) -> Any:
    """A parameter's value, in the kind the effect has there: a number, or one of a few words."""
    words: dict[str, Any] | None = getattr(type(getattr(example, key)), "__members__", None)
    if words is not None:
        if str(value) not in words:
            raise EffectError(f"{key} is {value!r}; it must be one of {', '.join(words)}", key=(key,))
        return words[str(value)]
    if isinstance(value, str) or not math.isfinite(value):
        raise EffectError(f"{key} is {value!r}; it must be a number", key=(key,))
    return value


def plug_in_of(effect: Effect, folder: Path) -> Any:
    """The VST3 of an effect as pedalboard has it, its parameters set; a relative path begins at `folder`.

    Raises `EffectError`.
    """
    path = folder / effect.path
    try:
        plug_in: Any = _pedalboard.load_plugin(str(path))
    except (ImportError, ValueError, RuntimeError) as error:  # several kinds of lines; the last says most
        reason = str(error).splitlines()[-1].strip() if path.exists() else "there is no such file"
        raise EffectError(f"the plug-in {path} cannot be loaded: {reason}", key=("path",)) from None
    if not plug_in.is_effect:
        raise EffectError(f"{path} is an instrument; a track's chain takes effects", key=("path",))
    for key, value in effect.parameters.items():
        if key not in plug_in.parameters:
            raise EffectError(f"{plug_in.name} has no {key}{nearest(key, plug_in.parameters)}", key=(key,))
        try:
            setattr(plug_in, key, value)
        except (ValueError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[0]
            raise EffectError(f"{plug_in.name} does not take {value!r} for {key}: {reason}", key=(key,)) from None
    return plug_in
