// What the network thread asks of the audio thread, and what that tells it. Plain records for the rings.
#pragma once

#include <cstdint>

#include "clip.hpp"
#include "rings.hpp"

namespace upbeat {

inline constexpr int places_max = 4096;  // placements of the bridge: the sheet's and single ones
inline constexpr int launches_max = 256; // what pads have launched, or are about to
inline constexpr int voices_max = 256;
inline constexpr int pads_max = 128;

struct Command {
    enum Kind { pad, place, unplace, swap, drop, stop, forget } kind = stop;  // forget: all pads and placements
    int slot = 0;              // place, unplace: where the placement lies; pad: its note
    int64_t serial = 0;        // place: comes back when it is finished, as slots are used again
    Clip* clip = nullptr;      // pad: null clears it
    Clip* other = nullptr;     // swap: what takes over
    double beat = 0.0;
    double until_beat = 0.0;   // at or before `beat`: for ever
    double value = 0.0;        // pad: quantum_beats; stop: the fade in seconds
    double gain = 1.0;         // place: times the clip's own
    double soft_db = 0.0, hard_db = 0.0;  // pad: what the softest and the hardest stroke add
    bool loop = false;
    bool kept = false;
    bool continues = false;    // place: the loop before it in another shape, from one of its passes on
};

struct Report {
    enum Kind { time, note, turn, launched, finished, unused } kind = time;
    int slot = 0;              // finished: of a single placement; turn: `fire_turn` or `panic_turn`
    int64_t serial = 0;        // finished
    Clip* clip = nullptr;      // launched, unused (free it)
    double beat = 0.0;
    double tempo_bpm = 0.0;
    double beats_per_bar = 0.0;
    double value = 0.0;
    int64_t frame = 0;
    int64_t clock_ns = 0;      // when the block began, on the steady clock
    int error_frames = 0;
    int epoch = 0;
    int note_number = 0, velocity = 0, channel = 0;
    bool playing = false, offline = false, played = false;
};

inline constexpr int fire_turn = -1;
inline constexpr int panic_turn = -2;

using Commands = Ring<Command, 4096>;
using Reports = Ring<Report, 4096>;
using Returns = Ring<Report, 16384>;  // finished and unused: more than there can be of slots, commands and clips together

}  // namespace upbeat
