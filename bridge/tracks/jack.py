"""Sound into a JACK graph: the server asks the compiled mixer for each period, on its own thread and without Python."""

import atexit
import logging
import threading
from collections.abc import Callable
from typing import Any

import cffi  # type: ignore[import-untyped, unused-ignore]
import numpy as np
from llvmlite import ir
from numba import types

from bridge.timing.jack_transport import JackTransport
from bridge.tracks.compiling import callback, carray, intrinsic, pointer
from bridge.tracks.kernel import render
from bridge.tracks.memory import MIXER, NEVER
from bridge.tracks.mixer import Mixer
from bridge.tracks.output import OutputError

LATENCY = """
typedef struct { uint32_t min, max; } jack_latency_range_t;
void jack_port_get_latency_range(void *port, int mode, jack_latency_range_t *range);
"""
PLAYBACK = 1  # JackPlaybackLatency

# What lies where in the mixer record's `host`. ROLLS_FROM is written by the callback: the transport's frame less the
# mixer's, NEVER while the transport stands.
GET_BUFFER, LEFT, RIGHT, QUERY, CLIENT, POSITION, ROLLS_FROM = range(7)
ROLLING = 1  # JackTransportRolling
FRAME_WORD = 5  # where a jack_position_t has its frame, in words of 32 bits

log = logging.getLogger(__name__)


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def port_buffer(typing_context: Any, get_buffer: Any, port: Any, frames: Any) -> Any:
    """Call `jack_port_get_buffer(port, frames)`, whose own address is `get_buffer`; the address it gives."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = context.get_value_type(types.intp)
        function = ir.FunctionType(word, (word, ir.IntType(32)))
        return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])

    return types.intp(types.intp, types.intp, types.uint32), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def transport_state(typing_context: Any, query: Any, client: Any, position: Any) -> Any:
    """Call `jack_transport_query(client, position)`, whose own address is `query`; the state it gives."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = context.get_value_type(types.intp)
        function = ir.FunctionType(ir.IntType(32), (word, word))
        return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])

    return types.int32(types.intp, types.intp, types.intp), generate


@callback(types.int32(types.uint32, types.intp))
def fill(frames: int, mixer: int) -> int:
    """JackProcessCallback: `mixer` is the address of its record."""
    record = carray(pointer(mixer), (1,), MIXER)[0]
    host = record.host
    state = transport_state(host[QUERY], host[CLIENT], host[POSITION])
    position = carray(pointer(host[POSITION]), (6,), np.uint32)
    host[ROLLS_FROM] = position[FRAME_WORD] - record.frame if state == ROLLING else NEVER
    left = port_buffer(host[GET_BUFFER], host[LEFT], frames)
    right = port_buffer(host[GET_BUFFER], host[RIGHT], frames)
    render(mixer, left, right, 1, frames)
    return 0


class JackOutput:
    """A client of a running JACK server, with ports out_1 and out_2. It never starts a server."""

    live = True

    def __init__(self, mixer: Mixer, *, device: str | int | None = None, client_name: str = "upbeat") -> None:
        """Join the server; from `start` on the ports are connected to `device`, part of a port's name, or the speakers.

        Raises `OutputError` without the JACK library or a server, or when the server runs at another rate.
        """
        self._jack = jack = _jack()
        self._mixer = mixer
        self._device = device
        self._xruns = 0
        self._running = False
        self._lost = threading.Event()
        try:
            self._client = jack.Client(client_name, no_start_server=True)
        except jack.JackOpenError:
            raise OutputError("no JACK server is running; start one, or choose another output.") from None
        self.name = f"jack: {self._client.name}"
        if self._client.samplerate != mixer.sample_rate_hz:
            rate_hz = self._client.samplerate
            self._client.close()
            raise OutputError(
                f"JACK runs at {rate_hz} Hz and the set at {mixer.sample_rate_hz} Hz; give both the same rate."
            )
        ports = [self._client.outports.register(f"out_{side}") for side in (1, 2)]
        ffi, library = jack._ffi, jack._lib
        self._position = ffi.new("jack_position_t *")
        assert ffi.offsetof("jack_position_t", "frame") == 4 * FRAME_WORD
        buffer, query = library.jack_port_get_buffer, library.jack_transport_query
        pointers = (buffer, *(port._ptr for port in ports), query, self._client._ptr, self._position)
        mixer.set_host([*(int(ffi.cast("uintptr_t", pointed)) for pointed in pointers), NEVER])
        process = ffi.cast("JackProcessCallback", fill.address)
        library.jack_set_process_callback(self._client._ptr, process, ffi.cast("void*", mixer.address))
        self._client.set_xrun_callback(self._count_xrun)
        self._client.set_shutdown_callback(self._say_lost)

    @property
    def latency_frames(self) -> int:
        """From the mixing of a frame to its sound, as the server reckons it."""
        ffi = cffi.FFI()  # JACK-Client does not know these two words of the library
        ffi.cdef(LATENCY)
        latency = ffi.new("jack_latency_range_t *")
        left, _ = self._client.outports
        ffi.dlopen(self._jack._libname).jack_port_get_latency_range(ffi.cast("void *", left._ptr), PLAYBACK, latency)
        known_frames, period_frames = int(latency.max), int(self._client.blocksize)
        return max(known_frames, period_frames)  # until it is connected a port knows of no latency

    def transport(self, *, own_tempo_bpm: Callable[[], float]) -> JackTransport:
        """The server's transport as a clock; `own_tempo_bpm` counts where no program keeps its bars."""
        return JackTransport(
            self._client,
            transport_less_mixer=self.transport_less_mixer,
            own_tempo_bpm=own_tempo_bpm,
            sample_rate_hz=self._mixer.sample_rate_hz,
        )

    def transport_less_mixer(self) -> int | None:
        """The frame of JACK's transport less the mixer's, as of the latest block; None while the transport stands."""
        frames = self._mixer.host_word(ROLLS_FROM)
        return None if frames == NEVER else frames

    @property
    def underruns(self) -> int:
        """How often the server has missed a period since this output was opened, whoever made it late."""
        return self._xruns

    def start(self) -> None:
        """Begin to ask for blocks, and connect to the speakers."""
        if self._running:
            return
        self._client.activate()
        self._running = True
        atexit.register(self.stop)  # also keeps the mixer's memory for the server's thread if nobody else does
        wanted = {"is_physical": True} if self._device is None else {"name_pattern": str(self._device)}
        targets = self._client.get_ports(is_audio=True, is_input=True, **wanted)
        for port, target in zip(self._client.outports, targets, strict=False):
            self._client.connect(port, target)

    def stop(self) -> None:
        """Leave the graph."""
        if self._running:
            self._running = False
            atexit.unregister(self.stop)
            if not self._lost.is_set():
                self._client.deactivate()
        self._client.close()

    def _count_xrun(self, delayed_usecs: float) -> None:
        self._xruns += 1

    def _say_lost(self, status: Any, reason: str) -> None:
        self._lost.set()
        log.error("The JACK server has gone (%s); start it and open the output again.", reason)


def _jack() -> Any:
    try:
        import jack
    except ImportError:
        raise OutputError("JACK output needs the JACK-Client package; pip install 'upbeat[jack]'.") from None
    except OSError:
        raise OutputError(
            "the JACK library is not installed; install it (Debian and Ubuntu: apt install jackd2)."
        ) from None
    jack.set_error_function(log.debug)  # it would print to stderr what we say in a sentence
    jack.set_info_function(log.debug)
    return jack
