// The audio side: pads, placements and voices, sample-exact on the host's line. It allocates nothing, waits for nothing
// and knows neither the plug-in framework nor the network.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>

#include "host_line.hpp"
#include "messages.hpp"
#include "voices.hpp"

namespace upbeat {

enum class Mode { set, cues_and_pads, pads_only, as_saved };

struct NoteOn {
    int frame = 0;  // in the block
    int note = 0, velocity = 0, channel = 1;
};

class Player {
public:
    Commands commands;  // written by the network thread
    Reports reports;    // read by the network thread,
    Returns returns;    // before these: what was lent to the player, and must not be lost
    std::atomic<uint64_t> reports_lost{0};
    std::atomic<uint64_t> voices_missed{0};

    // Audio thread, or while there is none. Silence, at frame 0 of a new count; pads and placements stay.
    void reset(double rate_hz) {
        rate_hz_ = rate_hz;
        release_all();
        remove_singles();
        line_ = HostLine();
        now_ = 0;
        told_frame_ = -1;
        told_changes_ = -1;
        rewind();
    }

    // While there is no audio thread: let go of every clip.
    void forget_all() {
        Command command;
        while (commands.pop(command)) {}
        release_all();
        forget();
    }

    // Carry out what was asked, as much as a block of so many frames has time for; the rest waits for the next.
    void take_commands(int frames) {
        Command command;
        for (int most = std::max(frames, 64); most > 0 && commands.pop(command); --most) obey(command);
    }

    int64_t now() const { return now_; }
    const HostLine& line() const { return line_; }
    int voices_in_use() const { return voice_count_; }

    void set_mode(Mode mode) {
        if (mode == mode_) return;
        mode_ = mode;
        for (Voice& voice : voices_) voice.met = false;
        if (line_.playing()) join_all();
    }
    // What stands for every pad's own quantum; negative: its own.
    void set_quantum(double beats) { quantum_beats_ = beats; }

    void panic() { silence(seconds(0.1)); }

    // The next block: what sounds is added to `left` and `right`, times the gain's way from its last value.
    void process(const BlockTime& time, const NoteOn* notes, int note_count, float* left, float* right, int frames,
                 float gain, int64_t clock_ns, bool offline) {
        const Turn turn = line_.begin_block(time, now_, frames, rate_hz_);
        if (turn == Turn::stopped) host_stopped();
        if (turn == Turn::started) host_started();
        if (turn == Turn::jumped) host_jumped();
        if (line_.changes() != seen_changes_) soonest_ = now_;
        seen_changes_ = line_.changes();
        if (any_arrived_) welcome();
        tell_time(frames, clock_ns, offline);
        for (int i = 0; i < note_count; ++i) hear(notes[i], frames);
        if (soonest_ < now_ + frames) begin_passes(frames);
        mix(left, right, frames, gain);
        now_ += frames;
    }

    // Say where the host is before a bounce has waited for the takes that follow from it.
    void announce(const BlockTime& time, int64_t clock_ns) {
        if (!time.known) return;
        Report report;
        report.kind = Report::time;
        report.beat = time.beat;
        report.tempo_bpm = time.tempo_bpm;
        report.beats_per_bar = std::clamp(time.beats_per_bar, 0.25, 1024.0);
        report.frame = now_;
        report.epoch = line_.epoch();
        report.playing = time.playing;
        report.offline = true;
        report.clock_ns = clock_ns;
        tell(report);
    }

    void tell_turn(int which, double value) {
        Report report;
        report.kind = Report::turn;
        report.slot = which;
        report.value = value;
        tell(report);
    }

private:
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
        int at = -1;           // its place in active_
        int64_t serial = 0;

        bool ends() const { return loop && until_beat > beat; }
    };

    static constexpr int chunk_frames = 256;
    static constexpr double jump_fade_s = 0.005, swap_fade_s = 0.02, stop_fade_s = 0.03;

    int64_t seconds(double s) const { return std::max<int64_t>(1, std::llround(s * rate_hz_)); }

    // ---- what is asked

    void obey(const Command& c) {
        switch (c.kind) {
            case Command::pad: {
                Pad& pad = pads_[static_cast<size_t>(c.slot)];
                set_clip(pad.clip, c.clip);
                pad.quantum_beats = c.value;
                pad.soft_db = c.soft_db;
                pad.hard_db = c.hard_db;
                pad.loop = c.loop;
                break;
            }
            case Command::place: place(c); break;
            case Command::unplace:
                if (places_[static_cast<size_t>(c.slot)].clip) {
                    end_voices(c.slot, now_, seconds(swap_fade_s));
                    remove(c.slot, false);
                }
                break;
            case Command::swap: swap(c.clip, c.other); break;
            case Command::drop:
                c.clip->dropped = true;
                give_back(c.clip);
                break;
            case Command::stop: silence(std::max<int64_t>(1, std::llround(c.value * rate_hz_))); break;
            case Command::forget: forget(); break;
        }
    }

    void forget() {
        for (Pad& pad : pads_) set_clip(pad.clip, nullptr);
        while (active_count_ > 0) remove(active_[0], false);
    }

    void place(const Command& c) {
        Placement& p = places_[static_cast<size_t>(c.slot)];
        const bool same = p.clip && p.beat == c.beat && p.loop == c.loop && (p.loop || p.clip == c.clip);
        const bool loops_on = same && loops(p);
        if (!p.clip) activate(c.slot);
        p.serial = c.serial;
        p.until_beat = c.until_beat;
        p.gain = c.gain;
        p.kept = c.kept;
        p.continues = c.continues;
        soonest_ = now_;
        if (loops_on) {  // only its end, or its take from the next pass on
            set_clip(p.next_clip, p.clip == c.clip ? nullptr : c.clip);
            return;
        }
        if (p.clip && p.begun && (p.beat != c.beat || p.clip != c.clip)) end_voices(c.slot, now_, seconds(swap_fade_s));
        set_clip(p.clip, c.clip);
        set_clip(p.next_clip, nullptr);
        p.beat = c.beat;
        p.loop = c.loop;
        if (same && p.over) return;
        p.free = p.over = p.begun = false;
        p.note = -1;
        p.next_pass = 0;
        p.arrived = any_arrived_ = true;
    }

    // What came since the last block: late, it goes on in time; fired while the host stands, it sounds now.
    void welcome() {
        any_arrived_ = false;
        int goes_on = looping_;  // the loop that began last in the music, however the words came
        if (goes_on >= 0 && !loops(places_[static_cast<size_t>(goes_on)])) goes_on = -1;
        for (int k = 0; line_.playing() && k < active_count_; ++k) {
            const Placement& p = places_[static_cast<size_t>(active_[k])];
            if (p.arrived && p.loop && sounds(p) && line_.frame_of(p.beat) < now_ && later(p, goes_on)) goes_on = active_[k];
        }
        for (int k = active_count_; k-- > 0;) {
            const int slot = active_[k];
            Placement& p = places_[static_cast<size_t>(slot)];
            if (!p.arrived) continue;
            p.arrived = false;
            if (line_.playing()) {
                join(slot, true, slot != goes_on);
            } else if (!p.kept && p.beat <= line_.beat_at(now_)) {
                p.free = true;
                p.free_frame = now_;
            }
            if (p.over && !p.kept) remove(slot, true);
        }
        soonest_ = now_;
    }

    void swap(Clip* old, Clip* with) {
        for (Pad& pad : pads_)
            if (pad.clip == old) set_clip(pad.clip, with);
        for (int k = 0; k < active_count_; ++k) {
            Placement& p = places_[static_cast<size_t>(active_[k])];
            if (p.next_clip == old) set_clip(p.next_clip, with);
            if (p.clip != old) continue;
            set_clip(p.clip, with);
            if (p.loop && old->length_beats != with->length_beats) seek(p);
        }
        soonest_ = now_;
        if (old->all_frames() != with->all_frames() || old->tail_frames != with->tail_frames) return;
        const int64_t fade_frames = seconds(swap_fade_s);
        for (Voice& voice : voices_) {
            if (voice.clip != old || voice.leave != no_frame) continue;
            Voice* twin = new_voice(with, voice.start);
            if (!twin) return;
            *twin = voice;
            twin->clip = with;
            twin->heard = now_;
            twin->enter_frames = fade_frames;
            voice.leave = now_;
            voice.leave_frames = fade_frames;
            voice.stop = std::min(voice.stop, now_ + fade_frames);
        }
    }

    // Fade all that sounds, forget all that is not kept.
    void silence(int64_t fade_frames) {
        for (Voice& voice : voices_)
            if (voice.clip) voice.end_at(now_, fade_frames);
        for (int k = 0; k < active_count_; ++k) {
            Placement& p = places_[static_cast<size_t>(active_[k])];
            if (p.begun) p.over = true;
        }
        remove_singles();
    }

    // ---- the host's transport

    void host_started() {
        for (int k = 0; k < active_count_; ++k) {  // what went freely would not be on the host's beat
            Placement& p = places_[static_cast<size_t>(active_[k])];
            if (!p.free) continue;
            end_voices(active_[k], now_, seconds(stop_fade_s));
            p.over = true;
        }
        join_all();
    }

    void host_stopped() { silence(seconds(stop_fade_s)); rewind(); }

    // What lies at the new place sounds from there; what does not fades, but for tails and what was fired by hand.
    void host_jumped() {
        for (Voice& voice : voices_) voice.met = false;
        for (int k = 0; k < active_count_; ++k) {
            Placement& p = places_[static_cast<size_t>(active_[k])];
            if (!p.kept && !p.free && !p.over) take_along(p);
        }
        join_all();
        for (Voice& voice : voices_) {
            if (!voice.clip || voice.met || voice.body_over(now_)) continue;
            const Placement* p = voice.owner < 0 ? nullptr : &places_[static_cast<size_t>(voice.owner)];
            if (p && p->clip && (p->kept || p->loop)) voice.end_at(now_, seconds(jump_fade_s));
        }
    }

    // What was fired by hand comes along to the host's new place: a loop goes on in whole passes, a note waits for the next
    // line from there, and what would have begun at this very frame begins.
    void take_along(Placement& p) {
        const double here = line_.beat_at(now_);
        const bool ends = p.ends();
        if (p.begun) {
            if (p.loop && p.beat > here) p.beat -= std::ceil((p.beat - here) / p.clip->length_beats) * p.clip->length_beats;
        } else if (p.note >= 0) {
            p.beat = p.quantum_beats > 0.0 ? next_line(here, p.quantum_beats) : here;
        } else if (std::abs(p.beat - line_.left_beat()) * line_.frames_per_beat() <= 1.0) {
            p.beat = here;
        }
        if (!ends) p.until_beat = p.beat;
    }

    void rewind() {
        for (int k = 0; k < active_count_; ++k) {
            Placement& p = places_[static_cast<size_t>(active_[k])];
            p.over = p.begun = false;
            p.next_pass = 0;
        }
        soonest_ = now_;
    }

    void join_all() {
        int goes_on = -1;  // the loop: one fired by hand, or else the one that came last on the way here
        for (int k = 0; k < active_count_; ++k) {
            Placement& p = places_[static_cast<size_t>(active_[k])];
            if (p.kept) p.over = p.begun = false;
            if (p.free || p.over || !p.loop || !sounds(p) || (!p.begun && line_.frame_of(p.beat) >= now_)) continue;
            const bool fired_before = goes_on >= 0 && places_[static_cast<size_t>(goes_on)].begun;
            if (p.begun != fired_before ? p.begun : later(p, goes_on)) goes_on = active_[k];
        }
        for (int k = active_count_; k-- > 0;) {  // from the back, as one that is removed leaves its place to the last
            const Placement& p = places_[static_cast<size_t>(active_[k])];
            if (!p.free && !p.over) join(active_[k], false, active_[k] != goes_on);
        }
        for (int k = active_count_; k-- > 0;) {
            const Placement& p = places_[static_cast<size_t>(active_[k])];
            if (p.over && !p.kept) remove(active_[k], true);
        }
        soonest_ = now_;
    }

    static bool loops(const Placement& p) { return p.clip && p.loop && p.begun && !p.over; }

    bool later(const Placement& p, int than) const {
        if (than < 0) return true;
        const Placement& other = places_[static_cast<size_t>(than)];
        return std::tie(p.beat, p.serial) >= std::tie(other.beat, other.serial);
    }

    // The first pass from here on.
    void seek(Placement& p) const {
        if (p.free) {
            p.next_pass = std::max<int64_t>(0, (now_ - p.free_frame + p.clip->frames - 1) / p.clip->frames);
            return;
        }
        const double passes = (line_.beat_at(now_) - p.beat) / p.clip->length_beats;
        int64_t next = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(passes - 1e-6)));
        while (frame_of_pass(p, next) < now_) ++next;
        while (next > 0 && frame_of_pass(p, next - 1) >= now_) --next;
        p.next_pass = next;
    }

    // Find a placement's next pass from here on, and sound what of it is under way: a loop's pass in its middle, but no
    // single shot that began before the host jumped here.
    void join(int slot, bool came_late, bool quietly) {
        Placement& p = places_[static_cast<size_t>(slot)];
        if (!sounds(p)) return;
        if (!p.loop) {
            p.next_pass = 0;
            const int64_t frame = line_.frame_of(p.beat);
            if (frame >= now_) return;
            p.over = true;
            if (!came_late || p.beat < line_.run_beat() - 1e-9 || now_ - frame >= p.clip->all_frames()) return;
            p.begun = true;
            if (begin_voice(slot, frame)) tell_launched(p, now_ - frame);
            return;
        }
        if (p.ends() && line_.frame_of(p.until_beat) <= now_) {
            p.over = true;
            return;
        }
        seek(p);
        const int64_t next = p.next_pass;
        if (next == 0) return;
        if (quietly) {
            p.over = true;
            return;
        }
        const bool again = p.begun;
        p.begun = true;
        take_over(slot, now_);
        for (int64_t pass = next; pass-- > 0 && next - pass <= 8;) {  // the tails of some passes may still sound
            const int64_t frame = frame_of_pass(p, pass);
            if (now_ - frame >= p.clip->all_frames()) break;
            if (!meet(slot, frame)) begin_voice(slot, frame, pass > 0 && p.clip->sustained ? p.clip->tail_frames : 0);
        }
        if (came_late && !again) tell_launched(p, now_ - frame_of_pass(p, 0));
    }

    // Whether a voice goes on already at the very place it should have.
    bool meet(int slot, int64_t start) {
        for (Voice& voice : voices_) {
            if (!voice.clip || voice.owner != slot || voice.cut != no_frame || voice.leave != no_frame) continue;
            if (voice.clip != places_[static_cast<size_t>(slot)].clip || std::abs(voice.start - start) > 1) continue;
            voice.met = true;
            return true;
        }
        return false;
    }

    // ---- what sounds when

    bool sounds(const Placement& p) const {
        if (p.note >= 0) return true;
        return mode_ != Mode::pads_only && !(p.kept && mode_ == Mode::cues_and_pads);
    }

    int64_t frame_of_pass(const Placement& p, int64_t pass) const {
        if (p.free) return p.free_frame + pass * p.clip->frames;
        return line_.frame_of(p.beat + static_cast<double>(pass) * p.clip->length_beats);
    }

    int64_t end_frame(const Placement& p) const {
        return p.ends() && !p.free ? line_.frame_of(p.until_beat) : HostLine::never;
    }

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

    Due due(int slot) const {
        const Placement& p = places_[static_cast<size_t>(slot)];
        if (!p.clip || p.over || (!p.free && !line_.playing()) || !sounds(p)) return {HostLine::never, Due::begins, 0, 0, slot};
        const int64_t pass = frame_of_pass(p, p.next_pass), end = end_frame(p);
        return {std::min(pass, end), end <= pass ? Due::ends : p.begun ? Due::goes_on : Due::begins, p.kept ? 0 : p.note < 0 ? 1 : 2, p.serial, slot};
    }

    void begin_passes(int frames) {
        int count = 0;
        const auto add = [&](int slot) {
            const Due next = due(slot);
            if (next.frame < now_ + frames) dues_[static_cast<size_t>(count++)] = next;
            else soonest_ = std::min(soonest_, next.frame);
        };
        soonest_ = HostLine::never;
        for (int k = 0; k < active_count_; ++k) add(active_[k]);
        std::make_heap(dues_.begin(), dues_.begin() + count);
        while (count > 0) {
            std::pop_heap(dues_.begin(), dues_.begin() + count);
            const Due next = dues_[static_cast<size_t>(--count)];
            const Due still = due(next.slot);  // another that began may have ended it
            if (still.frame == next.frame && still.what == next.what) do_next(next.slot, next.frame, next.what == Due::ends);
            const int before = count;
            add(next.slot);
            if (count > before) std::push_heap(dues_.begin(), dues_.begin() + count);
        }
    }

    void do_next(int slot, int64_t at, bool ends) {
        Placement& p = places_[static_cast<size_t>(slot)];
        const int64_t frame = std::max(at, now_);  // a nudged line may have brought it into the past by a few frames
        if (ends) {
            end_voices(slot, frame, seconds(swap_fade_s));
            finish(slot);
            return;
        }
        if (p.continues && !p.begun && !continue_loop(slot)) {
            finish(slot);
            return;
        }
        const bool first = !p.begun && !p.continues;
        if (!first && p.next_clip) change_clip(p);
        int64_t fade_in_frames = 0;
        if (p.loop && first && take_over(slot, frame) && p.clip->sustained)
            fade_in_frames = seconds(swap_fade_s);
        if (p.loop && !first && p.clip->sustained) fade_in_frames = p.clip->tail_frames;
        p.begun = true;
        if (begin_voice(slot, frame, fade_in_frames) && first) tell_launched(p, frame - at);
        ++p.next_pass;
        if (!p.loop) finish(slot);
    }

    void change_clip(Placement& p) {
        const double beat = p.beat + static_cast<double>(p.next_pass) * p.clip->length_beats;
        const bool as_long = p.clip->length_beats == p.next_clip->length_beats;
        set_clip(p.clip, p.next_clip);
        set_clip(p.next_clip, nullptr);
        if (as_long) return;
        p.beat = beat;
        p.next_pass = 0;
    }

    // One loop at a time: whichever begins ends the one that went on. Whether there was one.
    bool take_over(int slot, int64_t frame) {
        const int other = looping_;
        looping_ = slot;
        if (other < 0 || other == slot) return false;
        const Placement& p = places_[static_cast<size_t>(other)];
        if (!loops(p)) return false;
        end_voices(other, frame, seconds(swap_fade_s));
        finish(other);
        return true;
    }

    // Go on with the sheet's loop, whose last pass rings out as if the next one were its own. False if that has given way.
    bool continue_loop(int slot) {
        const int other = looping_;
        if (other < 0 || other == slot) return other == slot;
        const Placement& p = places_[static_cast<size_t>(other)];
        if (!loops(p) || !p.kept) return false;
        looping_ = slot;
        finish(other);
        return true;
    }

    // No more of it in this run; a single one is forgotten.
    void finish(int slot) {
        Placement& p = places_[static_cast<size_t>(slot)];
        p.over = true;
        if (!p.kept) remove(slot, true);
    }

    Voice* begin_voice(int slot, int64_t start, int64_t fade_in_frames = 0) {
        const Placement& p = places_[static_cast<size_t>(slot)];
        Voice* voice = new_voice(p.clip, start);
        if (!voice) return nullptr;
        voice->owner = slot;
        voice->gain = p.gain;
        voice->heard = std::max(start, now_);
        voice->end = voice->stop = start + p.clip->all_frames();
        voice->fade_in_frames = fade_in_frames;
        if (voice->heard > start) voice->enter_frames = seconds(jump_fade_s);  // in its middle
        voice->met = true;
        return voice;
    }

    void end_voices(int slot, int64_t at, int64_t fade_frames) {
        for (Voice& voice : voices_)
            if (voice.clip && voice.owner == slot) voice.end_at(at, fade_frames);
    }

    // ---- pads

    void hear(const NoteOn& note, int frames) {
        const int64_t frame = now_ + std::clamp(note.frame, 0, std::max(0, frames - 1));
        const Pad& pad = pads_[static_cast<size_t>(note.note & 127)];
        const bool played = pad.clip && launch(pad, note, frame);
        Report report;
        report.kind = Report::note;
        report.note_number = note.note & 127;
        report.velocity = note.velocity;
        report.channel = note.channel;
        report.played = played;
        tell(report);
    }

    // What a stroke makes of a pad's level: the same line as in bridge/triggers/accent.py.
    static double accent(const Pad& pad, int velocity) {
        const double share = (std::clamp(velocity, 1, 127) - 1) / 126.0;
        return std::pow(10.0, (pad.soft_db + (pad.hard_db - pad.soft_db) * share) / 20.0);
    }

    bool launch(const Pad& pad, const NoteOn& struck, int64_t frame) {
        const int note = struck.note & 127;
        const bool free = !line_.playing();
        const double quantum_beats = quantum_beats_ >= 0.0 ? quantum_beats_ : pad.quantum_beats;
        double beat = line_.beat_at(frame);
        if (!free && quantum_beats > 0.0) {  // a note a hair past the line is still on it
            const double line = next_line(beat, quantum_beats);
            if (line_.frame_of(line) >= frame) beat = line;
        }
        int slot = -1;
        for (int k = places_max; k < places_max + launches_max; ++k) {
            const Placement& p = places_[static_cast<size_t>(k)];
            const bool same_line = p.free == free && (free ? p.free_frame == frame : p.beat == beat);
            if (p.clip && p.note == note && !p.begun && same_line) slot = k;  // struck again before its line
            if (!p.clip && slot < 0) slot = k;
        }
        if (slot < 0) {
            voices_missed.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
        Placement& p = places_[static_cast<size_t>(slot)];
        if (!p.clip) activate(slot);
        set_clip(p.clip, pad.clip);
        p.gain = accent(pad, struck.velocity);
        p.next_pass = 0;
        p.note = note;
        p.quantum_beats = quantum_beats;
        p.loop = pad.loop;
        p.kept = p.over = p.begun = false;
        p.free = free;
        p.free_frame = frame;
        p.beat = p.until_beat = beat;
        soonest_ = now_;
        return true;
    }

    static double next_line(double beat, double quantum_beats) {
        return std::ceil(beat / quantum_beats - 1e-6) * quantum_beats;
    }

    // ---- mixing

    void mix(float* left, float* right, int frames, float gain) {
        if (gain_ < 0.0f) gain_ = gain_to_ = gain;
        if (gain != gain_to_) {
            gain_to_ = gain;
            ramp_frames_ = seconds(swap_fade_s);
            gain_step_ = (gain - gain_) / static_cast<float>(ramp_frames_);
        }
        for (int done = 0; done < frames; done += chunk_frames) {
            const int count = std::min(chunk_frames, frames - done);
            const bool any = add_voices(now_ + done, count);
            for (int i = 0; i < count; ++i) {
                if (ramp_frames_ > 0) gain_ = --ramp_frames_ == 0 ? gain_to_ : gain_ + gain_step_;
                if (!any) continue;
                left[done + i] += sums_[2 * static_cast<size_t>(i)] * gain_;
                right[done + i] += sums_[2 * static_cast<size_t>(i) + 1] * gain_;
            }
        }
    }

    bool add_voices(int64_t from, int count) {
        std::memset(sums_.data(), 0, sizeof(float) * 2 * static_cast<size_t>(count));
        bool any = false;
        int kept = 0;
        for (int k = 0; k < voice_count_; ++k) {
            Voice& voice = voices_[static_cast<size_t>(order_[static_cast<size_t>(k)])];
            const int64_t first = std::max(voice.heard, from), last = std::min(voice.stop, from + count);
            if (first < last) {
                voice.add(sums_.data(), envelope_.data(), first, last, from);
                any = true;
            }
            if (voice.stop <= from + count) release(voice);
            else order_[static_cast<size_t>(kept++)] = order_[static_cast<size_t>(k)];
        }
        voice_count_ = kept;
        return any;
    }

    // ---- who uses which clip

    void set_clip(Clip*& place, Clip* clip) {
        Clip* const old = place;
        if (clip) ++clip->users;
        place = clip;
        if (old) {
            --old->users;
            give_back(old);
        }
    }

    void give_back(Clip* clip) {
        if (!clip->dropped || clip->users > 0) return;
        Report report;
        report.kind = Report::unused;
        report.clip = clip;
        returns.push(report);
    }

    void release(Voice& voice) {
        set_clip(voice.clip, nullptr);
        voice.owner = -1;
    }

    // A voice for a clip, at its place in the order of summing: float sums depend on their order, so that must follow
    // from the music and not from how the blocks were cut.
    Voice* new_voice(Clip* clip, int64_t start) {
        if (voice_count_ == voices_max) {
            voices_missed.fetch_add(1, std::memory_order_relaxed);
            return nullptr;
        }
        int at = 0;
        while (voices_[static_cast<size_t>(at)].clip) ++at;
        int k = voice_count_++;
        for (; k > 0; --k) {
            const Voice& before = voices_[static_cast<size_t>(order_[static_cast<size_t>(k - 1)])];
            if (before.start < start || (before.start == start && before.clip->rank <= clip->rank)) break;
            order_[static_cast<size_t>(k)] = order_[static_cast<size_t>(k - 1)];
        }
        order_[static_cast<size_t>(k)] = at;
        Voice& voice = voices_[static_cast<size_t>(at)];
        voice = Voice();
        set_clip(voice.clip, clip);
        voice.start = start;
        return &voice;
    }

    void release_all() {
        for (int k = 0; k < voice_count_; ++k) release(voices_[static_cast<size_t>(order_[static_cast<size_t>(k)])]);
        voice_count_ = 0;
    }

    void activate(int slot) {
        places_[static_cast<size_t>(slot)].at = active_count_;
        active_[active_count_++] = slot;
    }

    void remove(int slot, bool say) {
        Placement& p = places_[static_cast<size_t>(slot)];
        const int64_t serial = p.serial;
        for (Voice& voice : voices_)
            if (voice.owner == slot) voice.owner = -1;  // sounds on by itself; the slot may be used again
        set_clip(p.clip, nullptr);
        set_clip(p.next_clip, nullptr);
        const int last = active_[--active_count_];
        active_[p.at] = last;
        places_[static_cast<size_t>(last)].at = p.at;
        p = Placement();
        if (!say || slot >= places_max) return;
        Report report;
        report.kind = Report::finished;
        report.slot = slot;
        report.serial = serial;
        returns.push(report);
    }

    void remove_singles() {
        for (int k = active_count_; k-- > 0;)
            if (!places_[static_cast<size_t>(active_[k])].kept) remove(active_[k], true);
    }

    // ---- what is told

    void tell(const Report& report) {
        if (!reports.push(report)) reports_lost.fetch_add(1, std::memory_order_relaxed);
    }

    void tell_launched(const Placement& p, int64_t error_frames) {
        Report report;
        report.kind = Report::launched;
        report.clip = p.clip;
        report.beat = p.free ? line_.beat_at(now_) : p.beat;
        report.error_frames = static_cast<int>(error_frames);
        tell(report);
    }

    void tell_time(int frames, int64_t clock_ns, bool offline) {
        if (!line_.known()) return;
        const double every_s = line_.playing() ? 0.02 : 0.1;
        const bool due = told_frame_ < 0 || now_ + frames - told_frame_ > seconds(every_s);
        if (!due && told_changes_ == line_.changes()) return;
        if (reports.is_half_full()) return;  // nobody reads: the rest is for what does not come again
        told_frame_ = now_;
        told_changes_ = line_.changes();
        Report report;
        report.kind = Report::time;
        report.beat = line_.beat_at(now_);
        report.tempo_bpm = line_.tempo_bpm();
        report.beats_per_bar = line_.beats_per_bar();
        report.frame = now_;
        report.epoch = line_.epoch();
        report.playing = line_.playing();
        report.offline = offline;
        report.clock_ns = clock_ns;
        tell(report);
    }

    double rate_hz_ = 48000.0;
    HostLine line_;
    int64_t now_ = 0;      // running frames since the last reset
    int64_t soonest_ = 0;  // nothing begins or ends before this frame
    int seen_changes_ = -1;
    int64_t told_frame_ = -1;
    int told_changes_ = -1;
    Mode mode_ = Mode::set;
    double quantum_beats_ = -1.0;
    float gain_ = -1.0f, gain_to_ = -1.0f, gain_step_ = 0.0f;
    int64_t ramp_frames_ = 0;
    bool any_arrived_ = false;
    int active_count_ = 0;
    int looping_ = -1;  // the loop that began last
    int voice_count_ = 0;
    std::array<Pad, pads_max> pads_{};
    std::array<Placement, places_max + launches_max> places_{};
    std::array<int, places_max + launches_max> active_{};
    std::array<Due, places_max + launches_max> dues_{};  // of this block
    std::array<Voice, voices_max> voices_{};
    std::array<int, voices_max> order_{};  // of summing
    alignas(64) std::array<float, 2 * chunk_frames> sums_{};
    std::array<float, chunk_frames> envelope_{};
};

}  // namespace upbeat
