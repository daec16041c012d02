"""The plug-in's rows as a C++17 header: `python -m osc_schemas.header > bridge/plugin/routes.hpp`."""

import re

from osc_schemas import bounds
from osc_schemas.routes import PLUGIN_PORT, ROUTES, ROUTES_VERSION, Route
from osc_schemas.shape import KNOBS

_TOP = """\
// Made from osc_schemas/routes.py by `python -m osc_schemas.header`; a test fails when it is not current. Do not edit.
#pragma once

namespace upbeat::routes {

struct Row { const char* address; const char* tags; };
struct Key { const char* name; char tag; bool needed; };
struct Knob { const char* name; float low; float high; float neutral; const char* unit; };
"""

# What both ends keep, under the names that C++ has for it.
_LIMITS = {
    "slots_max": bounds.SLOTS_MAX,
    "name_characters_max": bounds.NAME_CHARACTERS_MAX,
    "message_bytes_max": bounds.MESSAGE_BYTES_MAX,
    "audio_bytes_max": bounds.AUDIO_BYTES_MAX,
    "channels_max": bounds.SOURCE_CHANNELS_MAX,
    "sample_rate_hz_low": bounds.SAMPLE_RATE_HZ_LOW,
    "sample_rate_hz_high": bounds.SAMPLE_RATE_HZ_HIGH,
    "clip_s_max": bounds.CLIP_S_MAX,
    "length_beats_max": bounds.LENGTH_BEATS_MAX,
    "quantum_beats_max": bounds.QUANTUM_BEATS_MAX,
    "gain_max": bounds.GAIN_MAX,
    "gain_db_low": bounds.GAIN_DB_LOW,
    "gain_db_high": bounds.GAIN_DB_HIGH,
    "host_beat_max": bounds.HOST_BEAT_MAX,
    "host_tempo_bpm_low": bounds.HOST_TEMPO_BPM_LOW,
    "host_tempo_bpm_high": bounds.HOST_TEMPO_BPM_HIGH,
}


def header() -> str:
    """The whole header: version, limits, knobs, and an address with its type tags for each row of the plug-in."""
    parts = [_TOP, _constant("int", "version", ROUTES_VERSION), _constant("int", "port", PLUGIN_PORT), ""]
    parts += [_constant("int" if isinstance(at, int) else "double", name, at) for name, at in _LIMITS.items()]
    parts += ["", "inline constexpr Knob knobs[] = {"]
    parts += [f"    {{{_said(k.name)}, {k.low}f, {k.high}f, {k.neutral}f, {_said(k.unit)}}}," for k in KNOBS]
    parts += ["};"]
    for listener, heading in (("plugin_port", "To the bridge"), ("plugin", "From the bridge")):
        parts += ["", f"// {heading}"]
        for route in ROUTES:
            if route.to == listener:
                parts += _row(route, known="\n".join(parts))
    return "\n".join([*parts, "", "}  // namespace upbeat::routes", ""])


def _row(route: Route, *, known: str) -> list[str]:
    """A row; one that both ends send stands there once."""
    name = re.sub(r"\W", "_", route.address.removeprefix("/plugin/"))
    args = ", ".join(f"{arg.name} ({arg.range_text})" if arg.range_text else arg.name for arg in route.args)
    if route.pairs:
        keys = [f"    {{{_said(arg.name)}, '{arg.tag}', {str(arg.needed).lower()}}}," for arg in route.args]
        return [
            f'inline constexpr Row {name}{{{_said(route.address)}, ""}};  // pairs: {args}; then audio',
            f"inline constexpr Key {name}_keys[] = {{",
            *keys,
            "};",
        ]
    line = f"inline constexpr Row {name}{{{_said(route.address)}, {_said(route.tags)}}};  // {args}"
    return [] if line in known else [line]


def _constant(kind: str, name: str, value: float) -> str:
    return f"inline constexpr {kind} {name} = {value};"


def _said(text: str) -> str:
    return f'"{text}"'


if __name__ == "__main__":
    print(header(), end="")
