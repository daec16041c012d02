"""The tables, events and buffers of CLAP 1.1, in the order of its published headers; each class says which it is."""

import ctypes as c

BEAT = 1 << 31  # CLAP's beats are whole numbers of this part
NOTE_ON, PARAM_VALUE, PARAM_MOD, TRANSPORT, MIDI = 0, 5, 6, 9, 10
HAS_TEMPO, HAS_BEATS, HAS_SECONDS, HAS_SIGNATURE, PLAYING, PRE_ROLL = 1, 2, 4, 8, 16, 128
CONTINUES = 1

u16, u32, u64, i16, i32, i64, f64, text, at = (
    c.c_uint16, c.c_uint32, c.c_uint64, c.c_int16, c.c_int32, c.c_int64, c.c_double, c.c_char_p, c.c_void_p,
)  # fmt: skip

# What a host has itself called by.
GetExtension, Request = c.CFUNCTYPE(at, at, text), c.CFUNCTYPE(None, at)
CountEvents, GetEvent = c.CFUNCTYPE(u32, at), c.CFUNCTYPE(at, at, u32)
MoveBytes = c.CFUNCTYPE(i64, at, at, u64)


class Version(c.Structure):
    """clap_version."""

    _fields_ = (("major", u32), ("minor", u32), ("revision", u32))


class Entry(c.Structure):
    """clap_plugin_entry."""

    _fields_ = (
        ("version", Version),
        ("init", c.CFUNCTYPE(c.c_bool, text)),
        ("deinit", c.CFUNCTYPE(None)),
        ("get_factory", c.CFUNCTYPE(at, text)),
    )


class Descriptor(c.Structure):
    """clap_plugin_descriptor."""

    _fields_ = (
        ("version_of_clap", Version),
        *(
            (name, text)
            for name in ["id", "name", "vendor", "url", "manual_url", "support_url", "version", "description"]
        ),
        ("features", c.POINTER(text)),
    )


class HostTable(c.Structure):
    """clap_host."""

    _fields_ = (
        ("version_of_clap", Version),
        ("data", at),
        *((name, text) for name in ["name", "vendor", "url", "version"]),
        ("get_extension", GetExtension),
        *((name, Request) for name in ["request_restart", "request_process", "request_callback"]),
    )


class PluginTable(c.Structure):
    """clap_plugin."""

    _fields_ = (
        ("descriptor", c.POINTER(Descriptor)),
        ("data", at),
        ("init", c.CFUNCTYPE(c.c_bool, at)),
        ("destroy", c.CFUNCTYPE(None, at)),
        ("activate", c.CFUNCTYPE(c.c_bool, at, f64, u32, u32)),
        ("deactivate", c.CFUNCTYPE(None, at)),
        ("start_processing", c.CFUNCTYPE(c.c_bool, at)),
        ("stop_processing", c.CFUNCTYPE(None, at)),
        ("reset", c.CFUNCTYPE(None, at)),
        ("process", c.CFUNCTYPE(i32, at, at)),
        ("get_extension", c.CFUNCTYPE(at, at, text)),
        ("on_main_thread", c.CFUNCTYPE(None, at)),
    )


class Factory(c.Structure):
    """clap_plugin_factory."""

    _fields_ = (
        ("count", c.CFUNCTYPE(u32, at)),
        ("descriptor", c.CFUNCTYPE(c.POINTER(Descriptor), at, u32)),
        ("create", c.CFUNCTYPE(c.POINTER(PluginTable), at, at, text)),
    )


class Header(c.Structure):
    """clap_event_header."""

    _fields_ = (("size", u32), ("time", u32), ("space", u16), ("type", u16), ("flags", u32))


class NoteEvent(c.Structure):
    """clap_event_note."""

    _fields_ = (("header", Header), ("id", i32), ("port", i16), ("channel", i16), ("key", i16), ("velocity", f64))


class MidiEvent(c.Structure):
    """clap_event_midi."""

    _fields_ = (("header", Header), ("port", u16), ("data", c.c_uint8 * 3))


class ValueEvent(c.Structure):
    """clap_event_param_value, and clap_event_param_mod, which has the same fields."""

    _fields_ = (
        ("header", Header), ("parameter", u32), ("cookie", at),
        ("note", i32), ("port", i16), ("channel", i16), ("key", i16), ("value", f64),
    )  # fmt: skip


class TransportEvent(c.Structure):
    """clap_event_transport."""

    _fields_ = (
        ("header", Header), ("flags", u32),
        ("beats", i64), ("seconds", i64), ("tempo", f64), ("tempo_inc", f64),
        ("loop_start_beats", i64), ("loop_end_beats", i64), ("loop_start_seconds", i64), ("loop_end_seconds", i64),
        ("bar_start", i64), ("bar_number", i32), ("numerator", u16), ("denominator", u16),
    )  # fmt: skip


class AudioBuffer(c.Structure):
    """clap_audio_buffer."""

    _fields_ = (("data32", at), ("data64", at), ("channels", u32), ("latency", u32), ("constant_mask", u64))


class EventsIn(c.Structure):
    """clap_input_events."""

    _fields_ = (("context", at), ("size", CountEvents), ("get", GetEvent))


PushEvent = c.CFUNCTYPE(c.c_bool, at, c.POINTER(Header))


class EventsOut(c.Structure):
    """clap_output_events."""

    _fields_ = (("context", at), ("try_push", PushEvent))


class Process(c.Structure):
    """clap_process."""

    _fields_ = (
        ("steady_time", i64), ("frames", u32), ("transport", at), ("inputs", at), ("outputs", at),
        ("input_count", u32), ("output_count", u32), ("events_in", at), ("events_out", at),
    )  # fmt: skip


class Stream(c.Structure):
    """clap_istream and clap_ostream."""

    _fields_ = (("context", at), ("move", MoveBytes))


class PortInfo(c.Structure):
    """clap_audio_port_info."""

    _fields_ = (
        ("id", u32), ("name", c.c_char * 256), ("flags", u32), ("channels", u32), ("type", text),
        ("in_place_pair", u32),
    )  # fmt: skip


class NotePortInfo(c.Structure):
    """clap_note_port_info."""

    _fields_ = (("id", u32), ("dialects", u32), ("preferred", u32), ("name", c.c_char * 256))


class ParameterInfo(c.Structure):
    """clap_param_info."""

    _fields_ = (
        ("id", u32), ("flags", u32), ("cookie", at), ("name", c.c_char * 256), ("module", c.c_char * 1024),
        ("low", f64), ("high", f64), ("default", f64),
    )  # fmt: skip


class Ports(c.Structure):
    """clap_plugin_audio_ports and clap_plugin_note_ports."""

    _fields_ = (("count", c.CFUNCTYPE(u32, at, c.c_bool)), ("get", c.CFUNCTYPE(c.c_bool, at, u32, c.c_bool, at)))


class Parameters(c.Structure):
    """clap_plugin_params."""

    _fields_ = (
        ("count", c.CFUNCTYPE(u32, at)),
        ("get_info", c.CFUNCTYPE(c.c_bool, at, u32, at)),
        ("get_value", c.CFUNCTYPE(c.c_bool, at, u32, c.POINTER(f64))),
        ("value_to_text", c.CFUNCTYPE(c.c_bool, at, u32, f64, at, u32)),
        ("text_to_value", c.CFUNCTYPE(c.c_bool, at, u32, text, c.POINTER(f64))),
        ("flush", c.CFUNCTYPE(None, at, at, at)),
    )


class State(c.Structure):
    """clap_plugin_state."""

    _fields_ = (("save", c.CFUNCTYPE(c.c_bool, at, at)), ("load", c.CFUNCTYPE(c.c_bool, at, at)))
