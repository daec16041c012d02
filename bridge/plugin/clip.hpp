// A take as the audio thread sees it. The network thread owns its memory: it fills it, hands it over by its address,
// and frees it when the audio thread has said that nothing uses it any more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace upbeat {

struct Clip {
    // Never changed once it was handed over.
    std::string take_id;
    std::vector<float> samples;  // frames + tail_frames, each of `channels` samples
    int64_t frames = 0;          // the length; what follows is the tail
    int64_t tail_frames = 0;
    int channels = 1;
    int sample_rate_hz = 0;
    double gain = 1.0;  // linear
    double length_beats = 0.0;
    double tempo_bpm = 0.0;
    uint32_t rank = 0;  // the order of what begins together, the same in every run
    bool loop = false;
    bool sustained = false;  // crossfades into itself over its tail; a struck one rings over the next pass

    // The audio thread's own, once it was handed over.
    int users = 0;  // voices, pads and placements that name it
    bool dropped = false;

    int64_t all_frames() const { return frames + tail_frames; }
};

}  // namespace upbeat
