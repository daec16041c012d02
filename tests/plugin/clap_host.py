"""A stand-in for a CLAP host: it loads a .clap, keeps a transport, and hands over events and streams."""

import ctypes as c
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.plugin import clap_abi as abi
from tests.plugin.clap_abi import MidiEvent, NoteEvent, ParameterInfo, PortInfo, TransportEvent, ValueEvent

Samples = npt.NDArray[np.float32]


@dataclass
class Song:
    """Where the host's music is, at the next block's first frame."""

    tempo_bpm: float = 120.0
    beat: float = 0.0  # quarter notes
    playing: bool = True
    metre: tuple[int, int] = (4, 4)
    beat_parts: int = 0  # Qtractor's beats are whole parts of so many, as single floats; its seconds are exact
    flags: int = abi.HAS_TEMPO | abi.HAS_BEATS | abi.HAS_SECONDS | abi.HAS_SIGNATURE

    def told(self, time: int = 0) -> TransportEvent:
        """As CLAP's words; `time` is the frame of the block."""
        per_bar = self.metre[0] * 4 / self.metre[1]
        bar = int(self.beat // per_bar)
        beat = float(np.float32(int(self.beat * self.beat_parts) / self.beat_parts)) if self.beat_parts else self.beat
        return TransportEvent(
            header=abi.Header(c.sizeof(TransportEvent), time, 0, abi.TRANSPORT, 0),
            flags=self.flags | (abi.PLAYING if self.playing else 0),
            beats=round(beat * abi.BEAT),
            seconds=round(self.beat * 60 / self.tempo_bpm * abi.BEAT),
            tempo=self.tempo_bpm,
            bar_start=round(bar * per_bar * abi.BEAT),
            bar_number=bar,
            numerator=self.metre[0],
            denominator=self.metre[1],
        )


@dataclass(frozen=True)
class Turned:
    """A parameter's value that the plug-in told the host."""

    parameter: int
    value: float


def note(frame: int, key: int, velocity: float = 0.8) -> NoteEvent:
    """A key pressed, in CLAP's own words; `frame` counts from the start of what is played."""
    return NoteEvent(abi.Header(c.sizeof(NoteEvent), frame, 0, abi.NOTE_ON, 0), -1, 0, 0, key, velocity)


def midi(frame: int, *message: int) -> MidiEvent:
    """The three bytes of a MIDI message."""
    return MidiEvent(abi.Header(c.sizeof(MidiEvent), frame, 0, abi.MIDI, 0), 0, (c.c_uint8 * 3)(*message))


def value(frame: int, parameter: int, to: float, *, kind: int = abi.PARAM_VALUE) -> ValueEvent:
    """A parameter turned."""
    header = abi.Header(c.sizeof(ValueEvent), frame, 0, kind, 0)
    return ValueEvent(header, parameter, None, -1, -1, -1, -1, to)


class Bundle:
    """A .clap file, opened."""

    def __init__(self, path: Path) -> None:
        self._library = c.CDLL(str(path))
        self.entry = abi.Entry.in_dll(self._library, "clap_entry")
        assert self.entry.init(str(path).encode())
        factory = self.entry.get_factory(b"clap.plugin-factory")
        assert factory
        assert not self.entry.get_factory(b"no such factory")
        self.factory = abi.Factory.from_address(factory)

    def close(self) -> None:
        """After the last instance has gone."""
        self.entry.deinit()

    def descriptors(self) -> list[abi.Descriptor]:
        """What is in it."""
        here = c.byref(self.factory)
        return [self.factory.descriptor(here, index).contents for index in range(self.factory.count(here))]

    def features(self) -> list[str]:
        """Of the first."""
        return [word.decode() for word in itertools.takewhile(bool, self.descriptors()[0].features)]


class Instance:
    """One plug-in of a bundle's in a host of its own, which gives no extension. Two channels in and out."""

    def __init__(self, bundle: Bundle, *, rate_hz: int = 48_000, largest_block: int = 8_192) -> None:
        self.rate_hz, self.largest_block = rate_hz, largest_block
        self.song = Song()
        self.knows_time = True
        self.turned: list[Turned] = []
        self.steady_time = 0
        self._active = False
        nothing = abi.Request(lambda _host: None)
        self._table = abi.HostTable(
            abi.Version(1, 1, 1), None, b"a stand-in", b"", b"", b"1",
            abi.GetExtension(lambda _host, _id: None), nothing, nothing, nothing,
        )  # fmt: skip
        made = bundle.factory.create(c.byref(bundle.factory), c.byref(self._table), bundle.descriptors()[0].id)
        assert made
        self.table = made.contents
        self._here = c.byref(self.table)
        assert self.table.init(self._here)
        self._make_process()

    def _make_process(self) -> None:
        self._events: Sequence[c.Structure] = ()
        self._in = abi.EventsIn(
            None,
            abi.CountEvents(lambda _list: len(self._events)),
            abi.GetEvent(lambda _list, index: c.addressof(self._events[index])),
        )
        self._out = abi.EventsOut(None, abi.PushEvent(self._push))
        self._sides = [(c.c_void_p * 2)(), (c.c_void_p * 2)()]
        self._buffers = [abi.AudioBuffer(c.addressof(sides), None, 2, 0, 0) for sides in self._sides]
        self.has_input = bool(self.audio_ports(True))
        self._process = abi.Process(
            inputs=c.addressof(self._buffers[0]) if self.has_input else None,
            outputs=c.addressof(self._buffers[1]),
            input_count=int(self.has_input),
            output_count=1,
            events_in=c.addressof(self._in),
            events_out=c.addressof(self._out),
        )

    def _push(self, _list: int, event: Any) -> bool:
        assert event.contents.type == abi.PARAM_VALUE
        told = c.cast(event, c.POINTER(ValueEvent)).contents
        self.turned.append(Turned(told.parameter, told.value))
        return True

    # what it says of itself

    def extension(self, name: str, kind: type[c.Structure]) -> Any:
        """A table of the plug-in's; None if it has none."""
        found = self.table.get_extension(self._here, name.encode())
        return kind.from_address(found) if found else None

    def audio_ports(self, is_input: bool) -> list[PortInfo]:
        """Its audio ports."""
        return self._ports("clap.audio-ports", PortInfo, is_input)

    def note_ports(self, is_input: bool) -> list[abi.NotePortInfo]:
        """Its ports for notes."""
        return self._ports("clap.note-ports", abi.NotePortInfo, is_input)

    def _ports(self, name: str, kind: type[c.Structure], is_input: bool) -> list[Any]:
        table = self.extension(name, abi.Ports)
        if table is None:
            return []
        infos = [kind() for _ in range(table.count(self._here, is_input))]
        for index, info in enumerate(infos):
            assert table.get(self._here, index, is_input, c.byref(info))
        return infos

    def parameters(self) -> list[ParameterInfo]:
        """Its parameters."""
        table = self.extension("clap.params", abi.Parameters)
        infos = [ParameterInfo() for _ in range(table.count(self._here))]
        for index, info in enumerate(infos):
            assert table.get_info(self._here, index, c.byref(info))
        return infos

    def number(self, name: str) -> int:
        """The id of the parameter of that name."""
        return next(int(info.id) for info in self.parameters() if info.name.decode() == name)

    def value(self, name: str) -> float:
        """How a parameter stands."""
        into = c.c_double()
        assert self.extension("clap.params", abi.Parameters).get_value(self._here, self.number(name), c.byref(into))
        return into.value

    def text(self, name: str, of: float) -> str:
        """A value as a host shows it."""
        into = c.create_string_buffer(64)
        table = self.extension("clap.params", abi.Parameters)
        assert table.value_to_text(self._here, self.number(name), of, into, len(into))
        return into.value.decode()

    def value_of(self, name: str, typed: str) -> float:
        """The value of what a user typed."""
        into = c.c_double()
        table = self.extension("clap.params", abi.Parameters)
        assert table.text_to_value(self._here, self.number(name), typed.encode(), c.byref(into))
        return into.value

    # what a host does with it

    def activate(self) -> None:
        """Ready to play, at `rate_hz`."""
        assert self.table.activate(self._here, float(self.rate_hz), 1, self.largest_block)
        assert self.table.start_processing(self._here)
        self._active = True

    def deactivate(self) -> None:
        """And no more."""
        self.table.stop_processing(self._here)
        self.table.deactivate(self._here)
        self._active = False

    def close(self) -> None:
        """Destroy it; deactivated, if it was not."""
        if self._active:
            self.deactivate()
        self.table.destroy(self._here)

    def flush(self, *events: ValueEvent) -> None:
        """Turn parameters without playing."""
        self._events = events
        self.extension("clap.params", abi.Parameters).flush(self._here, c.byref(self._in), c.byref(self._out))

    def save(self, *, at_most: int = 1 << 30) -> bytes:
        """Its state, as a host keeps it in a project; the stream takes `at_most` so many bytes at a time."""
        into = bytearray()

        def write(_stream: int, data: int, size: int) -> int:
            into.extend(c.string_at(data, min(size, at_most)))
            return min(size, at_most)

        stream = abi.Stream(None, abi.MoveBytes(write))
        assert self.extension("clap.state", abi.State).save(self._here, c.byref(stream))
        return bytes(into)

    def load(self, state: bytes, *, at_most: int = 1 << 30) -> None:
        """Give it a state back."""
        left = bytearray(state)

        def read(_stream: int, data: int, size: int) -> int:
            part = bytes(left[: min(size, at_most)])
            c.memmove(data, part, len(part))
            del left[: len(part)]
            return len(part)

        stream = abi.Stream(None, abi.MoveBytes(read))
        assert self.extension("clap.state", abi.State).load(self._here, c.byref(stream))

    def play(
        self,
        frames: int,
        blocks: Iterable[int] = (512,),
        *,
        events: Sequence[NoteEvent | MidiEvent | ValueEvent | TransportEvent] = (),
        heard: Samples | None = None,
        in_place: bool = False,
    ) -> Samples:
        """The next frames, (frames, 2), in blocks of these sizes over and over; `heard` is what comes in."""
        out = np.zeros((2, frames), np.float32)
        into = np.zeros((2, frames), np.float32) if heard is None else np.ascontiguousarray(heard.T)
        if in_place:
            out[:] = into
            into = out
        sizes, done = itertools.cycle(blocks), 0
        while done < frames:
            count = min(next(sizes), frames - done)
            for sides, samples in zip(self._sides, (into, out), strict=True):
                sides[0], sides[1] = (samples.ctypes.data + 4 * (side * frames + done) for side in range(2))
            self._events = _moved([e for e in events if done <= e.header.time < done + count], done) if events else ()
            self._block(count)
            done += count
        return np.ascontiguousarray(out.T)

    def _block(self, count: int) -> None:
        told = self.song.told() if self.knows_time else None
        self._process.transport = c.addressof(told) if told else None
        self._process.steady_time, self._process.frames = self.steady_time, count
        assert self.table.process(self._here, c.byref(self._process)) == abi.CONTINUES
        self.steady_time += count
        if self.song.playing:
            self.song.beat += count * self.song.tempo_bpm / 60 / self.rate_hz


def _moved(events: Sequence[Any], by: int) -> list[Any]:
    """These events as a block sees them that begins `by` frames later."""
    moved = [type(event).from_buffer_copy(event) for event in events]
    for event in moved:
        event.header.time -= by
    return moved


def beats_in(song: Song, frames: int, *, rate_hz: int = 48_000, every: float = 1.0) -> list[int]:
    """The frames from here at which whole beats (or multiples of `every`) lie in the next `frames`."""
    first, last = song.beat, song.beat + frames * song.tempo_bpm / 60 / rate_hz
    numbers = range(int(np.ceil(first / every - 1e-9)), int(np.ceil(last / every)) + 1)
    found = [round((number * every - first) * 60 / song.tempo_bpm * rate_hz) for number in numbers]
    return [frame for frame in found if 0 <= frame < frames]
