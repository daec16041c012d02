"""What is made before anybody fires it, so that its first hit lands at once; and made again when tempo or knobs change.

Tempo and knobs have to rest for a while first: a sweep asks for it once. Then what loops is brought to the tempo too.
"""

import math
from typing import TYPE_CHECKING

from bridge.audience import Reply
from bridge.retempo import Aside, Retempo
from bridge.set_words import NoteTrigger
from bridge.shelf import sound_key
from bridge.triggers.heard import Trigger, unanswered
from osc_schemas.cue import Cue
from osc_schemas.errors import SchemaError

if TYPE_CHECKING:
    from bridge.player import Player

ARMED_MAX, ARMED_WAITS_S = 128, 3_600.0  # what is armed is made when nothing else is wanted
SETTLED_S = 0.6  # when tempo and knobs have rested so long, what is armed is made again to fit them


class Armed:
    """One owner thread, the player's."""

    def __init__(self, player: "Player", *, by_itself: bool, aside: Aside) -> None:
        """`by_itself`: arm what is played by hand as soon as the engine is ready."""
        self._player, self._by_itself = player, by_itself
        self._names: dict[str, None] = {}  # of cues, the latest last
        self._unsettled_frame: int | None = None  # since when tempo or knobs are other than it was made for
        self._retempo = Retempo(player, aside=aside)

    def arm(self, cue: Cue, *, trigger: Trigger, reply: Reply) -> None:
        """Have `cue` made now, so that firing it later takes no engine time.

        The latest 128 are made again when tempo or knobs have changed.
        """
        player = self._player
        request = player.request(cue, beat=math.inf)
        self._names.pop(cue.name, None)
        self._names[cue.name] = None
        if len(self._names) > ARMED_MAX:
            del self._names[next(iter(self._names))]
        under_way = any(sound_key(wish.request) == sound_key(request) for wish in player.wishes.values())
        if not under_way and player.sounds.at_hand(request, cue) is None:
            player.wish_for(cue, request, trigger=trigger, reply=reply, asked_beat=None, sound=None)

    def forget(self, name: str) -> None:
        """A cue is not made again."""
        self._names.pop(name, None)

    def engine_is_ready(self) -> None:
        """Arm the cues that a pad, a scene or nothing but a message fires, so that each lands on its first hit."""
        player, music = self._player, self._player.music
        if not self._by_itself:
            return
        on_timeline = {entry.cue for entry in music.timeline}
        on_pads = {trigger.cue for trigger in music.midi if isinstance(trigger, NoteTrigger)}
        in_scenes = {cue for scene in music.scenes.values() for cue in scene}
        by_hand = [cue for name, cue in player.cues.items() if name in on_pads | in_scenes or name not in on_timeline]
        for cue in by_hand[:ARMED_MAX]:
            self.arm(cue, trigger="api", reply=unanswered)

    def unsettle(self) -> None:
        """Tempo or knobs have changed, and may go on to."""
        self._unsettled_frame = self._player.mixer.frame

    def tick(self, now_frame: int) -> None:
        """Have all that is armed made for the tempo and the knobs of now, once they rest."""
        player, since_frame = self._player, self._unsettled_frame
        if since_frame is None or now_frame - since_frame < player.frames(SETTLED_S):
            return
        self._unsettled_frame = None
        self._retempo.settle()
        for cue in [player.cues[name] for name in self._names if name in player.cues]:
            try:
                self.arm(cue, trigger="api", reply=unanswered)
            except SchemaError as error:
                player.refuse(unanswered, cue.name, "bad-request", str(error))
