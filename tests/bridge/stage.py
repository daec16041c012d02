"""A stage for tests: a player with the real mixer, a hand-run clock, and an engine that answers when it is told to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pythonosc.osc_message import OscMessage

from bridge.elsewhere import Elsewhere, nowhere
from bridge.engine_link import ClipArrived, RequestRefused
from bridge.library import Library
from bridge.player import Player
from bridge.set_file import Set, TimelineEntry, TrackSpec
from bridge.tracks.mixer import Mixer
from bridge.triggers.heard import Heard, Trigger, message_of
from osc_schemas.clip import Clip, Provenance, Samples
from osc_schemas.codec import Value
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest, Refusal

RATE_HZ = 48_000
BLOCK_FRAMES = 480


def cue(name: str = "kick", **changes: object) -> Cue:
    """A one-beat cue on the first track."""
    wanted: dict[str, object] = {"name": name, "track": "drums", "prompt": name, "length_beats": 1.0}
    return Cue(**(wanted | {"quantum_beats": 1.0} | changes))  # type: ignore[arg-type]


def a_set(*cues: Cue, timeline: tuple[tuple[float, str], ...] = (), **changes: object) -> Set:
    """A set of those cues at 120 BPM: a beat is 24 000 frames."""
    tracks = {name: TrackSpec(name=name) for name in ("drums", "bass")}
    wanted: dict[str, object] = {"tracks": tracks, "cues": {cue.name: cue for cue in cues}}
    wanted["timeline"] = tuple(TimelineEntry(beat=beat, cue=name) for beat, name in timeline)
    return Set(**(wanted | changes))  # type: ignore[arg-type]


@dataclass
class ToldEngine:
    """Remembers what it was asked; a test answers in its stead."""

    state: str = "ready"
    family: str = "told"
    steps_offered: tuple[int, ...] = (1, 2, 4)
    asked: list[GenerateRequest] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def request(self, request: GenerateRequest) -> None:
        self.asked.append(request)

    def cancel(self, request_id: str) -> None:
        self.cancelled.append(request_id)


class Stage:
    """A player and all that it needs, run by hand: `stage.run(2)` is two beats of music in a few milliseconds."""

    def __init__(
        self,
        music: Set,
        folder: Path,
        *,
        arm: bool = False,
        elsewhere: Callable[[Player], Elsewhere] = nowhere,
    ) -> None:
        self.mixer = Mixer(list(music.tracks), sample_rate_hz=music.sample_rate_hz)
        self.engine = ToldEngine()
        self.library = Library(folder)
        self.player = Player(
            music,
            mixer=self.mixer,
            engine=self.engine,
            library=self.library,
            place_ahead_frames=2 * BLOCK_FRAMES,
            now_s=lambda: self.mixer.frame / RATE_HZ,
            unix_s=lambda: self.mixer.frame / RATE_HZ,
            arm=arm,
            elsewhere=elsewhere,
        )
        self.beside: Callable[[], object] = lambda: None  # what other threads would do meanwhile, after each block
        self.replies: list[OscMessage] = []
        self._blocks: list[Samples] = []

    @property
    def sound(self) -> Samples:
        """All that was heard so far: (frames, 2)."""
        return np.concatenate(self._blocks) if self._blocks else np.zeros((0, 2), np.float32)

    def hear(self, address: str, *, trigger: Trigger = "osc", at_unix_s: float | None = None, **values: Value) -> None:
        """Say something to the player, as over OSC."""
        message = message_of(address, **values)
        if at_unix_s is not None:
            message = type(message)(route=message.route, values=message.values, at_unix_s=at_unix_s)
        self.player.hear(Heard(message=message, trigger=trigger, reply=self._reply, sender="test"))

    def run(self, beats: float, *, answer: bool = True) -> None:
        """Let the music go on, with an engine that answers at once or not at all."""
        until_frame = self.mixer.frame + round(beats * RATE_HZ / 2)
        while self.mixer.frame < until_frame:
            self.player.tick()
            if answer:
                self.answer_all()
                self.player.tick()
            block = np.zeros((min(BLOCK_FRAMES, until_frame - self.mixer.frame), 2), np.float32)
            self.mixer.mix(block)
            self._blocks.append(block)
            self.beside()
        self.player.tick()

    def answer_all(self) -> None:
        """Give every request its clip."""
        while self.engine.asked:
            self.answer(self.engine.asked.pop(0))

    def answer(self, request: GenerateRequest, *, samples: Samples | None = None, after_ms: float = 10.0) -> None:
        """Give one request its clip: a click and a decay that its seed makes recognisable, unless told otherwise."""
        self.player.engine_said(ClipArrived(clip_of(request, samples), after_ms))

    def refuse(self, request: GenerateRequest, reason: str = "engine-error") -> None:
        """Tell the player that no clip will come."""
        refusal = Refusal(request_id=request.request_id, reason=reason, sentence="it would not")
        self.player.engine_said(RequestRefused(refusal))

    def replied(self, address: str) -> list[list[object]]:
        """What came back under that address, oldest first."""
        return [list(message.params) for message in self.replies if message.address == address]

    def _reply(self, packet: bytes) -> None:
        self.replies.append(OscMessage(packet))


def clip_of(request: GenerateRequest, samples: Samples | None = None) -> Clip:
    """A clip for `request`: a click, then noise that decays to nothing well before its end, as long as it is shaped."""
    frames = request.frames + request.tail_frames
    if samples is None:
        noise = np.random.default_rng(request.seed).normal(0, 0.1, (frames, 1))
        samples = (noise * np.exp(-np.arange(frames) / (1_000 * request.shape.length))[:, None]).astype(np.float32)
        samples[0] = 0.8
    provenance = Provenance(family="told", weights_hash="0", device="cpu", guidance_scale=1.5)
    return Clip(request=request, samples=samples, provenance=provenance)


def onsets(sound: Samples) -> list[int]:
    """The frames at which a click stands out."""
    level = np.abs(sound[:, 0])
    loud = np.flatnonzero(level > 0.5 * level.max()) if len(level) and level.max() > 0 else np.empty(0, int)
    return [int(frame) for i, frame in enumerate(loud) if i == 0 or frame - loud[i - 1] > 2_000]
