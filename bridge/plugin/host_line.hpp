// The host's beats as our own running frames, block after block.
//
// A line is laid at the start of a block and holds for as long as the host goes on along it, so a beat has one frame
// however the blocks are cut. A new tempo or a jump lays a new one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "routes.hpp"

namespace upbeat {

// What the host says at the start of a block.
struct BlockTime {
    bool known = false;    // it has a transport, with beats
    bool playing = false;
    double beat = 0.0;     // quarter notes from the project's start, at the block's first frame
    double tempo_bpm = 120.0;
    double beats_per_bar = 4.0;
    double frame = 0.0;    // the host's own; from seconds it may lie between two
    // The frame tells jumps, and the beats may be off by so much: single floats, or whole ticks.
    bool frame_leads = false;
    double rough_beats = 1.0 / 960;  // JACK's bars and beats come in whole ticks, cut off
    // LV2: DPF counts on by itself between the host's words, and one block before each bar line it is a whole bar ahead
    // (bar is raised after barBeat has wrapped).
    bool bar_leads = false;
};

enum class Turn { none, started, stopped, jumped };

class HostLine {
public:
    // Take in the next block, which begins at the running frame `now`.
    Turn begin_block(const BlockTime& said, int64_t now, int block_frames, double rate_hz) {
        const BlockTime time = can_be(said) ? said : BlockTime();
        const bool plays = time.known && time.playing;
        const bool played = playing_;
        const HostLine before = *this;
        const double beat = beat_at(now);
        const double tempo_bpm = as_typed(time.tempo_bpm);
        const bool same_tempo = tempo_bpm == tempo_bpm_ && rate_hz == rate_hz_;
        // A host whose tempo glides tells it once a block: its beat lies between what the old and the new tempo give.
        const double glide_frames = std::abs(1.0 - tempo_bpm_ / tempo_bpm) * last_block_frames_;
        last_block_frames_ = block_frames;
        const bool frame_follows = std::abs(time.frame - next_host_frame_) < 0.01;
        next_host_frame_ = time.frame + block_frames;
        known_ = time.known;
        playing_ = plays;
        rate_hz_ = rate_hz;
        tempo_bpm_ = tempo_bpm;
        beats_per_bar_ = time.beats_per_bar > 0.0 ? std::clamp(time.beats_per_bar, 0.25, 1024.0) : 4.0;  // as the wire has it
        const double said_beat = time.frame_leads ? to_the_frame(time) : time.beat;
        if (!plays) {
            const bool moved = played || said_beat != anchor_beat_ || !same_tempo;
            lay(said_beat, now);
            if (played || moved) ++changes_;
            return played ? Turn::stopped : Turn::none;
        }
        if (!played) return begin_epoch(said_beat, now, Turn::started);
        left_beat_ = beat;
        const double off_frames = (said_beat - beat) * frames_per_beat();
        if (time.frame_leads && frame_follows) {
            const double off_bars = off_frames / frames_per_beat() / beats_per_bar_;
            const bool bar_too_early = time.bar_leads && std::abs(off_bars - 1.0) < 1e-3;
            if (same_tempo && (bar_too_early || std::abs(off_frames) <= frames_per_beat() * time.rough_beats)) return Turn::none;
            if (!same_tempo && bends_on_a_beat(before, time, now)) { ++changes_; return Turn::none; }
            if (!same_tempo && bar_too_early) { lay(said_beat - beats_per_bar_, now); ++changes_; return Turn::none; }
        } else if (same_tempo && std::abs(off_frames) <= exact_frames) {
            return Turn::none;
        }
        if (std::abs(off_frames) <= rate_hz * nudge_s + glide_frames) {  // a new tempo, or a host that counts roughly
            lay(said_beat, now);
            ++changes_;
            return Turn::none;
        }
        return begin_epoch(said_beat, now, Turn::jumped);
    }

    bool known() const { return known_; }
    bool playing() const { return playing_; }
    double tempo_bpm() const { return tempo_bpm_; }
    double beats_per_bar() const { return beats_per_bar_; }
    int epoch() const { return epoch_; }        // up with every start and jump
    int changes() const { return changes_; }    // up with everything that makes frame_of answer otherwise
    double run_beat() const { return run_beat_; }  // where the latest start or jump was
    double left_beat() const { return left_beat_; }  // where this block would have begun without its jump
    double frames_per_beat() const { return 60.0 / tempo_bpm_ * rate_hz_; }

    // The running frame at which a beat lies; the nearest, ties to even.
    int64_t frame_of(double beat) const {
        const double frames = (beat - anchor_beat_) * 60.0 / tempo_bpm_ * rate_hz_;
        if (!(std::abs(frames) < 4e15)) return frames < 0 ? -never : never;
        return anchor_frame_ + static_cast<int64_t>(std::nearbyint(frames));
    }

    double beat_at(int64_t frame) const {
        if (!playing_) return anchor_beat_;
        return anchor_beat_ + static_cast<double>(frame - anchor_frame_) / frames_per_beat();
    }

    static constexpr int64_t never = int64_t{1} << 62;

private:
    static constexpr double exact_frames = 0.5;  // what a host may be off our line before we follow it
    static constexpr double nudge_s = 0.005;     // more is a jump

    Turn begin_epoch(double beat, int64_t now, Turn turn) {
        lay(beat, now);
        run_beat_ = beat;
        ++epoch_;
        ++changes_;
        return turn;
    }

    void lay(double beat, int64_t now) {
        anchor_beat_ = beat;
        anchor_frame_ = now;
    }

    // Whole ticks do not say where exactly the tempo was bent: on a whole beat that `before` came to since the last block,
    // if from one of these on it is where the host says. That beat is kept, for a host that comes back to this tempo.
    bool bends_on_a_beat(const HostLine& before, const BlockTime& time, int64_t now) {
        const double hair = 1.0 / before.frames_per_beat();
        const double first = before.beat_at(now - before.last_block_frames_), last = before.beat_at(now);
        double off_beats = time.rough_beats;
        for (double whole = std::ceil(first - hair); whole <= last + hair; ++whole) {
            const double since_frames = (last - whole) * before.frames_per_beat();
            const double bent = whole + since_frames / frames_per_beat();
            if (std::abs(bent - time.beat) >= off_beats) continue;
            off_beats = std::abs(bent - time.beat);
            lay(bent, now);
            bent_beat_ = whole;
            bent_host_frame_ = time.frame - since_frames;
            bent_bpm_ = tempo_bpm_;
        }
        return off_beats < time.rough_beats;
    }

    // Whether these are a beat and a tempo that can be counted in frames.
    static bool can_be(const BlockTime& time) {
        return std::abs(time.beat) <= routes::host_beat_max && time.tempo_bpm >= routes::host_tempo_bpm_low &&
               time.tempo_bpm <= routes::host_tempo_bpm_high;
    }

    // What was cut off a beat that came in whole ticks: all of it where the tempo has been the same from the start, or from
    // the latest bend.
    double to_the_frame(const BlockTime& time) const {
        const double bent = bent_beat_ + (time.frame - bent_host_frame_) / frames_per_beat();
        if (tempo_bpm_ == bent_bpm_ && std::abs(bent - time.beat) <= time.rough_beats) return bent;
        const double counted = time.frame / frames_per_beat();
        return std::abs(counted - time.beat) <= time.rough_beats ? counted : time.beat;
    }

    // 97.3 has come as a single float, 97.30000305; over ten minutes that would be a frame.
    static double as_typed(double tempo_bpm) {
        if (static_cast<double>(static_cast<float>(tempo_bpm)) != tempo_bpm) return tempo_bpm;
        const double typed = std::nearbyint(tempo_bpm * 1e3) / 1e3;
        return static_cast<float>(typed) == static_cast<float>(tempo_bpm) ? typed : tempo_bpm;
    }

    bool known_ = false;
    bool playing_ = false;
    double anchor_beat_ = 0.0;
    int64_t anchor_frame_ = 0;
    double run_beat_ = 0.0;
    double left_beat_ = 0.0;
    double tempo_bpm_ = 120.0;
    double rate_hz_ = 48000.0;
    double beats_per_bar_ = 4.0;
    double next_host_frame_ = -1.0;
    double bent_beat_ = 0.0, bent_host_frame_ = 0.0, bent_bpm_ = 0.0;  // none yet
    int last_block_frames_ = 0;
    int epoch_ = 0;
    int changes_ = 0;
};

}  // namespace upbeat
