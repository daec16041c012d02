"""Takes that a host's project names: from the disk, or made again by the engine that they came from."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.engine_link import ClipArrived, LinkEvent, RequestRefused
from bridge.library import Take, TakeError, read_samples, request_again, take_id_of
from bridge.plugin_desk.attached import Attached
from bridge.plugin_desk.beside import Beside
from bridge.tracks.sound import Sound, levelled, sound_of
from osc_schemas.clip import Clip
from osc_schemas.cue import Cue

if TYPE_CHECKING:
    from bridge.player import Player

WANTED_MAX = 256  # takes that are looked for at a time, of all instances together
WANTED_WITHIN_S = 5.0


@dataclass(slots=True)
class _OneWanted:
    """A take that an instance waits for."""

    take: Take
    clip: Clip | None = None
    request_id: str = ""  # while the engine makes it again


class Wanted:
    """One owner thread, the player's."""

    def __init__(self, player: "Player", *, beside: Beside) -> None:
        self._player, self._beside = player, beside
        self._looked_for: OrderedDict[tuple[bytes, str], _OneWanted] = OrderedDict()  # by who and which take
        self._refused: list[tuple[bytes, str, str]] = []  # to be said: to whom, of which take, why
        self._requests_made = 0

    def want(self, there: Attached, take_id: str) -> None:
        """Look for a take that an instance's project names."""
        key = (there.instance.identity, take_id)
        take = self._player.library.takes.get(take_id)
        if take is None:
            sentence = f"there is no take {take_id[:80]!r} in {self._player.library.folder}; fire its cue anew"
            self._missing(there, take_id, sentence)
        elif len(self._looked_for) >= WANTED_MAX and key not in self._looked_for:
            there.tell(
                "/plugin/refused",
                what=take_id[:200],
                reason="full",
                sentence=f"{WANTED_MAX} takes are looked for already; ask again later",
            )
        else:
            there.named.add(take_id)
            self._looked_for.setdefault(key, _OneWanted(take))

    def tick(self, attached: Mapping[bytes, Attached]) -> None:
        """Bring the takes that are wanted forward: from the disk, or made again."""
        for identity, take_id, sentence in self._refused:
            if identity in attached:
                self._missing(attached[identity], take_id, sentence)
        self._refused.clear()
        for key, wanted in list(self._looked_for.items()):
            there = attached.get(key[0])
            if there is None or self._is_done(there, wanted):
                del self._looked_for[key]

    def _is_done(self, there: Attached, wanted: _OneWanted) -> bool:
        take = wanted.take
        if wanted.clip is None:
            if wanted.request_id:
                return False
            try:
                samples = self._beside.result(("want", take.take_id), lambda: read_samples(take))
            except TakeError:
                return not self._ask_again(there, wanted)
            if samples is None:
                return False
            wanted.clip = Clip(request=take.request, samples=samples, provenance=take.provenance)
        cue = self._cue_of(take)
        number = there.give(
            self._sound_of(take, wanted.clip), loop=cue is not None and cue.loop, length_beats=take.length_beats
        )
        return number is not None

    def _ask_again(self, there: Attached, wanted: _OneWanted) -> bool:
        """Its samples are gone: have the engine make them again. False if they cannot be."""
        take = wanted.take
        try:
            request = request_again(take)
        except TakeError as error:
            self._missing(there, take.take_id, str(error))
            return False
        self._requests_made += 1
        wanted.request_id = f"{take.take_id[:40]}-wanted-{self._requests_made}"
        request = replace(request, request_id=wanted.request_id, deadline_in_s=WANTED_WITHIN_S, slot="")
        self._player.engine.request(request)
        return True

    def took(self, event: LinkEvent) -> bool:
        """Take in what the engine says of a take that is made again; False if it is about something else."""
        match event:
            case ClipArrived():
                request_id = event.clip.request.request_id
            case RequestRefused():
                request_id = event.refusal.request_id
            case _:
                return False
        found = [(key, wanted) for key, wanted in self._looked_for.items() if wanted.request_id == request_id]
        for key, wanted in found:
            take = wanted.take
            if isinstance(event, RequestRefused):
                self._give_up(key, event.refusal.sentence)
            elif take_id_of(take.cue, event.clip) != take.take_id:
                was, now = take.provenance, event.clip.provenance
                self._give_up(
                    key,
                    f"{take.take_id} came from {was.family} {was.weights_hash[:12]}, and this engine is {now.family} "
                    f"{now.weights_hash[:12]}; start the one it came from",
                )
            else:
                wanted.clip = event.clip
                self._player.library.put_back(take, event.clip.samples)
        return bool(found)

    def _give_up(self, key: tuple[bytes, str], sentence: str) -> None:
        self._refused.append((key[0], key[1], sentence))
        del self._looked_for[key]

    def _missing(self, there: Attached, take_id: str, sentence: str) -> None:
        there.tell("/plugin/refused", what=take_id[:200], reason="missing", sentence=sentence)

    def _cue_of(self, take: Take) -> Cue | None:
        return self._player.cues.get(take.cue)

    def _sound_of(self, take: Take, clip: Clip) -> Sound:
        """As it would be levelled for its track today."""
        cue, tracks = self._cue_of(take), self._player.music.tracks
        loudness_lufs = take.loudness_lufs if take.loudness_lufs is not None else float("-inf")
        sound = sound_of(clip, take_id=take.take_id, loudness_lufs=loudness_lufs)
        track = tracks.get(cue.track if cue else take.track)
        if track is None:
            return sound
        return levelled(sound, target_lufs=track.loudness_lufs, gain_db=cue.gain_db if cue else 0.0)
