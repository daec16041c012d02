"""What a host, a DAW, offers us. Each adapter says what it can do, and answers in a sentence where it cannot.

An adapter is plain blocking code with a bound on every wait. It lives on the thread of the desk (`desk.py`), never on
the player's or the sound's; so it may take a tenth of a second for what a host answers that slowly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

# slot: put a clip into a slot of a launcher; bar: put it on the arrangement at its beat; launch: start and stop slots
# by the host's own quantisation; tempo: read tempo and place; tracks: read the names of tracks; undo: take back.
Ability = Literal["slot", "bar", "launch", "tempo", "tracks", "undo"]
FoundState = Literal["good", "missing", "broken"]

ANSWER_WITHIN_S = 2.0  # what a host has not answered by then it never will


class HostError(RuntimeError):
    """A host cannot do what was asked; the text says what was found, what was wanted and what to do."""


class HostLost(HostError):
    """The host does not answer any more: it has quit, or the connection to it is gone."""


class SlotTaken(HostError):
    """The slot holds something already, and what we did not put there we never take away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostChoice:
    """What a set says of its host; where nothing is said, the host's own usual places are taken."""

    name: str
    port: int | None = None  # the host listens on, if it is not the usual one
    folder: Path | None = None  # where the host looks for our clips, or where its session lies


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClip:
    """A clip as a host reads it: a WAV that is whole on disk, folded and levelled, as long as its beats say.

    Its tempo, key, length in beats and loop stand in the file's own chunks too (`bridge/wav_chunks.py`).
    """

    path: Path  # absolute
    take_id: str
    name: str  # as the host shows it, such as "kick 9f2785"
    length_beats: float
    tempo_bpm: float  # that its samples are made for
    frames: int
    sample_rate_hz: int
    loop: bool
    quantum_beats: float = 4.0  # the grid that the host launches it on


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTrack:
    """A track of the host; `number` counts from 1, as the host shows it."""

    number: int
    name: str
    takes_audio: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTime:
    """Where the host's music is: quarter notes from 0, as near as the host tells."""

    beat: float
    tempo_bpm: float
    playing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What lies where because we put it there. `slot` counts from 1 and is 0 on the arrangement, `beat` from 0."""

    clip: HostClip
    track: str
    slot: int = 0
    beat: float = 0.0
    token: str = ""  # the adapter's own handle, where the host gives one


class Host(Protocol):
    """One running host. What it cannot do raises `HostError`; what it does not answer in time, `HostLost`."""

    @property
    def name(self) -> str:
        """As sets write it, such as "live"."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can do."""

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Find the host; a few words on what was found, such as "Live 12.1". Again after `HostLost` to find it anew."""

    def close(self) -> None:
        """Let go of ports and files; what was placed stays."""

    def tracks(self) -> Sequence[HostTrack]:
        """Its tracks, in its order, with their names as they are now."""

    def time(self) -> HostTime:
        """Where its music is."""

    def place_in_slot(self, clip: HostClip, *, track: str, slot: int) -> Placement:
        """Put a clip into an empty slot, ready to be launched. Raises `SlotTaken`."""

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Put a clip on the arrangement, its first frame on that beat of the host."""

    def launch(self, placement: Placement) -> None:
        """Start a slot at the next line of its own quantisation."""

    def stop(self, track: str) -> None:
        """Stop what the slots of a track play."""

    def remove(self, placement: Placement) -> None:
        """Take away what we placed; what is gone already is no error."""

    def undo(self) -> None:
        """Take back the host's last step."""


class BasicHost:
    """A host that can do nothing: an adapter overrides what its host can, and the rest refuses by itself."""

    name = ""
    title = ""  # as people call it
    abilities: frozenset[Ability] = frozenset()

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Nothing to find."""
        return self.title

    def close(self) -> None:
        """Nothing to let go of."""

    def tracks(self) -> Sequence[HostTrack]:
        """Refused."""
        raise self._cannot("say which tracks it has", "name the track as the host shows it")

    def time(self) -> HostTime:
        """Refused."""
        raise self._cannot("say where its music is", "let both follow one clock, as with [clock] sources")

    def place_in_slot(self, clip: HostClip, *, track: str, slot: int) -> Placement:
        """Refused."""
        raise self._cannot("put clips into slots", 'write host_place = "arrangement"')

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Refused."""
        raise self._cannot("put clips on its arrangement", 'write host_place = "slot"')

    def launch(self, placement: Placement) -> None:
        """Refused."""
        raise self._cannot("launch clips", "launch them in the host")

    def stop(self, track: str) -> None:
        """Refused."""
        raise self._cannot("stop clips", "stop them in the host")

    def remove(self, placement: Placement) -> None:
        """Refused."""
        raise self._cannot("take clips away", "delete them in the host")

    def undo(self) -> None:
        """Refused."""
        raise self._cannot("undo", "undo in the host")

    def _cannot(self, what: str, instead: str) -> HostError:
        return HostError(f"{self.title} cannot {what} for us; {instead}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that `upbeat hosts` looked at, and what was found or what to do."""

    what: str
    state: FoundState
    found: str


class Product(Protocol):
    """What there is to know of a host without talking to it, and how our part of it is installed. Never raises but
    `HostError`."""

    @property
    def name(self) -> str:
        """As sets and the command line write it."""

    @property
    def title(self) -> str:
        """As people call it, with the versions that will do: "Ableton Live 12.0.5 or later"."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What its adapter can do."""

    def look(self, folder: Path | None = None) -> list[Found]:
        """Whether the host and our part of it are on this machine; no port is opened.

        `folder`: in place of the usual ones, as for `install`, such as that of a portable host.
        """

    def install(self, folder: Path | None) -> list[str]:
        """Put our part where the host finds it (or into `folder`); a sentence for each thing done or left to do."""

    def remove(self, folder: Path | None) -> list[str]:
        """Take our part away again, and nothing else."""

    def host(self, choice: HostChoice) -> Host:
        """Its adapter, not yet connected."""
