"""What must sound, worked out without blocks: a second, plain answer for the tests of the plug-in's player.

A host's way is cut into stretches. In each the tempo is one and the host goes straight on; between two of them it may
take another tempo, jump, stop or start. Everything begins on a frame; what comes after is not looked at here.
"""

import math
import random
from dataclasses import dataclass, field

TEMPOS_BPM = (
    20.03,
    61.7,
    97.0,
    119.9,
    133.337,
    301.7,
    998.9,
)  # none that puts a beat between two frames, where the last
# bit of the host's own sum would decide


@dataclass(kw_only=True)
class Part:
    """A placement, or what a note has launched."""

    name: str
    beat: float
    length_beats: float = 4.0
    loop: bool = False
    until_beat: float = -1e6
    kept: bool = True
    serial: int = 0
    quantum_beats: float = 0.0
    struck: bool = False
    done: bool = False  # nothing more of it in this run of the host
    begun: bool = False
    free: bool = False  # by frames, on a host that stands
    free_frame: int = 0
    turn: int = 0  # the loop's next pass

    @property
    def rank(self) -> tuple[int, int]:
        """Of what begins together, the last one is the one that goes on."""
        return (2 if self.struck else 0 if self.kept else 1, self.serial)

    @property
    def goes(self) -> bool:
        """Whether it is the loop that is under way."""
        return self.loop and self.begun and not self.done


@dataclass(kw_only=True)
class Stretch:
    """The host's next frames, and what is asked just before the first of them."""

    frames: int
    tempo_bpm: float
    playing: bool = True
    jump_to: float | None = None
    place: list[Part] = field(default_factory=list)
    take_back: list[str] = field(default_factory=list)
    strokes: list[tuple[int, str, float, bool, float]] = field(default_factory=list)  # frame, name, grid, loop, beats


class Music:
    """Carries out stretches; `begins` has (frame, name) of all that began, `late` how late loops came."""

    def __init__(self, rate_hz: int) -> None:
        """At frame and beat 0, on a host that stands."""
        self.rate_hz, self.tempo_bpm, self.playing = rate_hz, 120.0, False
        self.frame = self.anchor_frame = 0
        self.beat = 0.0
        self.parts: list[Part] = []
        self.begins: list[tuple[int, str]] = []
        self.late: set[int] = set()

    def frame_of(self, beat: float) -> int:
        return self.anchor_frame + round((beat - self.beat) * 60 / self.tempo_bpm * self.rate_hz)

    def beat_at(self, frame: int) -> float:
        if not self.playing:
            return self.beat
        return self.beat + (frame - self.anchor_frame) * self.tempo_bpm / 60 / self.rate_hz

    def pass_frame(self, part: Part, turn: int) -> int:
        if part.free:
            return part.free_frame  # loops of a host that stands are left out here
        return self.frame_of(part.beat + turn * part.length_beats)

    def go(self, stretch: Stretch) -> None:
        came = []
        for part in stretch.place:
            self.parts.append(part)
            came.append(part)
        self.parts = [part for part in self.parts if part.name not in stretch.take_back]
        came = [part for part in came if part in self.parts]
        came_to = self.beat_at(self.frame)
        was_playing = self.playing
        self.beat = came_to if stretch.jump_to is None else stretch.jump_to
        self.anchor_frame, self.tempo_bpm, self.playing = self.frame, stretch.tempo_bpm, stretch.playing
        if was_playing and not self.playing:
            self.parts = [part for part in self.parts if part.kept]
            for part in self.parts:
                part.done, part.begun, part.turn = False, False, 0
        if self.playing and not was_playing:
            self.parts = [part for part in self.parts if not part.free]
            self.join_all()
        elif self.playing and stretch.jump_to is not None:
            self.jump(came_to)
        self.welcome([part for part in came if part in self.parts])
        for stroke in sorted(stretch.strokes, key=lambda stroke: stroke[0]):
            self.strike(*stroke)
        self.sound(self.frame + stretch.frames)
        self.frame += stretch.frames

    def jump(self, came_to: float) -> None:
        for part in self.parts:
            if part.kept or part.done:
                continue
            endless = part.until_beat <= part.beat
            if part.begun:
                if part.loop and part.beat > self.beat:
                    part.beat -= math.ceil((part.beat - self.beat) / part.length_beats) * part.length_beats
            elif part.struck:
                grid = part.quantum_beats
                part.beat = math.ceil(self.beat / grid - 1e-6) * grid if grid else self.beat
            elif abs(part.beat - came_to) * 60 / self.tempo_bpm * self.rate_hz <= 1:
                part.beat = self.beat
            if endless:
                part.until_beat = part.beat
        self.join_all()

    def join_all(self) -> None:
        for part in self.parts:
            part.turn = 0
            if part.kept:
                part.done = part.begun = False
        past = [part for part in self.parts if self.frame_of(part.beat) < self.frame and not part.done]
        loops = [part for part in self.parts if part.loop and not part.done and (part.begun or part in past)]
        on = max(loops, key=lambda part: (part.begun, part.beat, part.serial), default=None)
        for part in past:
            self.catch_up(part, quietly=part is not on)

    def welcome(self, came: list[Part]) -> None:
        if not self.playing:
            for part in came:
                if not part.kept and part.beat <= self.beat:
                    part.free, part.free_frame = True, self.frame
            return
        past = [part for part in came if self.frame_of(part.beat) < self.frame]
        goes = [part for part in self.parts if part.goes]
        on = max(goes + [part for part in past if part.loop], key=lambda part: (part.beat, part.serial), default=None)
        for part in past:
            if self.catch_up(part, quietly=part is not on):
                self.late.add(self.frame - self.frame_of(part.beat))

    def catch_up(self, part: Part, *, quietly: bool) -> bool:
        """What has its beat behind the host: a shot is over, a loop goes on with its next pass. Whether it does."""
        over = part.until_beat > part.beat and self.frame_of(part.until_beat) <= self.frame
        if not part.loop or over or quietly:
            self.end(part)
            return False
        part.turn = 0
        while self.pass_frame(part, part.turn) < self.frame:
            part.turn += 1
        part.begun = True
        self.take_over(part)
        return True

    def strike(self, at: int, name: str, grid: float, loop: bool, length_beats: float) -> None:
        frame = self.frame + at
        part = Part(name=name, beat=self.beat_at(frame), loop=loop, kept=False, struck=True, length_beats=length_beats)
        part.quantum_beats, part.free, part.free_frame = grid, not self.playing, frame
        if self.playing and grid:
            line = math.ceil(part.beat / grid - 1e-6) * grid
            part.beat = line if self.frame_of(line) >= frame else part.beat
        part.until_beat = part.beat
        if not any(
            other.struck and other.name == name and not other.begun and other.beat == part.beat and not other.free
            for other in self.parts
        ):
            self.parts.append(part)

    def sound(self, end: int) -> None:
        """Begin all that begins before the frame `end`."""
        while True:
            due = []
            for number, part in enumerate(self.parts):
                if part.done or not (self.playing or part.free):
                    continue
                at = self.pass_frame(part, part.turn)
                if not part.free and part.loop and part.until_beat > part.beat:
                    stop = self.frame_of(part.until_beat)
                    due.append((stop, 2, part.rank, number) if stop <= at else (at, int(part.begun), part.rank, number))
                else:
                    due.append((at, int(part.begun), part.rank, number))
            if not due or min(due)[0] >= end:
                return
            frame, what, _, number = min(due)
            part = self.parts[number]
            if what == 2:
                self.end(part)
                continue
            self.begins.append((max(frame, self.frame), part.name))
            if part.loop:
                if not part.begun:
                    self.take_over(part)
                part.begun = True
                part.turn += 1
            else:
                self.end(part)

    def take_over(self, by: Part) -> None:
        for part in [part for part in self.parts if part is not by and part.goes]:
            self.end(part)

    def end(self, part: Part) -> None:
        part.done = True
        if not part.kept:
            self.parts = [other for other in self.parts if other is not part]


def made_up(seed: int) -> tuple[int, list[Stretch], dict[str, float]]:
    """A host's rate, a way that it takes, and the length in beats of each name's take, out of a seed."""
    rng = random.Random(seed)
    rate_hz = rng.choice([44_100, 48_000, 96_000])
    lengths: dict[str, float] = {}
    stretches: list[Stretch] = []
    pads = [(f"pad {k}", rng.choice([0.0, 0.25, 1.0, 4.0]), k == 2, rng.choice([1.0, 2.0, 0.75])) for k in range(3)]
    lengths |= {name: length for name, _, _, length in pads}
    playing, number = rng.random() < 0.8, 0
    laid: list[str] = []
    for k in range(rng.randint(3, 9)):
        stretch = Stretch(frames=rng.randint(rate_hz // 50, 3 * rate_hz // 2), tempo_bpm=rng.choice(TEMPOS_BPM))
        if k and rng.random() < 0.6:
            stretch.tempo_bpm = stretches[-1].tempo_bpm
        if k and rng.random() < 0.2:
            playing = not playing
        stretch.playing = playing
        if k == 0 or rng.random() < 0.4:
            if k and playing:
                stretch.tempo_bpm = stretches[-1].tempo_bpm  # both at once may be one steep bend of the tempo
            stretch.jump_to = rng.choice([0.0, 0.0, 4.0, rng.uniform(-8, 16), float(rng.randint(-2, 12))])
        for _ in range(rng.randint(0, 8 if k == 0 else 3)):
            name, number = f"place {number}", number + 1
            lengths[name] = rng.choice([0.25, 1.0, 3.0, 4.0])
            beat = rng.choice([float(rng.randint(-2, 12)), rng.uniform(-2, 12), rng.randint(0, 48) / 4])
            part = Part(name=name, beat=beat, length_beats=lengths[name], serial=number)
            part.loop, part.kept = rng.random() < 0.5, rng.random() < 0.6
            if not playing and not part.kept:
                part.loop = False  # by frames, on a host that stands: another test's
            if part.loop and rng.random() < 0.5:
                part.until_beat = beat + rng.choice([2.0, 4.0, rng.uniform(0.1, 8)])
            stretch.place.append(part)
            laid.append(name)
        if laid and rng.random() < 0.2:
            stretch.take_back.append(laid.pop(rng.randrange(len(laid))))
        for _ in range(rng.randint(0, 3)):
            name, grid, loop, length = rng.choice(pads if playing else pads[:2])
            stretch.strokes.append((rng.randrange(stretch.frames), name, grid, loop, length))
        stretch.strokes = list({(stroke[0], stroke[1]): stroke for stroke in stretch.strokes}.values())
        stretches.append(stretch)
    return rate_hz, stretches, lengths
