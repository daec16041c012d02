"""Transport: where the music is. The mixer's frame counter is its only clock, handed in at every call."""

from bridge.timing.tempo import Stretch


class Transport:
    """Maps frames of the output to beats of the music, and back.

    One owner thread. A frame is always one of the mixer's; a beat counts quarter notes from the music's start. Before
    `play` the beat stands still; a start in the future makes the beats until then negative, which is a count-in.
    """

    def __init__(self, *, tempo_bpm: float, sample_rate_hz: int) -> None:
        self.playing = False
        self.nudge_frames = 0
        self._stretches = [Stretch(beat=0.0, frame=0.0, tempo_bpm=tempo_bpm, sample_rate_hz=sample_rate_hz)]

    @property
    def sample_rate_hz(self) -> int:
        """Of the output."""
        return self._stretches[0].sample_rate_hz

    def tempo_bpm(self, frame: int) -> float:
        """The tempo at `frame`."""
        return self._stretch_at_frame(frame).tempo_bpm

    def beat_at_frame(self, frame: int) -> float:
        """The beat at `frame`; while stopped, the beat at which the music stands."""
        if not self.playing:
            return self._stretches[0].beat
        return self._stretch_at_frame(frame).beat_at(frame - self.nudge_frames)

    def frame_at_beat(self, beat: float) -> int:
        """The frame nearest to `beat`. Only while playing has a beat a frame."""
        return round(self._stretch_at_beat(beat).exact_frame_at(beat)) + self.nudge_frames

    def tempo_at_beat(self, beat: float) -> float:
        """The tempo at `beat`; at infinity, the one that stays."""
        return self._stretch_at_beat(beat).tempo_bpm

    def frames_in(self, beats: float, *, from_beat: float) -> int:
        """How many frames `beats` last at the tempo of `from_beat`."""
        return round(beats * self._stretch_at_beat(from_beat).frames_per_beat)

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
        if not self.playing:
            [first] = self._stretches
            self._stretches = [self._with_tempo(first, first.beat, tempo_bpm)]
            return
        kept = [s for s in self._stretches if s.beat < at_beat] or self._stretches[:1]
        while len(kept) > 1 and kept[1].frame <= at_frame:  # what is wholly past is not needed any more
            kept.pop(0)
        self._stretches = [*kept, self._with_tempo(kept[-1], at_beat, tempo_bpm)]

    def _restart(self, beat: float, frame: int) -> None:
        tempo_bpm = self.tempo_bpm(frame)
        self._stretches = [Stretch(beat=beat, frame=frame, tempo_bpm=tempo_bpm, sample_rate_hz=self.sample_rate_hz)]
        self.nudge_frames = 0

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
