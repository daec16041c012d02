"""Where the music goes, how fast, and where its bars begin: what performers ask, and what the clock that leads does."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.ahead import HORIZON_S
from bridge.scheduler import Grid
from bridge.timing.arbiter import ClockEvent
from bridge.timing.clocks import ClockError
from osc_schemas.errors import CueError

if TYPE_CHECKING:
    from bridge.player import Player

CLOCK_FADE_S = 0.03  # when another clock stops or moves the music
CLOCK_SLACK_BEATS = 0.25


class Conductor:
    """One owner thread, the player's."""

    def __init__(self, player: "Player") -> None:
        self._player = player
        self._lamp_beat = -math.inf

    def locate(self, beat: float, *, fade_s: float) -> None:
        """Go on from `beat`; what plays fades out. Raises `CueError` if another clock says where the music is."""
        player = self._player
        if player.arbiter.is_placed:
            raise CueError(f"the {player.arbiter.leader} clock leads, and says where the music is; move it there")
        playing = player.transport.playing
        player.stand_still(fade_s=fade_s)
        player.transport.locate(beat, at_frame=player.mixer.frame)
        player.ahead.line_up(from_beat=beat)
        if playing:
            player.play()

    def set_tempo(self, tempo_bpm: float) -> None:
        """Change the tempo at the first bar that the mixer has not been told of yet.

        What loops goes on at the new beats, each pass with its own length; what is asked for from now on fits them. In
        a Link session it changes for everybody, at once. Raises `CueError` if the tempo is another clock's.
        """
        player = self._player
        if player.arbiter.led:
            try:
                player.arbiter.ask_tempo(tempo_bpm)
            except ClockError as error:
                raise CueError(str(error)) from error
            return
        now_frame = player.mixer.frame
        free_beat = max(0.0, player.transport.beat_at_frame(now_frame + player.frames(HORIZON_S)))
        bars = Grid(every_beats=player.meter.beats_per_bar, from_beat=player.meter.from_beat)
        player.transport.set_tempo(tempo_bpm, at_beat=bars.landing_beat(free_beat), at_frame=now_frame)
        player.armed.unsettle()

    def follow_clocks(self, now_frame: int) -> None:
        """Go where the clock that leads has gone, and move what is laid out along with it."""
        player = self._player
        events = player.arbiter.tick(now_frame)
        for event in events:
            self._obey(event)
        if player.transport.playing and (player.arbiter.led or events):
            player.launcher.keep_time(now_frame=now_frame)

    def _obey(self, event: ClockEvent) -> None:
        player = self._player
        if event.kind in ("start", "locate") and player.arbiter.is_placed:
            self._count_bars_from(0.0)  # it knows its bars
        bar, _ = player.meter.position(event.beat)
        sentence = event.sentence or {
            "start": f"the {event.clock} clock starts the music at bar {bar}",
            "stop": f"the {event.clock} clock stops the music",
            "locate": f"the {event.clock} clock moves the music to bar {bar}",
            "tempo": f"the {event.clock} clock goes to {event.tempo_bpm:g} BPM",
        }.get(event.kind, "")
        player.tell("/clock/event", clock=event.clock, what=event.kind, tempo_bpm=event.tempo_bpm, sentence=sentence)
        match event.kind:
            case "start" | "locate":
                if event.in_music:
                    player.clear_tracks(fade_s=CLOCK_FADE_S)
                # What was on the very beat of the start is late by the time that we have heard of it, and not lost.
                player.ahead.line_up(from_beat=event.beat - CLOCK_SLACK_BEATS)
            case "stop":
                player.stand_still(fade_s=CLOCK_FADE_S)
            case "tempo":
                player.armed.unsettle()

    # Bars ------------------------------------------------------------------------------------------------------------

    def align(self, *, at_frame: int | None = None) -> None:
        """Let the beat nearest to what is heard now, or at a frame, be the first of a bar: quanta count from there.

        For a clock that does not say where bars begin. Nothing that plays or is promised moves. Raises `CueError`
        while the music stands.
        """
        player = self._player
        if not player.transport.playing:
            raise CueError(
                "the music stands still, so no beat is near; start it, and say where a bar begins as it plays"
            )
        heard_frame = player.mixer.frame - player.place_ahead_frames if at_frame is None else at_frame
        self._say_bars_from(float(round(player.transport.beat_at_frame(heard_frame))))

    def nudge_bars(self, beats: float) -> None:
        """Let every bar begin so many beats later than it would, on top of what was said before."""
        self._say_bars_from(self._player.meter.from_beat + beats)

    def light_the_lamp(self, now_frame: int) -> None:
        """Tell each beat as it comes."""
        player = self._player
        off_beats = player.meter.from_beat % 1
        whole_beat = math.floor(player.transport.beat_at_frame(now_frame) - off_beats) + off_beats
        if whole_beat != self._lamp_beat and whole_beat >= 0:
            self._lamp_beat = whole_beat
            bar, beat = player.meter.position(whole_beat)
            player.tell("/beat", bar=bar, beat=beat)

    def _say_bars_from(self, beat: float) -> None:
        player = self._player
        bar, beat_in_bar = player.meter.position(beat)
        self._count_bars_from(beat)
        player.tell(
            "/clock/event",
            clock=player.arbiter.leader,
            what="align",
            tempo_bpm=player.transport.tempo_bpm(player.mixer.frame),
            sentence=f"beat {beat_in_bar:.4g} of bar {bar} is the first of a bar from now on",
        )

    def _count_bars_from(self, beat: float) -> None:
        player = self._player
        player.meter = player.launcher.meter = replace(player.meter, from_beat=beat)
