"""Has the sounds made that hosts want ahead of time: each once, a few at a time, and kept as takes like any other."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bridge.engine_link import ClipArrived, LinkEvent, RequestRefused
from bridge.scheduler import request_for
from bridge.shelf import SoundKey, sound_key
from bridge.tracks.sound import Sound
from bridge.triggers.heard import unanswered
from osc_schemas.clip import Clip
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.shape import Shape

if TYPE_CHECKING:
    from bridge.player import Player

ASKED_MAX = 8  # at a time, so that what is played by hand never waits long
FAILED_MAX = 1_000
SILENCE_PEAK = 10 ** (-60 / 20)


@dataclass(frozen=True, slots=True)
class NoSound:
    """Why there is no sound; the sentence was said to all who listen."""

    sentence: str


class Maker:
    """One owner thread, the player's."""

    def __init__(self, player: "Player") -> None:
        self._player = player
        self._asked: dict[str, tuple[SoundKey, Cue]] = {}  # by request id
        self._failed: OrderedDict[SoundKey, NoSound] = OrderedDict()
        self._requests_made = 0

    def request(self, cue: Cue, *, tempo_bpm: float, knobs: Shape) -> GenerateRequest:
        """What the engine is asked for a cue at the host's tempo. Raises `CueError` for one that is too long there."""
        player = self._player
        self._requests_made += 1
        frames = round(cue.length_beats * 60 / tempo_bpm * player.mixer.sample_rate_hz)
        return request_for(
            cue,
            request_id=f"{cue.name[:40]}-host-{self._requests_made}",
            frames=frames,
            sample_rate_hz=player.mixer.sample_rate_hz,
            tempo_bpm=tempo_bpm,
            key=player.music.key,
            knobs=knobs,
            deadline_in_s=0.0,
            exact=False,
        )

    def sound(self, cue: Cue, request: GenerateRequest, *, within_s: float) -> Sound | NoSound | None:
        """The sound, why there is none, or None while it is being made or waits for its turn."""
        if (sound := self._player.sounds.at_hand(request, cue)) is not None:
            return sound
        key = sound_key(request)
        if key in self._failed:
            return self._failed[key]
        if len(self._asked) >= ASKED_MAX or any(key == asked for asked, _ in self._asked.values()):
            return None
        if any(sound_key(wish.request) == key for wish in self._player.wishes.values()):
            return None  # the player has asked for the very same
        self._asked[request.request_id] = (key, cue)
        self._player.engine.request(replace(request, deadline_in_s=within_s))
        return None

    def took(self, event: LinkEvent) -> bool:
        """Take in what the engine says of a request of ours; False if it is about another."""
        match event:
            case ClipArrived() if event.clip.request.request_id in self._asked:
                _, cue = self._asked.pop(event.clip.request.request_id)
                self._take_in(event, cue)
                return True
            case RequestRefused() if event.refusal.request_id in self._asked:
                _, cue = self._asked[event.refusal.request_id]
                self._fail(event.refusal, cue)
                return True
        return False

    def try_again(self) -> None:
        """The engine is there again: what it refused may be asked for anew."""
        self._failed.clear()

    def _take_in(self, event: ClipArrived, cue: Cue) -> None:
        player, clip = self._player, event.clip
        if is_silent(clip):
            sentence = f"the engine made silence of {cue.prompt!r}; say it in other words or take another seed"
            self._put_down(sound_key(clip.request), cue, "silent", sentence)
            return
        player.latencies.note(clip.request, event.request_to_clip_ms / 1_000)
        sound = player.sounds.sound_of(clip, cue)
        player.sounds.keep(clip, cue, sound, request_to_clip_ms=event.request_to_clip_ms)
        player.tell(
            "/clip/ready",
            request_id=clip.request.request_id,
            cue=cue.name,
            track=cue.track,
            request_to_clip_ms=event.request_to_clip_ms,
            understood=clip.provenance.understood,
        )

    def _fail(self, refusal: Refusal, cue: Cue) -> None:
        key, _ = self._asked.pop(refusal.request_id)
        self._put_down(key, cue, refusal.reason, refusal.sentence)

    def _put_down(self, key: SoundKey, cue: Cue, reason: str, sentence: str) -> None:
        self._failed[key] = NoSound(sentence)
        if len(self._failed) > FAILED_MAX:
            self._failed.popitem(last=False)
        self._player.refuse(unanswered, cue.name, reason, sentence)


def is_silent(clip: Clip) -> bool:
    """Whether a clip stays under what anybody hears."""
    return float(np.max(np.abs(clip.samples), initial=0.0)) < SILENCE_PEAK


def seconds_until(beat: float, now_beat: float, tempo_bpm: float) -> float:
    """How long it is to a beat that lies ahead; a long while for one that lies behind.

    >>> seconds_until(8, 4, 120)
    2.0
    """
    return (beat - now_beat) * 60 / tempo_bpm if beat >= now_beat and math.isfinite(beat) else 3_600.0
