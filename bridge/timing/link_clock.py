"""Ableton Link: tempo, phase within the bar and, if wanted, start and stop, shared with peers on the network.

What counts (Link's own rules): its time is that of the sound at the loudspeaker; peers agree on tempo and phase, not on
beat numbers; whoever joins takes what is there and sets nothing; a peer's start is obeyed on the next bar, and one that
joins while others play stays silent. Without a peer there is nobody to follow, so this clock is then absent.

Link's clock is not `time.monotonic`, and on Linux the two drift apart, so they are read in pairs each time.
"""

import time
from typing import Any

from bridge.timing.clocks import ClockError, FrameTime, Reading

JOIN_AFTER_S = 0.5  # a peer that joins right after it was made may push its tempo onto the others
PAIR_S = 50e-6  # a pair of clock readings that took longer was interrupted
PAIRS_TRIED = 3
ERROR_MS = 0.5  # what Link's own measurement of the network leaves


class LinkClock:
    """A peer of the Link session of this network. One owner thread."""

    name = "link"

    def __init__(
        self, frame_time: FrameTime, *, tempo_bpm: float, beats_per_bar: float, start_stop: bool = False
    ) -> None:
        """Make the peer, which joins half a second later. `tempo_bpm` is for a session that nobody else is in yet.

        Raises `ClockError` without Link's library.
        """
        try:
            import link
        except ImportError:
            raise ClockError(
                "Ableton Link needs the LinkPython-extern package; pip install 'upbeat[link]', or take link out of the "
                "set's clock sources"
            ) from None
        self._frame_time = frame_time
        self._beats_per_bar = beats_per_bar
        self._start_stop = start_stop
        self._link: Any = link.Link(tempo_bpm)
        self._clock: Any = self._link.clock()
        self._link.startStopSyncEnabled = start_stop
        self._join_at_s = time.monotonic() + JOIN_AFTER_S
        self._less_monotonic_s = 0.0  # Link's clock less `time.monotonic`
        self._played: bool | None = None
        self._epoch = 0

    @property
    def peers(self) -> int:
        """How many others are in the session."""
        return int(self._link.numPeers())

    def read(self, frame: int) -> Reading | None:
        """Where the session is when `frame` is heard; None as long as nobody else is in it."""
        if not self._link.enabled:
            if time.monotonic() >= self._join_at_s:
                self._link.enabled = True
            return None
        peers = self.peers
        if not peers:
            self._played = None
            return None
        state = self._link.captureAppSessionState()
        playing = bool(state.isPlaying()) if self._start_stop else None
        if playing and self._played is False:
            self._epoch += 1
        self._played = playing
        return Reading(
            beat=state.beatAtTime(self._micros_at(frame), self._beats_per_bar),
            tempo_bpm=state.tempo(),
            playing=playing,
            known_beats=self._beats_per_bar,
            epoch=self._epoch,
            error_ms=ERROR_MS,
            note=f"{peers} peer{'s' if peers > 1 else ''}",
        )

    def set_tempo(self, tempo_bpm: float) -> None:
        """Change the tempo of the session, for everybody: only when somebody here has asked for it."""
        state = self._link.captureAppSessionState()
        state.setTempo(tempo_bpm, self._clock.micros())
        self._link.commitAppSessionState(state)

    def set_playing(self, playing: bool, *, frame: int) -> None:
        """With start/stop sync, let the session play, or stop, from what is heard at `frame` on; else do nothing."""
        if self._start_stop:
            state = self._link.captureAppSessionState()
            state.setIsPlaying(playing, self._micros_at(frame))
            self._link.commitAppSessionState(state)
            self._played = playing  # our own start is none to obey

    def agree(self, beat: float, tempo_bpm: float, *, frame: int) -> None:
        """While nobody else is in the session, let it have our tempo and our bar: whoever joins finds them there."""
        if self._link.enabled and not self.peers:
            at_micros = self._micros_at(frame)
            state = self._link.captureAppSessionState()
            state.setTempo(tempo_bpm, at_micros)
            state.forceBeatAtTime(beat, at_micros, self._beats_per_bar)
            self._link.commitAppSessionState(state)

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False

    def _micros_at(self, frame: int) -> int:
        """Link's time of the moment when `frame` leaves the loudspeaker."""
        for _ in range(PAIRS_TRIED):
            before_s = time.monotonic()
            micros = self._clock.micros()
            took_s = time.monotonic() - before_s
            if took_s < PAIR_S:
                self._less_monotonic_s = micros / 1e6 - before_s - took_s / 2
                break
        return round((self._frame_time.heard_s(frame) + self._less_monotonic_s) * 1e6)
