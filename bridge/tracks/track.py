"""A track's plan: which clip sounds from which frame, pass after pass, and how one takes over from another.

A clip carries a tail beyond its length. Each pass of a loop plays its whole clip, so the tail of one pass sounds over
the head of the next: that is the folded, seamless loop, exact at any tempo and with no splice to hear. A sustained
sound crossfades into itself over the tail instead, at equal power.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.timing.transport import Transport
from bridge.tracks.sound import Sound

if TYPE_CHECKING:
    from bridge.tracks.mixer import Mixer, VoiceId


MOVED_FRAMES = 4  # what is planned follows a clock that trembles only when it would be off by so much


@dataclass(slots=True, kw_only=True)
class _Loop:
    sound: Sound
    start_beat: float
    start_frame: int
    length_beats: float
    fade_in_frames: int
    on_beat: bool  # its first pass begins on its beat, not as soon as it could
    planned: dict["VoiceId", tuple[int, int]] = field(default_factory=dict)  # passes to come: number and frame
    passes: deque["VoiceId"] = field(default_factory=lambda: deque(maxlen=64))  # the voice of each of the latest
    left: deque["VoiceId"] = field(default_factory=lambda: deque(maxlen=64))  # that others take over from
    next_pass: int = 0
    until_frame: int | None = None  # where the next loop takes over
    swap_frames: int = 0  # how long that takes


class Track:
    """What lies on one track. One owner thread; the mixer does the sounding."""

    def __init__(self, name: str, mixer: "Mixer", transport: Transport) -> None:
        self.name = name
        self._mixer = mixer
        self._transport = transport
        self._loops: list[_Loop] = []  # by start frame; the one that sounds first

    @property
    def looping(self) -> Sound | None:
        """The loop that sounds, or will first."""
        return self._loops[0].sound if self._loops else None

    def loops(self, sound: Sound, at_frame: int = 0) -> bool:
        """Whether a sound loops, or will, and nothing takes over from it until `at_frame`."""
        return any(
            loop.sound is sound and (loop.until_frame is None or loop.until_frame > at_frame) for loop in self._loops
        )

    def passes(self, sound: Sound) -> tuple[float, float] | None:
        """The beat from which a sound loops, and how many beats each pass has; None if it does not."""
        return next(((loop.start_beat, loop.length_beats) for loop in self._loops if loop.sound is sound), None)

    def launch_once(self, sound: Sound, *, frame: int) -> "VoiceId":
        """Sound a clip once from `frame`, over whatever else plays, and fade its tail."""
        return self._mixer.play(
            sound.samples, track=self.name, start_frame=frame, gain=sound.gain, fade_out_frames=sound.tail_frames
        )

    def launch_loop(self, sound: Sound, *, beat: float, frame: int, length_beats: float, swap_frames: int) -> "VoiceId":
        """Loop a clip from `frame` on, one pass every `length_beats`; what loops until then is crossfaded away.

        A struck sound enters at full level, to keep its attack; a sustained one fades in as the other fades out.
        """
        earlier = [loop for loop in self._loops if loop.start_frame < frame]
        same = [loop for loop in self._loops if loop.start_frame == frame]
        later = [loop for loop in self._loops if loop.start_frame > frame]
        for loop in (*earlier, *same):
            self._end(loop, at_frame=frame, swap_frames=swap_frames)
        loop = _Loop(
            sound=sound,
            start_beat=beat,
            start_frame=frame,
            length_beats=length_beats,
            fade_in_frames=swap_frames if earlier and sound.sustained else 0,
            on_beat=frame == self._transport.frame_at_beat(beat),
        )
        self._loops = [*earlier, loop, *later]
        voice = self._place_pass(loop)
        if later:
            self._end(loop, at_frame=later[0].start_frame, swap_frames=later[0].fade_in_frames)
        return voice

    def end_loops(self, *, at_frame: int, swap_frames: int) -> None:
        """Let what loops end there, as if another loop took over."""
        for loop in self._loops:
            if loop.start_frame < at_frame:
                self._end(loop, at_frame=at_frame, swap_frames=swap_frames)

    def bend(
        self, old: Sound, new: Sound, *, now_frame: int, at_frame: int, fade_frames: int
    ) -> dict["VoiceId", "VoiceId"]:
        """Let `new`, as long as `old`, take over wherever that loops: at its place from `at_frame` on, and ever after.

        The voices that took over, by those they took over from. Raises `MixerFull`.
        """
        self.plan(now_frame=now_frame, until_frame=at_frame)  # what begins until then begins as the old one
        swapped: dict[VoiceId, VoiceId] = {}
        for loop in self._loops:
            if loop.sound is old:
                loop.sound = new
                for index, voice in enumerate(loop.passes):
                    twin = self._mixer.swap(
                        voice, new.samples, at_frame=at_frame, fade_frames=fade_frames, gain=new.gain
                    )
                    if twin is not None:
                        loop.left.append(voice)
                        loop.passes[index] = swapped[voice] = twin
                        if voice in loop.planned:
                            loop.planned[twin] = loop.planned[voice]
        return swapped

    def plan(self, *, now_frame: int, until_frame: int) -> None:
        """Hand the mixer every pass that begins before `until_frame`; forget loops that another took over from."""
        self._loops = [loop for loop in self._loops if loop.until_frame is None or loop.until_frame > now_frame]
        for loop in self._loops:
            end_frame = until_frame if loop.until_frame is None else min(until_frame, loop.until_frame)
            while self._frame_of_pass(loop, loop.next_pass) < end_frame:
                self._place_pass(loop)

    def keep_time(self, *, now_frame: int) -> dict["VoiceId", int]:
        """Move the passes that are planned to where the transport has their beats now: each voice's new frame."""
        moved: dict[VoiceId, int] = {}
        for loop in self._loops:
            loop.planned = {voice: at for voice, at in loop.planned.items() if at[1] > now_frame}
            for voice, (index, frame) in loop.planned.items():
                if index == 0 and not loop.on_beat:
                    continue
                to_frame = max(now_frame, self._transport.frame_at_beat(loop.start_beat + index * loop.length_beats))
                if abs(to_frame - frame) >= MOVED_FRAMES:
                    self._mixer.move(voice, start_frame=to_frame)
                    loop.planned[voice] = (index, to_frame)
                    moved[voice] = to_frame
                    if index == 0:
                        self._move_start(loop, to_frame)
        return moved

    def _move_start(self, loop: _Loop, frame: int) -> None:
        """A loop begins at another frame, so whatever it takes over from ends there."""
        for other in self._loops:
            if other is not loop and other.until_frame == loop.start_frame:
                other.until_frame = frame
                for voice in (*other.left, *other.passes):  # an end that is planned can come sooner, not later
                    self._mixer.end(voice, at_frame=frame, fade_frames=other.swap_frames)
        loop.start_frame = frame

    def stop(self, *, fade_frames: int) -> None:
        """Fade out all that sounds, and forget all that would."""
        self._loops = []
        self._mixer.end_all(fade_frames=fade_frames, track=self.name)

    def _frame_of_pass(self, loop: _Loop, index: int) -> int:
        if index == 0:
            return loop.start_frame
        return self._transport.frame_at_beat(loop.start_beat + index * loop.length_beats)

    def _place_pass(self, loop: _Loop) -> "VoiceId":
        sound = loop.sound
        later_pass_fade_frames = sound.tail_frames if sound.sustained else 0
        voice = self._mixer.play(
            sound.samples,
            track=self.name,
            start_frame=self._frame_of_pass(loop, loop.next_pass),
            gain=sound.gain,
            fade_in_frames=later_pass_fade_frames if loop.next_pass else loop.fade_in_frames,
            fade_out_frames=sound.tail_frames,
        )
        if loop.until_frame is not None:
            self._mixer.end(voice, at_frame=loop.until_frame, fade_frames=loop.swap_frames)
        loop.passes.append(voice)
        loop.planned[voice] = (loop.next_pass, self._frame_of_pass(loop, loop.next_pass))
        loop.next_pass += 1
        return voice

    def _end(self, loop: _Loop, *, at_frame: int, swap_frames: int) -> None:
        if loop.until_frame is None or at_frame < loop.until_frame:
            loop.until_frame, loop.swap_frames = at_frame, swap_frames
            for voice in (*loop.left, *loop.passes):
                self._mixer.end(voice, at_frame=at_frame, fade_frames=swap_frames)
