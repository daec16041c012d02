// What the audio thread tells the network thread. Where that does not read for long, words are lost; the audio never waits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host_line.hpp"
#include "messages.hpp"

namespace upbeat {

class Telling {
public:
    explicit Telling(Reports& reports) : reports_(reports) {}

    // Whatever was told, the next block tells the host's place.
    void reset() {
        told_frame_ = -1;
        told_changes_ = -1;
    }

    void turn(int which, double value) {
        Report report;
        report.kind = Report::turn;
        report.slot = which;
        report.value = value;
        reports_.push(report);
    }

    void note(int number, int velocity, int channel, bool played) {
        Report report;
        report.kind = Report::note;
        report.note_number = number;
        report.velocity = velocity;
        report.channel = channel;
        report.played = played;
        reports_.push(report);
    }

    void launched(Clip* clip, double beat, int64_t error_frames) {
        Report report;
        report.kind = Report::launched;
        report.clip = clip;
        report.beat = beat;
        report.error_frames = static_cast<int>(error_frames);
        reports_.push(report);
    }

    // The host's place at a block's begin: now and then, and at once when it goes another way.
    void time(const HostLine& line, int64_t now, int frames, int64_t every_frames, int64_t clock_ns, bool offline) {
        if (!line.known()) return;
        const bool due = told_frame_ < 0 || now + frames - told_frame_ > every_frames;
        if (!due && told_changes_ == line.changes()) return;
        if (reports_.is_half_full()) return;  // nobody reads: the rest is for what does not come again
        told_frame_ = now;
        told_changes_ = line.changes();
        Report report;
        report.beat = line.beat_at(now);
        report.tempo_bpm = line.tempo_bpm();
        report.beats_per_bar = line.beats_per_bar();
        report.frame = now;
        report.epoch = line.epoch();
        report.playing = line.playing();
        report.offline = offline;
        report.clock_ns = clock_ns;
        reports_.push(report);
    }

    // The same of a block that has not begun yet.
    void ahead(const BlockTime& time, int64_t now, int epoch, int64_t clock_ns) {
        if (!time.known) return;
        Report report;
        report.beat = time.beat;
        report.tempo_bpm = time.tempo_bpm;
        report.beats_per_bar = std::clamp(time.beats_per_bar, 0.25, 1024.0);
        report.frame = now;
        report.epoch = epoch;
        report.playing = time.playing;
        report.offline = true;
        report.clock_ns = clock_ns;
        reports_.push(report);
    }

private:
    Reports& reports_;
    int64_t told_frame_ = -1;
    int told_changes_ = -1;
};

}  // namespace upbeat
