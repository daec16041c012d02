"""Ableton Live: clips in its slots and on its arrangement, through our own script inside it.

Where only AbletonOSC is in Live, it serves for what it can do: tempo, tracks, and launching what lies there already.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge.hosts import ableton_osc, live_install
from bridge.hosts.ableton_osc import AbletonOsc
from bridge.hosts.base import (
    ANSWER_WITHIN_S,
    Ability,
    BasicHost,
    Found,
    Host,
    HostChoice,
    HostClip,
    HostError,
    HostLost,
    HostTime,
    HostTrack,
    Placement,
)
from bridge.hosts.live_link import LiveLink
from bridge.hosts.live_script import PORT, VERSION
from osc_schemas.nearest import nearest_only

_ALL: frozenset[Ability] = frozenset(("slot", "bar", "launch", "tempo", "tracks", "undo"))
_TOO_OLD: frozenset[Ability] = frozenset(("launch", "tempo", "tracks", "undo"))
_OSC_ONLY: frozenset[Ability] = frozenset(("launch", "tempo", "tracks"))
_INSTALL = (
    'run `upbeat hosts install live`, restart Live and choose Upbeat in its Settings, "Link, Tempo & MIDI", beside it'
)


class Live(BasicHost):
    """One running Live. For one thread."""

    name = "live"
    title = "Ableton Live"

    def __init__(
        self, *, port: int = PORT, osc_port: int = ableton_osc.PORT, osc_reply_port: int = ableton_osc.REPLY_PORT
    ) -> None:
        """`port`: of our own script in Live; the other two are AbletonOSC's."""
        self.abilities = _ALL
        self._port, self._osc_ports = port, (osc_port, osc_reply_port)
        self._link: LiveLink | None = None
        self._osc: AbletonOsc | None = None

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Find our script in Live, else AbletonOSC; "Live 12.1.0". Raises `HostLost` when neither is there."""
        self.close()
        link = LiveLink(self._port)
        try:
            words, version, can_place = link.ask("hello", within_s=within_s / 2)
        except HostLost as lost:
            link.close()
            return self._connect_osc(lost, within_s / 2)
        except (HostError, ValueError):
            link.close()
            raise
        if words != VERSION:
            link.close()
            raise HostError(
                "the script in Live is that of another Upbeat; run `upbeat hosts install live` again and restart Live"
            )
        self._link = link
        self.abilities = _ALL if can_place else _TOO_OLD
        return f"Live {version}" + ("" if can_place else ", which takes no clips from outside (12.0.5 and later do)")

    def close(self) -> None:
        """Let go of both ports."""
        if self._link is not None:
            self._link.close()
        if self._osc is not None:
            self._osc.close()
        self._link = self._osc = None

    def tracks(self) -> Sequence[HostTrack]:
        """Live's tracks, without returns and the main one."""
        if self._osc is not None:
            names = self._osc.track_names()
            audio = self._osc.ask_all([("/live/track/get/has_audio_input", (index,)) for index in range(len(names))])
            found = list(zip(names, [bool(values[0]) for values in audio], strict=True))
        else:
            found = self._own_tracks()
        return [
            HostTrack(number=number, name=name, takes_audio=audio)
            for number, (name, audio) in enumerate(found, start=1)
        ]

    def time(self) -> HostTime:
        """Where Live's music is, as of its last tick: 10 ms ago at most; through AbletonOSC 0.1 s."""
        if self._osc is not None:
            beat, tempo_bpm, playing = self._osc.time()
        else:
            beat, tempo_bpm, playing = self._own().ask("time")[:3]
        return HostTime(beat=beat, tempo_bpm=tempo_bpm, playing=bool(playing))

    def place_in_slot(self, clip: HostClip, *, track: str, slot: int) -> Placement:
        """Put a clip into an empty slot, counted from 1; scenes that are missing are added."""
        seconds, beats = _measured(clip)
        self._own("put clips into slots").ask(
            *("place_in_slot", track, slot, str(clip.path), clip.name, seconds, beats, float(clip.length_beats)),
            *(int(clip.loop), float(clip.quantum_beats)),
        )
        return Placement(clip=clip, track=track, slot=slot)

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Put a clip on the arrangement, where twice its length must be free."""
        seconds, beats = _measured(clip)
        self._own("put clips on its arrangement").ask(
            "place_at_beat", track, float(beat), str(clip.path), clip.name, seconds, beats
        )
        return Placement(clip=clip, track=track, beat=beat)

    def launch(self, placement: Placement) -> None:
        """Start a slot at the next line of its clip's own quantisation."""
        if self._osc is None:
            clip = placement.clip
            self._own().ask("fire", placement.track, placement.slot, str(clip.path), clip.name)
            return
        track = self._osc_track(placement.track)
        if not self._osc.has_clip(track, placement.slot - 1):
            raise HostError(
                f"slot {placement.slot} of the track {placement.track!r} is empty; put a clip there in Live"
            )
        self._osc.fire(track, placement.slot - 1)

    def stop(self, track: str) -> None:
        """Stop what the slots of a track play."""
        if self._osc is not None:
            self._osc.stop_track(self._osc_track(track))
        else:
            self._own().ask("stop", track)

    def remove(self, placement: Placement) -> None:
        """Take our clip away, wherever its track has gone; what is not ours stays."""
        clip, own = placement.clip, self._own("take clips away")
        if placement.slot:
            own.ask("remove_from_slot", placement.track, placement.slot, str(clip.path), clip.name)
        else:
            own.ask("remove_from_beat", placement.track, float(placement.beat), str(clip.path), clip.name)

    def undo(self) -> None:
        """Take back Live's last step."""
        self._own("undo").ask("undo")

    def _connect_osc(self, lost: HostLost, within_s: float) -> str:
        port, reply_port = self._osc_ports
        try:
            osc = AbletonOsc(port=port, reply_port=reply_port)
        except HostError as error:
            raise HostLost(f"{lost}; nor can AbletonOSC be asked: {error}") from error
        try:
            osc.test(within_s=within_s)
            version = osc.version()
        except HostLost:
            osc.close()
            raise lost from None
        except HostError:
            osc.close()
            raise
        self._osc = osc
        self.abilities = _OSC_ONLY
        return f"Live {version} through AbletonOSC, which puts no clips into it; for that, {_INSTALL}"

    def _own(self, what: str = "be asked") -> LiveLink:
        if self._osc is not None:
            raise HostError(f"AbletonOSC cannot {what} for us; {_INSTALL}")
        if self._link is None:
            raise HostLost("there is no connection to Live yet; connect first")
        return self._link

    def _own_tracks(self) -> list[tuple[str, bool]]:
        found: list[tuple[str, bool]] = []
        total = 1
        while len(found) < total:
            total, *pairs = self._own().ask("tracks", len(found))
            if not pairs:
                break
            found += zip(pairs[::2], map(bool, pairs[1::2]), strict=True)
        return found

    def _osc_track(self, name: str) -> int:
        assert self._osc is not None
        names = self._osc.track_names()
        if name not in names:
            raise HostError(f"Live has no track called {name!r}{nearest_only(name, names)}; it has {', '.join(names)}")
        return names.index(name)


class LiveProduct:
    """Live as `upbeat hosts` knows it."""

    name = "live"
    title = "Ableton Live 12.0.5 or later"
    abilities = _ALL

    def __init__(self, machine: live_install.Machine | None = None) -> None:
        """`machine`: where to look, else this one."""
        self._machine = machine or this_machine()

    def look(self, folder: Path | None = None) -> list[Found]:
        """Whether Live is here, and our script in it, or in the User Library in `folder`."""
        return live_install.look(self._machine, library=folder)

    def install(self, folder: Path | None) -> list[str]:
        """Put our script into the User Libraries found, or into the one in `folder`."""
        return live_install.install(self._libraries(folder, "install"))

    def remove(self, folder: Path | None) -> list[str]:
        """Take our script out of them again."""
        return live_install.remove(self._libraries(folder, "remove"))

    def host(self, choice: HostChoice) -> Host:
        """The adapter, not yet connected."""
        return Live(port=PORT if choice.port is None else choice.port)

    def _libraries(self, folder: Path | None, verb: str) -> list[Path]:
        if folder is not None:
            return [folder]
        found = live_install.user_libraries(self._machine)
        if not found:
            raise HostError(
                "there is no User Library of Live where it usually is; name it, as Live's Settings show it under "
                f"Library: `upbeat hosts {verb} live --folder DIR`"
            )
        return found


def this_machine() -> live_install.Machine:
    """The machine we run on."""
    on_windows = Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "Ableton"
    home = Path.home()
    programs = [on_windows] if sys.platform == "win32" else [Path("/Applications"), home / "Applications"]
    return live_install.Machine(system=sys.platform, home=home, programs=programs)


def _measured(clip: HostClip) -> tuple[float, float]:
    """How long a clip's file is in seconds, and in beats of its own tempo."""
    seconds = clip.frames / clip.sample_rate_hz
    return seconds, seconds * clip.tempo_bpm / 60


PRODUCT = LiveProduct()
