"""A set, live: the player on its thread, and everything around it that makes or takes sound."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from bridge.elsewhere import AllOf, Elsewhere
from bridge.engine_link import ClipArrived, EngineLink, EngineStateChanged, LinkEvent, RequestRefused
from bridge.hosts.base import Host
from bridge.hosts.desk import HostDesk, Now
from bridge.hosts.products import product
from bridge.library import Library
from bridge.performance_log import Notes, PerformanceLog
from bridge.player import Player
from bridge.player_thread import CLOSE_WITHIN_S, PlayerThread, bravely
from bridge.plugin_desk.stage import PluginStage
from bridge.plugin_port import PluginCame, PluginEvent, PluginGone, PluginPort, PluginSaid
from bridge.set_file import Set
from bridge.set_watch import LOOK_EVERY_S, SetWatch
from bridge.set_words import MidiTrigger
from bridge.timing.clockwork import Clockwork
from bridge.timing.plugin_clock import PluginTimes
from bridge.tracks.mixer import Mixer
from bridge.tracks.output import Output, OutputKind, open_output
from bridge.tracks.recorder import Recorder
from bridge.triggers.heard import Heard, unanswered
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from bridge.triggers.osc import OscPort

if TYPE_CHECKING:
    import mido

log = logging.getLogger("upbeat.bridge")

PLACE_AHEAD_S = 0.02  # on top of the output's latency: what our own threads may take to get a word in
T = TypeVar("T")
Event = Heard | LinkEvent | PluginEvent


class Session:
    """Output, engine link, OSC port, library and player of one set, started and closed together; `midi` can be fed.

    What MIDI does follows the set's file as it is edited, in every place that hears by `keymap`.
    """

    def __init__(
        self,
        music: Set,
        *,
        engine_endpoint: str,
        takes_folder: Path,
        output_kind: OutputKind = "auto",
        output_device: str | None = None,
        osc_host: str = "127.0.0.1",
        osc_port: int = 0,
        plugin_port: int | None = None,
        record_folder: Path | None = None,
        arm: bool = False,
        host: Host | None = None,
        say: Callable[[str], None] = log.info,
    ) -> None:
        """`host`: in place of the one that the set names. `plugin_port`: for the plug-in, 0 for any, None for none.

        Raises `PluginPortError` for one that is taken, and `HostError` for a host that cannot be asked for so.
        """
        if music.host is not None and host is None:
            host = product(music.host.name).host(music.host)
        self._live = PlayerThread[Event]()
        self.mixer = Mixer(list(music.tracks), sample_rate_hz=music.sample_rate_hz)
        self.keymap = Keymap(tuple(music.midi))
        self.midi = MidiFeed(self.keymap, on_heard=self.hear, on_clock=self.hear_clock)
        self.recorder = Recorder(self.mixer, record_folder) if record_folder else None
        self.osc = OscPort(osc_host, osc_port, on_heard=self.hear)
        self.plugins: PluginPort | None = None
        self._plugin_stage: PluginStage | None = None
        plugin_times = PluginTimes()
        try:
            if plugin_port is not None:
                self.plugins = PluginPort(
                    plugin_port,
                    title=music.title,
                    tracks=list(music.tracks),
                    times=plugin_times,
                    on_event=self._live.tell,
                )
            self.output: Output = open_output(output_kind, self.mixer, device=output_device)
            self.link = EngineLink(engine_endpoint, on_event=self._live.tell_surely)
            self.library = Library(takes_folder, on_trouble=say)
            self.performance = PerformanceLog(takes_folder, music, unix_s=time.time(), on_trouble=say)
            self.clockwork = Clockwork(
                music.clock.sources,
                mixer=self.mixer,
                output=self.output,
                tempo_bpm=music.tempo_bpm,
                beats_per_bar=music.beats_per_bar,
                link_start_stop=music.clock.link_start_stop,
                plugin_times=plugin_times if self.plugins else None,
                say=say,
            )
        except BaseException:  # the port must not stay taken, whatever stopped us
            self.osc.close()
            if self.plugins is not None:
                self.plugins.close()
            raise
        self._desks: list[HostDesk] = []
        self.player = Player(
            music,
            mixer=self.mixer,
            engine=self.link,
            library=self.library,
            place_ahead_frames=self.output.latency_frames + round(PLACE_AHEAD_S * music.sample_rate_hz),
            now_s=time.monotonic,
            unix_s=time.time,
            arm=arm,
            output_name=self.output.name,
            clocks=self.clockwork.clocks,
            aside=self._live.aside,
            elsewhere=lambda player: self._elsewhere(player, host, takes_folder, plugin_times),
        )
        self.player.on_scene = self.performance.marker
        self._watch = SetWatch(music, on_triggers=self._take_triggers, say=say)
        self._watching = threading.Thread(target=self._look_at_the_set, name="set watch", daemon=True)

    def start(self) -> None:
        """Begin to listen and to sound. The music itself waits for `play`."""
        if self.recorder:
            self.recorder.start()
        self.output.start()
        self.link.start()
        self.osc.start()
        for desk in self._desks:
            desk.start()
        if self.plugins is not None:
            self.plugins.start()
        self._live.start(self.player, tick=self._tick, take=self._take)
        self._watching.start()

    def hear(self, heard: Heard) -> None:
        """Hand a message to the player. Any thread. Raises `queue.Full` if too many wait."""
        self._live.tell(heard)

    def hear_clock(self, message: "mido.Message") -> None:
        """Take a message of a MIDI clock, now that it comes. Any thread."""
        self.clockwork.hear_midi(message)

    def ask(self, question: Callable[[Player], T], *, within_s: float = 5.0) -> T:
        """Run `question` on the player's own thread, and hand back its answer. Raises `TimeoutError`."""
        return self._live.ask(question, within_s=within_s)

    def close(self) -> None:
        """Stop listening, sounding and writing, in that order; bounded."""
        self._live.closing.set()
        self.osc.close()
        self._live.join()
        if self._watching.is_alive():
            self._watching.join(timeout=CLOSE_WITHIN_S)
        for desk in self._desks:
            desk.close()
        if self.plugins is not None:
            self.plugins.close()
        if self._plugin_stage is not None:
            self._plugin_stage.close()
        self.link.close()
        self.clockwork.close()
        self.output.stop()
        if self.recorder:
            self.recorder.close()
        bravely(self.player.shaper.finish)
        bravely(self._notes.end)
        self.performance.close()
        self.library.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _elsewhere(self, player: Player, host: Host | None, takes_folder: Path, times: PluginTimes) -> Elsewhere:
        """The set's host, if it has one, whatever host our plug-in is in, and what notes the performance."""
        self._notes = Notes(player, self.performance)
        if host is not None:
            self._desks.append(
                HostDesk(
                    host,
                    player.music.tracks,
                    player.music.cues,
                    beats_per_bar=player.music.beats_per_bar,
                    folder=takes_folder / "hosts",
                    now=lambda frame: _now(player, frame),
                    tell=player.tell,
                    refuse=lambda what, sentence: player.refuse(unanswered, what, "host", sentence),
                )
            )
        if self.plugins is None:
            return AllOf([*self._desks, self._notes])
        clockwork = self.clockwork
        self._plugin_stage = PluginStage(
            player, port=self.plugins, times=times, clock=clockwork.plugin, frame_time=clockwork.frame_clock
        )
        return AllOf([*self._desks, self._plugin_stage, self._notes])

    def _look_at_the_set(self) -> None:
        while not self._live.closing.wait(LOOK_EVERY_S):
            bravely(self._watch.look)

    def _take_triggers(self, midi: Sequence[MidiTrigger]) -> None:
        self.keymap.triggers = tuple(midi)
        self._live.do(lambda player: player.take_triggers(midi))

    def _tick(self) -> None:
        self.clockwork.look()
        self.player.tick()

    def _take(self, event: Event) -> None:
        match event:
            case Heard():
                self.player.hear(event)
            case ClipArrived() | RequestRefused() | EngineStateChanged():
                if self._plugin_stage is None or not self._plugin_stage.took(event):
                    self.player.engine_said(event)
            case PluginCame() | PluginGone() | PluginSaid():
                if self._plugin_stage is not None:
                    self._plugin_stage.hear(event)


def _now(player: Player, frame: int) -> Now:
    """Where the music is, for whoever asks on another thread."""
    transport = player.transport
    return Now(
        beat=transport.beat_at_frame(frame),
        at_s=player.now_s(),
        tempo_bpm=transport.tempo_bpm(frame),
        playing=transport.playing,
        is_placed=player.arbiter.is_placed,
        # Who has said where bars begin has heard it in the host, unless a clock that both follow says something else.
        bar_beat=0.0 if player.arbiter.knows_bars else player.meter.from_beat,
    )
