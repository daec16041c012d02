// All voices of a player, and their sum. It allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "clip_use.hpp"
#include "voices.hpp"

namespace upbeat {

class VoicePool {
public:
    explicit VoicePool(ClipUse& clips) : clips_(clips) {}

    // All, those too that are free.
    Voice* begin() { return voices_.data(); }
    Voice* end() { return voices_.data() + voices_max; }
    int in_use() const { return count_; }

    // A voice for a clip, at its place in the order of summing: float sums depend on their order, so that must follow
    // from the music and not from how the blocks were cut. Null if there is none left.
    Voice* add(Clip* clip, int64_t start) {
        if (count_ == voices_max) return nullptr;
        int at = 0;
        while (voices_[static_cast<size_t>(at)].clip) ++at;
        int k = count_++;
        for (; k > 0; --k) {
            const Voice& before = voices_[static_cast<size_t>(order_[static_cast<size_t>(k - 1)])];
            if (before.start < start || (before.start == start && before.clip->rank <= clip->rank)) break;
            order_[static_cast<size_t>(k)] = order_[static_cast<size_t>(k - 1)];
        }
        order_[static_cast<size_t>(k)] = at;
        Voice& voice = voices_[static_cast<size_t>(at)];
        voice = Voice();
        clips_.set(voice.clip, clip);
        voice.start = start;
        return &voice;
    }

    // What sounds of `old` goes on as `with`, at the same place.
    void swap(Clip* old, Clip* with, int64_t now, int64_t fade_frames) {
        for (Voice& voice : voices_) {
            if (voice.clip != old || voice.leave != no_frame) continue;
            Voice* twin = add(with, voice.start);
            if (!twin) return;
            *twin = voice;
            twin->clip = with;
            twin->heard = now;
            twin->enter_frames = fade_frames;
            voice.leave = now;
            voice.leave_frames = fade_frames;
            voice.stop = std::min(voice.stop, now + fade_frames);
        }
    }

    void end_all(int64_t at, int64_t fade_frames) {
        for (Voice& voice : voices_)
            if (voice.clip) voice.end_at(at, fade_frames);
    }

    void end_of(int owner, int64_t at, int64_t fade_frames) {
        for (Voice& voice : voices_)
            if (voice.clip && voice.owner == owner) voice.end_at(at, fade_frames);
    }

    // They sound on by themselves; the owner's number may be used again.
    void disown(int owner) {
        for (Voice& voice : voices_)
            if (voice.owner == owner) voice.owner = -1;
    }

    void release_all() {
        for (int k = 0; k < count_; ++k) release(voices_[static_cast<size_t>(order_[static_cast<size_t>(k)])]);
        count_ = 0;
    }

    // Add what sounds from the running frame `now` on to both sides, times the gain, which takes `ramp_frames` for its way
    // from the last one.
    void mix(float* left, float* right, int64_t now, int frames, float gain, int64_t ramp_frames) {
        if (gain_ < 0.0f) gain_ = gain_to_ = gain;
        if (gain != gain_to_) {
            gain_to_ = gain;
            ramp_left_ = ramp_frames;
            gain_step_ = (gain - gain_) / static_cast<float>(ramp_frames);
        }
        for (int done = 0; done < frames; done += chunk_frames) {
            const int count = std::min(chunk_frames, frames - done);
            const bool any = sum(now + done, count);
            for (int i = 0; i < count; ++i) {
                if (ramp_left_ > 0) gain_ = --ramp_left_ == 0 ? gain_to_ : gain_ + gain_step_;
                if (!any) continue;
                left[done + i] += sums_[2 * static_cast<size_t>(i)] * gain_;
                right[done + i] += sums_[2 * static_cast<size_t>(i) + 1] * gain_;
            }
        }
    }

private:
    static constexpr int chunk_frames = 256;

    bool sum(int64_t from, int count) {
        std::memset(sums_.data(), 0, sizeof(float) * 2 * static_cast<size_t>(count));
        bool any = false;
        int kept = 0;
        for (int k = 0; k < count_; ++k) {
            Voice& voice = voices_[static_cast<size_t>(order_[static_cast<size_t>(k)])];
            const int64_t first = std::max(voice.heard, from), last = std::min(voice.stop, from + count);
            if (first < last) {
                voice.add(sums_.data(), envelope_.data(), first, last, from);
                any = true;
            }
            if (voice.stop <= from + count) release(voice);
            else order_[static_cast<size_t>(kept++)] = order_[static_cast<size_t>(k)];
        }
        count_ = kept;
        return any;
    }

    void release(Voice& voice) {
        clips_.set(voice.clip, nullptr);
        voice.owner = -1;
    }

    ClipUse& clips_;
    int count_ = 0;
    float gain_ = -1.0f, gain_to_ = -1.0f, gain_step_ = 0.0f;
    int64_t ramp_left_ = 0;
    std::array<Voice, voices_max> voices_{};
    std::array<int, voices_max> order_{};  // of summing
    alignas(64) std::array<float, 2 * chunk_frames> sums_{};
    std::array<float, chunk_frames> envelope_{};
};

}  // namespace upbeat
