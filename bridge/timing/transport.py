"""Transport: where the music is. The mixer's frame counter is its only clock, handed in at every call."""

from collections.abc import Sequence

from bridge.timing.tempo import Stretch


class Transport:
    """Maps frames of the output to beats of the music, and back.

    One owner thread. A frame is always one of the mixer's; a beat counts quarter notes from the music's start. Before
    `play` the beat stands still; a start in the future makes the beats until then negative, which is a count-in.
    """

    def __init__(self, *, tempo_bpm: float, sample_rate_hz: int) -> None:
        self.playing = False
        self.nudge_frames = 0  # stays when the music is stopped, moved or started
        self._said_bpm: float | None = None
        self._stretches = [Stretch(beat=0.0, frame=0.0, tempo_bpm=tempo_bpm, sample_rate_hz=sample_rate_hz)]

    @property
    def sample_rate_hz(self) -> int:
        """Of the output."""
        return self._stretches[0].sample_rate_hz

    def tempo_bpm(self, frame: int) -> float:
        """The tempo at `frame`, as `follow` was told to say it, if another clock leads."""
        return self._said_bpm or self._stretch_at_frame(frame).tempo_bpm

    def beat_at_frame(self, frame: int) -> float:
        """The beat at `frame`; while stopped, the beat at which the music stands."""
        if not self.playing:
            return self._stretches[0].beat
        return self._stretch_at_frame(frame).beat_at(frame - self.nudge_frames)

    def frame_at_beat(self, beat: float) -> int:
        """The frame nearest to `beat`. Only while playing has a beat a frame."""
        return round(self._stretch_at_beat(beat).exact_frame_at(beat)) + self.nudge_frames

    def tempo_at_beat(self, beat: float) -> float:
        """The tempo at `beat`; at infinity, the one that stays. Said as at `tempo_bpm`."""
        return self._said_bpm or self._stretch_at_beat(beat).tempo_bpm

    @property
    def settled_beat(self) -> float:
        """From this beat on the tempo stays, as far as is known."""
        return self._stretches[-1].beat

    def frames_in(self, beats: float, *, from_beat: float) -> int:
        """How many frames `beats` last at the tempo of `from_beat`."""
        return round(beats * (60 / self.tempo_at_beat(from_beat) * self.sample_rate_hz))

    def play(self, *, at_frame: int) -> None:
        """Run from where the music stands, so that this beat falls on `at_frame`."""
        if not self.playing:
            self._restart(self._stretches[0].beat, at_frame)
            self.playing = True

    def stop(self, *, at_frame: int) -> None:
        """Stand still at the beat of `at_frame`."""
        beat = self.beat_at_frame(at_frame)
        self._restart(max(0.0, beat), at_frame)
        self.playing = False

    def locate(self, beat: float, *, at_frame: int) -> None:
        """Make `at_frame` be `beat`, playing or not."""
        self._restart(beat, at_frame)

    def set_tempo(self, tempo_bpm: float, *, at_beat: float, at_frame: int) -> None:
        """Change the tempo at `at_beat`, which must not lie before the beat of `at_frame`; while stopped, at once."""
        self._said_bpm = None
        if not self.playing:
            [first] = self._stretches
            self._stretches = [self._with_tempo(first, first.beat, tempo_bpm)]
            return
        kept = [s for s in self._stretches if s.beat < at_beat] or self._stretches[:1]
        while len(kept) > 1 and kept[1].frame <= at_frame:  # what is wholly past is not needed any more
            kept.pop(0)
        self._stretches = [*kept, self._with_tempo(kept[-1], at_beat, tempo_bpm)]

    def steered_beat_at(self, frame: float) -> float:
        """The beat at `frame` without the nudge: what a clock that leads is compared with."""
        stretch = self._stretches[0]
        for later in self._stretches[1:]:
            if later.frame <= frame:
                stretch = later
        return stretch.beat_at(frame) if self.playing else stretch.beat

    def follow(self, lines: Sequence[Stretch], *, said_bpm: float) -> None:
        """Run along `lines`, each from its frame on, in place of all that was to come from the first one's frame.

        They come from a clock that leads, whose tempo may tremble; `said_bpm` is the one that clips are made for.
        """
        assert self.playing, "where the music stands there is nothing to steer"
        kept = [stretch for stretch in self._stretches if stretch.frame < lines[0].frame][-1:]
        self._stretches = [*kept, *lines]
        self._said_bpm = said_bpm

    def run_along(self, line: Stretch, *, said_bpm: float) -> None:
        """Play from now on along `line`, wherever the music stood or was."""
        self._stretches, self.playing, self._said_bpm = [line], True, said_bpm

    def _restart(self, beat: float, frame: int) -> None:
        """Let the beat fall on a frame, nudge and all."""
        tempo_bpm = self._stretch_at_frame(frame).tempo_bpm
        self._stretches = [
            Stretch(beat=beat, frame=frame - self.nudge_frames, tempo_bpm=tempo_bpm, sample_rate_hz=self.sample_rate_hz)
        ]

    @staticmethod
    def _with_tempo(before: Stretch, beat: float, tempo_bpm: float) -> Stretch:
        return Stretch(
            beat=beat,
            frame=before.exact_frame_at(beat),
            tempo_bpm=tempo_bpm,
            sample_rate_hz=before.sample_rate_hz,
        )

    def _stretch_at_beat(self, beat: float) -> Stretch:
        stretch = self._stretches[0]
        for later in self._stretches[1:]:
            if later.beat <= beat:
                stretch = later
        return stretch

    def _stretch_at_frame(self, frame: int) -> Stretch:
        stretch = self._stretches[0]
        for later in self._stretches[1:]:
            if later.frame <= frame - self.nudge_frames:
                stretch = later
        return stretch
