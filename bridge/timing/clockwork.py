"""The clocks of a set that plays live: made in their order, fed with what they need, and closed together."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import mido

from bridge.timing.clocks import Clock, ClockError
from bridge.timing.frame_time import FrameClock
from bridge.timing.link_clock import LinkClock
from bridge.timing.midi_clock import MidiClock
from bridge.timing.plugin_clock import PluginClock, PluginTimes

if TYPE_CHECKING:
    from bridge.tracks.mixer import Mixer
    from bridge.tracks.output import Output

LATENCY_EVERY_S = 1.0  # an output is asked for its latency, which may take a system call


class Clockwork:
    """Every clock that a set asks for and that can be had here; one that cannot is told of, and the set plays on."""

    def __init__(
        self,
        sources: Sequence[str],
        *,
        mixer: "Mixer",
        output: "Output",
        tempo_bpm: float,
        beats_per_bar: float,
        link_start_stop: bool = False,
        plugin_times: PluginTimes | None = None,
        say: Callable[[str], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sources`: any of link, midi, jack, plugin and internal, by priority. `plugin_times` come from the port."""
        self.midi: MidiClock | None = None
        self.plugin: PluginClock | None = None
        self.clocks: list[Clock] = []
        self.frame_clock = FrameClock(sample_rate_hz=mixer.sample_rate_hz)
        self._mixer, self._output, self._now_s = mixer, output, now_s
        self._latency_again_s = -math.inf
        self._link: LinkClock | None = None
        for source in sources:
            try:
                match source:
                    case "link":
                        self._link = LinkClock(
                            self.frame_clock,
                            tempo_bpm=tempo_bpm,
                            beats_per_bar=beats_per_bar,
                            start_stop=link_start_stop,
                        )
                        self.clocks.append(self._link)
                    case "midi":
                        self.midi = MidiClock(self.frame_clock, tempo_bpm=tempo_bpm)
                        self.clocks.append(self.midi)
                    case "plugin":
                        if plugin_times is None:
                            raise ClockError("the plugin clock needs the port for the plug-in, and there is none here")
                        self.plugin = PluginClock(plugin_times, self.frame_clock)
                        self.clocks.append(self.plugin)
                    case "jack":
                        self.clocks.append(_jack(output, tempo_bpm))
            except ClockError as error:
                say(f"{error}; the set's other clocks go on")

    def look(self) -> None:
        """Note which frame it is and when; before each tick of the player."""
        frame, now_s = self._mixer.frame, self._now_s()
        if now_s >= self._latency_again_s:
            self._latency_again_s = now_s + LATENCY_EVERY_S
            self.frame_clock.ahead_frames = self._output.latency_frames + self._mixer.block_frames
        self.frame_clock.look(frame, now_s)

    def hear_midi(self, message: "mido.Message") -> None:
        """Take what a MIDI port heard, at the moment it heard it. The port's own thread."""
        if self.midi is not None:
            self.midi.hear(message, self._now_s())

    def close(self) -> None:
        """Leave what was joined."""
        if self._link is not None:
            self._link.close()


def _jack(output: "Output", tempo_bpm: float) -> Clock:
    make = getattr(output, "transport", None)
    if make is None:
        raise ClockError(
            f"the jack clock needs sound through JACK, and the output is {output.name!r}; start with --output jack, or "
            "take jack out of the set's clock sources"
        )
    clock: Clock = make(own_tempo_bpm=lambda: tempo_bpm)
    return clock
