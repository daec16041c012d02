// One clip sounding once: its fades, its swap, its end. The same envelopes as the bridge's mixer
// (bridge/tracks/voices.py), in the same arithmetic, so that both give the same bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "clip.hpp"

namespace upbeat {

inline constexpr int64_t no_frame = int64_t{1} << 62;

// sin(pi/2 x) for x in [0, 1], within 6e-8, with the same bits on every machine.
inline double equal_power(double x) {
    const double y = 3.14159265358979323846 / 2 * x;
    const double z = y * y;
    return y * (1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110)))));
}

struct Voice {
    Clip* clip = nullptr;  // null: free
    int owner = -1;        // the placement that it sounds for
    int64_t start = 0;     // the running frame of samples[0]
    int64_t heard = 0;     // the first that sounds
    int64_t end = 0;       // where the fade out ends
    int64_t stop = 0;      // from here on silent
    int64_t fade_in_frames = 0;  // equal power, from the start
    int64_t enter_frames = 0;    // a straight line, from `heard`: it takes over, or begins in its middle
    int64_t leave = no_frame;    // another takes over from here, in a straight line
    int64_t leave_frames = 0;
    int64_t cut = no_frame;      // an early end, equal power
    int64_t cut_frames = 0;
    double gain = 1.0;           // times the clip's own: how hard it was struck
    double cut_gain = 1.0;       // where an earlier cut had brought it
    bool met = false;            // after a jump: it goes on as it should

    bool body_over(int64_t now) const { return now >= start + clip->frames; }

    double cut_gain_at(int64_t frame) const {
        if (frame <= cut) return cut_gain;
        return cut_gain * equal_power(static_cast<double>(cut + cut_frames - frame) / static_cast<double>(cut_frames));
    }

    // Fade out from `at`. Of two ends the one that is over first counts.
    void end_at(int64_t at, int64_t fade_frames) {
        if (cut != no_frame && cut + cut_frames <= at + fade_frames) return;
        cut_gain = cut == no_frame ? 1.0 : cut_gain_at(at);
        cut = at;
        cut_frames = fade_frames;
        stop = std::min(stop, at + fade_frames);
    }

    // Add frames [first, last) to `sums`, two samples a frame, of which the first belongs to running frame `origin`.
    void add(float* sums, float* envelope, int64_t first, int64_t last, int64_t origin) const {
        shape(envelope, first, last);
        const float* from = clip->samples.data() + (first - start) * clip->channels;
        float* to = sums + 2 * (first - origin);
        const int right = clip->channels - 1;
        for (int64_t i = 0; i < last - first; ++i, from += clip->channels, to += 2) {
            to[0] += from[0] * envelope[i];
            to[1] += from[right] * envelope[i];
        }
    }

private:
    void shape(float* envelope, int64_t first, int64_t last) const {
        const auto count = static_cast<size_t>(last - first);
        std::fill_n(envelope, count, static_cast<float>(clip->gain * gain));
        const auto times = [&](int64_t frame, double by) {
            float& here = envelope[frame - first];
            here = static_cast<float>(here * by);
        };
        const auto part = [](int64_t some, int64_t all) { return static_cast<double>(some) / static_cast<double>(all); };
        for (int64_t f = first; f < std::min(last, start + fade_in_frames); ++f)
            times(f, equal_power(part(f - start, fade_in_frames)));
        for (int64_t f = first; f < std::min(last, heard + enter_frames); ++f) times(f, part(f - heard, enter_frames));
        if (leave != no_frame)
            for (int64_t f = std::max(first, leave); f < last; ++f) times(f, 1 - part(f - leave, leave_frames));
        for (int64_t f = std::max(first, end - clip->tail_frames); f < last; ++f)
            times(f, equal_power(part(end - f, clip->tail_frames)));
        if (cut != no_frame)
            for (int64_t f = first; f < last; ++f) times(f, cut_gain_at(f));
    }
};

}  // namespace upbeat
