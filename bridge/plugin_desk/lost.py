"""What a host that is lost had yet to sound, or looped, is taken over by our own output."""

from typing import TYPE_CHECKING

from bridge.plugin_desk.attached import Attached
from bridge.scheduler import Grid
from bridge.tracks.sound import Sound
from bridge.triggers.heard import unanswered
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError

if TYPE_CHECKING:
    from bridge.player import Player

PROMISED_FOR_S = 6.0  # as long as it may take until a host that says nothing more is given up, and a little


class Lost:
    """One owner thread, the player's."""

    def __init__(self, player: "Player") -> None:
        self._player = player

    def make_good(self, gone: Attached) -> None:
        """What it had yet to sound once sounds here; if that is late, as its cue wants it then."""
        player = self._player
        long_ago_frame = player.mixer.frame - player.frames(PROMISED_FOR_S)
        for landing in [one.landing for one in gone.promised.values()]:
            if player.transport.playing and not landing.cue.loop and landing.frame >= long_ago_frame:
                self._fire(landing.cue, landing.sound, landing.beat, Grid(every_beats=landing.cue.quantum_beats))

    def take_over(self, track: str) -> None:
        """What looped goes on here, from its next pass on."""
        player = self._player
        if not track or not player.transport.playing:
            return
        for cue, sound in player.launcher.playing(track):
            passes = player.launcher.passes(track, sound)
            if not cue.loop or passes is None or player.launcher.tracks[track].loops(sound):
                continue
            grid = Grid(from_beat=passes[0], every_beats=passes[1])
            self._fire(cue, sound, next_pass(player, passes), grid)

    def _fire(self, cue: Cue, sound: Sound, beat: float, grid: Grid) -> None:
        try:
            self._player.fire(cue, trigger="api", reply=unanswered, asked_beat=beat, sound=sound, grid=grid)
        except CueError as error:
            self._player.refuse(unanswered, cue.name, "bad-request", str(error))


def next_pass(player: "Player", passes: tuple[float, float]) -> float:
    """The first pass of a loop that can still begin somewhere else than where it loops now."""
    soonest_beat = player.transport.beat_at_frame(player.mixer.frame + player.frames(player.ahead_s))
    return Grid(from_beat=passes[0], every_beats=passes[1]).landing_beat(max(soonest_beat, passes[0]))
