// Made from osc_schemas/routes.py by `python -m osc_schemas.header`; a test fails when it is not current. Do not edit.
#pragma once

namespace upbeat::routes {

struct Row { const char* address; const char* tags; };
struct Key { const char* name; char tag; bool needed; };
struct Knob { const char* name; float low; float high; float neutral; const char* unit; };

inline constexpr int version = 6;
inline constexpr int port = 7402;

inline constexpr int slots_max = 64;
inline constexpr int name_characters_max = 64;
inline constexpr int message_bytes_max = 65536;
inline constexpr int audio_bytes_max = 67108864;
inline constexpr int channels_max = 2;
inline constexpr int sample_rate_hz_low = 8000;
inline constexpr int sample_rate_hz_high = 192000;
inline constexpr double clip_s_max = 60.0;
inline constexpr double length_beats_max = 1024.0;
inline constexpr double quantum_beats_max = 1024.0;
inline constexpr double gain_max = 100000000.0;
inline constexpr double gain_db_low = -120.0;
inline constexpr double gain_db_high = 24.0;
inline constexpr double host_beat_max = 1000000.0;
inline constexpr double host_tempo_bpm_low = 1.0;
inline constexpr double host_tempo_bpm_high = 10000.0;

inline constexpr Knob knobs[] = {
    {"length", 0.1f, 4.0f, 1.0f, ""},
    {"pitch", -24.0f, 24.0f, 0.0f, "semitones"},
    {"brightness", -1.0f, 1.0f, 0.0f, ""},
    {"drive", -1.0f, 1.0f, 0.0f, ""},
    {"room", -1.0f, 1.0f, 0.0f, ""},
    {"attack_ms", 0.0f, 5000.0f, 0.0f, "ms"},
    {"release_ms", 0.0f, 5000.0f, 0.0f, "ms"},
};

// To the bridge
inline constexpr Row hello{"/plugin/hello", "issii"};  // version, instance, plugin, slot (1 to 64), sample_rate_hz (8000 to 192000)
inline constexpr Row time{"/plugin/time", "ddiddhii"};  // beat (-1e+06 to 1e+06), tempo_bpm (1 to 10000), playing (0 to 1), beats_per_bar (0.25 to 1024), age_s (0 to 60), frame (from 0), epoch (from 0), offline (0 to 1)
inline constexpr Row note{"/plugin/note", "iiii"};  // note (0 to 127), velocity (0 to 127), channel (1 to 16), played (0 to 1)
inline constexpr Row turn{"/plugin/turn", "sf"};  // what, value
inline constexpr Row want{"/plugin/want", "s"};  // take_id
inline constexpr Row launched{"/plugin/launched", "sdi"};  // take_id, beat (-1e+06 to 1e+06), error_frames
inline constexpr Row alive{"/plugin/alive", "i"};  // nonce

// From the bridge
inline constexpr Row hello_reply{"/plugin/hello/reply", "iss"};  // version, title, track
inline constexpr Row refused{"/plugin/refused", "sss"};  // what, reason, sentence
inline constexpr Row clip{"/plugin/clip", ""};  // pairs: take_id, frames (from 1), tail_frames (from 0), channels (1 to 2), sample_rate_hz (8000 to 192000), gain (from 0), length_beats (0 to 1024), tempo_bpm (20 to 999), loop, sustained; then audio
inline constexpr Key clip_keys[] = {
    {"take_id", 's', true},
    {"frames", 'h', true},
    {"tail_frames", 'h', true},
    {"channels", 'i', true},
    {"sample_rate_hz", 'i', true},
    {"gain", 'd', true},
    {"length_beats", 'd', true},
    {"tempo_bpm", 'd', true},
    {"loop", 'T', false},
    {"sustained", 'T', false},
};
inline constexpr Row pad{"/plugin/pad", "isdidd"};  // note (0 to 127), take_id, quantum_beats (0 to 1024), loop (0 to 1), soft_db (-120 to 24), hard_db (-120 to 24)
inline constexpr Row place{"/plugin/place", "hsdidid"};  // id (from 0), take_id, beat (-1e+06 to 1e+06), loop (0 to 1), until_beat (-1e+06 to 1e+06), kept (0 to 2), gain (0 to 1e+08)
inline constexpr Row unplace{"/plugin/unplace", "h"};  // id (from 0)
inline constexpr Row swap{"/plugin/swap", "ss"};  // old_take_id, new_take_id
inline constexpr Row drop{"/plugin/drop", "s"};  // take_id
inline constexpr Row stop{"/plugin/stop", "d"};  // fade_s (0 to 60)
inline constexpr Row sheet{"/plugin/sheet", "hii"};  // version (from 0), entries (from 0), complete (0 to 1)

}  // namespace upbeat::routes
