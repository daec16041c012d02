"""Bitwig Studio through DrivenByMoss, somebody else's controller extension, whose OSC can put files into slots.

The extension shows a window of tracks and scenes, 8 by 8 as it comes, and counts from 1 inside it. For a track outside
the window the window is moved, and put back afterwards. Its insertFile replaces what a slot holds; so whether the slot
is empty is decided here, by what it told of the slot.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.hosts.base import (
    ANSWER_WITHIN_S,
    Ability,
    BasicHost,
    Found,
    HostChoice,
    HostClip,
    HostError,
    HostLost,
    HostTime,
    HostTrack,
    Placement,
    SlotTaken,
)
from bridge.hosts.bitwig_bank import NoSuchTrack, TrackBank
from bridge.hosts.bitwig_places import look
from bridge.hosts.bitwig_words import beat_of, grid_of, quarters_per_bar
from bridge.hosts.moss import Moss

PORT = 8000  # as the extension comes: it listens here, and sends to the one 1000 above
FEEDBACK_ABOVE = 1000
ABILITIES: frozenset[Ability] = frozenset({"slot", "launch", "tempo", "tracks", "undo"})

_CHANGED_WITHIN_S = 0.4
_SETTLED_WITHIN_S = 0.5
_LAUNCHED_WITHIN_S = 0.5
_SILENT_S = 5.0  # longer silence than this, and we ask whether it is still there
_BEAT_AHEAD_S = 0.25  # how far its last word on the beat is carried on
_GRID = "/launcher/defaultQuantization"
_LAUNCHED = ("isPlaying", "isPlayingQueued")
_NO_CLIPS = {"group": "is a group", "effect": "is an effect track", "master": "is the master track"}


class BitwigHost(BasicHost):
    """A running Bitwig. Its track bank is looked through anew wherever a name is not in the window."""

    name = "bitwig"
    title = "Bitwig"
    abilities = ABILITIES

    def __init__(self, *, port: int = PORT, feedback_port: int | None = None) -> None:
        """`port` as the extension listens on, `feedback_port` as it sends to: 1000 above if not said."""
        self._port = port
        self._feedback_port = port + FEEDBACK_ABOVE if feedback_port is None else feedback_port
        self._open: Moss | None = None

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Take the feedback port and ask for everything. Raises `HostError` if the port is taken."""
        if self._open is None:
            self._open = Moss(port=self._port, feedback_port=self._feedback_port)
        self._moss.forget()
        if not self._moss.refresh(within_s=within_s):
            raise self._lost()
        size = TrackBank(self._moss).size
        return f"Bitwig through DrivenByMoss, {size} tracks and {size} slots in its window"

    def close(self) -> None:
        """Give the feedback port back."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def tracks(self) -> Sequence[HostTrack]:
        """All that its track bank shows; what lies inside a closed group is not among them."""
        bank = TrackBank(self._moss)
        found = {
            place: HostTrack(number=place + 1, name=bank.name(index), takes_audio=self._why_not(index) is None)
            for place, index in bank.through_all()
        }
        return tuple(found[place] for place in sorted(found))

    def time(self) -> HostTime:
        """Its position by what it told last; at the rate of its feedback, so good for a display, not for a clock."""
        self._check_there()
        tempo = self._moss.told("/tempo/raw")
        if not isinstance(tempo, int | float) or tempo <= 0:
            raise self._lost()
        playing = self._moss.number("/play") > 0
        beat = beat_of(self._moss.text("/beat/str"), self._moss.text("/time/signature"))
        if playing:
            beat += min(self._moss.age_s("/beat/str"), _BEAT_AHEAD_S) * tempo / 60
        return HostTime(beat=beat, tempo_bpm=float(tempo), playing=playing)

    def place_in_slot(self, clip: HostClip, *, track: str, slot: int) -> Placement:
        """Put the file into an empty slot."""
        if not clip.path.is_file():
            raise HostError(f"the clip {clip.path} is not there any more; generate the cue again")
        self._check_slot(slot)
        with self._in_window(track) as index:
            why_not = self._why_not(index)
            if why_not:
                raise HostError(f"Bitwig's track {track!r} {why_not}; name an audio track as host_track")
            address = f"/track/{index}/clip/{slot}"
            if self._holds_something(address):
                what = self._moss.text(f"{address}/name") or "a clip"
                raise SlotTaken(
                    f"slot {slot} of Bitwig's track {track!r} holds {what!r}, which is not ours; empty it, or name "
                    "other slots as host_slots"
                )
            before = self._moss.text(f"{address}/name")
            self._moss.say(f"{address}/insertFile", str(clip.path))
            if not self._comes(lambda: self._moss.number(f"{address}/hasContent") > 0, within_s=ANSWER_WITHIN_S):
                raise HostError(
                    f"Bitwig did not take {clip.path.name} into slot {slot} of track {track!r}; look whether it is an "
                    "audio track, and whether DrivenByMoss is of 2025 or later (insertFile came in December 2024)"
                )
            self._comes(lambda: self._moss.text(f"{address}/name") != before, within_s=_SETTLED_WITHIN_S)
            return Placement(clip=clip, track=track, slot=slot, token=self._moss.text(f"{address}/name"))

    def launch(self, placement: Placement) -> None:
        """Launch it at the next line of the clip's grid.

        OSC cannot set the grid of one clip, only Bitwig's default: that is ours for the moment of the launch.
        """
        with self._in_window(placement.track) as index:
            address = f"/track/{index}/clip/{placement.slot}"
            if not self._is_ours(address, placement):
                raise HostError(
                    f"slot {placement.slot} of Bitwig's track {placement.track!r} does not hold "
                    f"{placement.clip.name!r} any more; place it again"
                )
            wanted = grid_of(placement.clip.quantum_beats, quarters_per_bar(self._moss.text("/time/signature")))
            with self._default_grid(wanted):
                playing = self._moss.number(f"{address}/isPlaying") > 0
                self._moss.say(f"{address}/launch", 1)
                self._moss.say(f"{address}/launch", 0)  # let go of, as a pad is
                if not playing and not self._comes(
                    lambda: any(self._moss.number(f"{address}/{state}") > 0 for state in _LAUNCHED),
                    within_s=_LAUNCHED_WITHIN_S,
                ):
                    raise HostError(f"Bitwig did not launch slot {placement.slot} of track {placement.track!r}")

    def stop(self, track: str) -> None:
        """Stop what its slots play, by the same quantisation."""
        with self._in_window(track) as index:
            self._moss.say(f"/track/{index}/clip/stop")

    def remove(self, placement: Placement) -> None:
        """Take our clip out of its slot; what somebody has put there since stays."""
        with suppress(NoSuchTrack), self._in_window(placement.track) as index:
            address = f"/track/{index}/clip/{placement.slot}"
            if not self._is_ours(address, placement):
                return
            self._moss.say(f"{address}/remove")
            if not self._comes(lambda: self._moss.number(f"{address}/hasContent") == 0, within_s=ANSWER_WITHIN_S):
                raise HostError(
                    f"Bitwig did not take {placement.clip.name!r} out of slot {placement.slot} of track "
                    f"{placement.track!r}; delete it there"
                )

    def undo(self) -> None:
        """Take back Bitwig's last step, whoever made it: OSC does not say what it was."""
        self._check_there()
        self._moss.say("/undo")

    @property
    def _moss(self) -> Moss:
        if self._open is None:
            raise HostLost("Bitwig is not connected yet; connect first")
        return self._open

    def _lost(self) -> HostLost:
        return HostLost(
            f"Bitwig does not answer: DrivenByMoss shall listen on UDP port {self._port} and send to "
            f"{self._feedback_port}; start Bitwig, or look at Settings > Controllers > Open Sound Control"
        )

    def _check_there(self) -> None:
        if self._moss.age_s() > _SILENT_S and not self._moss.refresh(within_s=ANSWER_WITHIN_S):
            raise self._lost()

    def _check_slot(self, slot: int) -> None:
        size = TrackBank(self._moss).size
        if not 1 <= slot <= size:
            raise HostError(
                f"slot {slot} is outside the window of DrivenByMoss, which shows slots 1 to {size}; name one of these, "
                'or raise "Bank Page Size" in the settings of its OSC controller and restart it'
            )
        if self._moss.told(f"/scene/{slot}/exists") == 0:
            raise HostError(f"Bitwig has no scene {slot} in this project; add scenes there, or name a lower slot")

    def _comes(self, until: Callable[[], bool], *, within_s: float) -> bool:
        return self._moss.wait(until, within_s=within_s)

    @contextmanager
    def _default_grid(self, wanted: str) -> Iterator[None]:
        """Bitwig's default launch quantisation is `wanted`, and afterwards what it was."""
        before = self._moss.text(_GRID)
        if wanted == before:
            yield
            return
        self._moss.say(_GRID, wanted)
        try:
            if not self._comes(lambda: self._moss.text(_GRID) == wanted, within_s=_CHANGED_WITHIN_S):
                raise HostError(
                    f"Bitwig's default launch quantisation stays at {before or 'what it is'} and the clip needs "
                    f"{wanted}; set it there"
                )
            yield
        finally:
            if before:
                self._moss.say(_GRID, before)

    def _why_not(self, index: int) -> str | None:
        """Why a track takes no clip of ours; None if it does."""
        kind = self._moss.text(f"/track/{index}/type")
        if kind in _NO_CLIPS:
            return _NO_CLIPS[kind]
        if self._moss.told(f"/track/{index}/canHoldAudioData") == 0:
            return "holds notes only"
        return None

    def _holds_something(self, address: str) -> bool:
        return any(
            self._moss.number(f"{address}/{state}") > 0 for state in ("hasContent", "isRecording", "isRecordingQueued")
        )

    def _is_ours(self, address: str, placement: Placement) -> bool:
        return self._moss.number(f"{address}/hasContent") > 0 and self._moss.text(f"{address}/name") == placement.token

    @contextmanager
    def _in_window(self, track: str) -> Iterator[int]:
        """The index of a track inside the window, which is moved to it, and back afterwards."""
        self._check_there()
        if self._moss.number("/track/toggleBank") > 0:
            raise HostError(
                "DrivenByMoss shows Bitwig's effect tracks now; switch it back to the other tracks (/track/toggleBank)"
            )
        with TrackBank(self._moss).at(track) as index:
            yield index


class _BitwigProduct:
    """What there is to know of Bitwig without talking to it."""

    name = "bitwig"
    title = "Bitwig Studio with DrivenByMoss of 2025 or later"
    abilities = ABILITIES

    def look(self, folder: Path | None = None) -> list[Found]:
        """Bitwig, and the extension in its folder."""
        return look(folder)

    def install(self, folder: Path | None) -> list[str]:
        """Nothing is put anywhere: the extension is somebody else's. What to fetch and switch on."""
        return [
            "the extension is not ours, so nothing was copied: fetch DrivenByMoss for Bitwig from "
            "https://www.mossgrabers.de/Software/Bitwig/Bitwig.html (2025 or later)",
            "put DrivenByMoss.bwextension into Bitwig's Extensions folder: Documents/Bitwig Studio/Extensions on "
            "Windows and macOS, ~/Bitwig Studio/Extensions on Linux",
            'in Bitwig: Settings > Controllers > Add controller > Open Sound Control > Add, with "Port to receive on" '
            f'{PORT}, "Host to send to" 127.0.0.1 and "Port to send to" {PORT + FEEDBACK_ABOVE}',
            "then: upbeat hosts check bitwig",
        ]

    def remove(self, folder: Path | None) -> list[str]:
        """Nothing of ours is there."""
        return ["nothing of ours is in Bitwig; to take DrivenByMoss away, remove its controller in Bitwig's settings"]

    def host(self, choice: HostChoice) -> BitwigHost:
        """Its adapter, not yet connected."""
        return BitwigHost(port=PORT if choice.port is None else choice.port)


PRODUCT = _BitwigProduct()
