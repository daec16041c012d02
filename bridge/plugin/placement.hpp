// What lies on the host's line, and what waits on its notes.
#pragma once

#include <cstdint>
#include <tuple>

#include "clip.hpp"

namespace upbeat {

struct Pad {
    Clip* clip = nullptr;
    double quantum_beats = 0.0;
    double soft_db = 0.0, hard_db = 0.0;
    bool loop = false;
};

struct Placement {
    Clip* clip = nullptr;  // null: free
    Clip* next_clip = nullptr;  // takes over where the next pass begins
    double beat = 0.0;
    double until_beat = 0.0;
    double gain = 1.0;     // times the clip's own
    bool loop = false;
    bool kept = false;
    bool continues = false;  // the loop before it in another shape: it begins only if that goes on until there
    bool free = false;     // on a host that stands still: passes by frames, not by beats
    bool over = false;     // nothing more of it until the host starts or jumps
    bool begun = false;
    bool arrived = false;  // since the last block
    int64_t free_frame = 0;
    int64_t next_pass = 0;
    int note = -1;         // the pad that launched it,
    double quantum_beats = 0.0;  // on this grid
    int at = -1;           // its place in the player's list of those in use
    int64_t serial = 0;

    bool ends() const { return loop && until_beat > beat; }
};

// What a placement does next: begin a pass, or end.
struct Due {
    int64_t frame = 0;
    enum What { begins, goes_on, ends } what = begins;  // in this order: a loop takes over before another pass, or an end
    int by_hand = 0;  // of two that begin together the one that was fired comes last: 1 by a cue, 2 by a note
    int64_t serial = 0;
    int slot = -1;

    bool operator<(const Due& other) const {  // a heap has its greatest first: that is the soonest
        return std::tie(other.frame, other.what, other.by_hand, other.serial, other.slot) <
               std::tie(frame, what, by_hand, serial, slot);
    }
};

}  // namespace upbeat
