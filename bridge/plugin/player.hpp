// The audio side: pads and placements, and what of them begins and ends when, sample-exact on the host's line. It allocates
// nothing, waits for nothing and knows neither the plug-in framework nor the network.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <tuple>

#include "host_line.hpp"
#include "messages.hpp"
#include "placement.hpp"
#include "telling.hpp"
#include "voice_pool.hpp"

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

    // Audio thread, or while there is none. Silence, at frame 0 of a new count; pads and placements stay.
    void reset(double rate_hz) {
        rate_hz_ = rate_hz;
        voices_.release_all();
        remove_singles();
        line_ = HostLine();
        now_ = 0;
        telling_.reset();
        rewind();
    }

    // While there is no audio thread: let go of every clip.
    void forget_all() {
        Command command;
        while (commands.pop(command)) {}
        voices_.release_all();
        forget();
    }

    // Carry out what was asked, as much as a block of so many frames has time for; the rest waits for the next.
    void take_commands(int frames) {
        Command command;
        for (int most = std::max(frames, 64); most > 0 && commands.pop(command); --most) obey(command);
    }

    int voices_in_use() const { return voices_.in_use(); }

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
        telling_.time(line_, now_, frames, seconds(line_.playing() ? 0.02 : 0.1), clock_ns, offline);
        for (int i = 0; i < note_count; ++i) hear(notes[i], frames);
        if (soonest_ < now_ + frames) begin_passes(frames);
        voices_.mix(left, right, now_, frames, gain, seconds(swap_fade_s));
        now_ += frames;
    }

    // Say where the host is before a bounce has waited for the takes that follow from it.
    void announce(const BlockTime& time, int64_t clock_ns) { telling_.ahead(time, now_, line_.epoch(), clock_ns); }

    void tell_turn(int which, double value) { telling_.turn(which, value); }

private:
    static constexpr double jump_fade_s = 0.005, swap_fade_s = 0.02, stop_fade_s = 0.03;

    int64_t seconds(double s) const { return std::max<int64_t>(1, std::llround(s * rate_hz_)); }

    // ---- what is asked

    void obey(const Command& c) {
        switch (c.kind) {
            case Command::pad: {
                Pad& pad = pads_[static_cast<size_t>(c.slot)];
                clips_.set(pad.clip, c.clip);
                pad.quantum_beats = c.value;
                pad.soft_db = c.soft_db;
                pad.hard_db = c.hard_db;
                pad.loop = c.loop;
                break;
            }
            case Command::place: place(c); break;
            case Command::unplace:
                if (places_[static_cast<size_t>(c.slot)].clip) {
                    voices_.end_of(c.slot, now_, seconds(swap_fade_s));
                    remove(c.slot, false);
                }
                break;
            case Command::swap: swap(c.clip, c.other); break;
            case Command::drop: clips_.drop(c.clip); break;
            case Command::stop: silence(std::max<int64_t>(1, std::llround(c.value * rate_hz_))); break;
            case Command::forget: forget(); break;
        }
    }

    void forget() {
        for (Pad& pad : pads_) clips_.set(pad.clip, nullptr);
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
            clips_.set(p.next_clip, p.clip == c.clip ? nullptr : c.clip);
            return;
        }
        if (p.clip && p.begun && (p.beat != c.beat || p.clip != c.clip)) voices_.end_of(c.slot, now_, seconds(swap_fade_s));
        clips_.set(p.clip, c.clip);
        clips_.set(p.next_clip, nullptr);
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
            if (pad.clip == old) clips_.set(pad.clip, with);
        for (int k = 0; k < active_count_; ++k) {
            Placement& p = places_[static_cast<size_t>(active_[k])];
            if (p.next_clip == old) clips_.set(p.next_clip, with);
            if (p.clip != old) continue;
            clips_.set(p.clip, with);
            if (p.loop && old->length_beats != with->length_beats) seek(p);
        }
        soonest_ = now_;
        if (old->all_frames() != with->all_frames() || old->tail_frames != with->tail_frames) return;
        voices_.swap(old, with, now_, seconds(swap_fade_s));
    }

    // Fade all that sounds, forget all that is not kept.
    void silence(int64_t fade_frames) {
        voices_.end_all(now_, fade_frames);
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
            voices_.end_of(active_[k], now_, seconds(stop_fade_s));
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

    Due due(int slot) const {
        const Placement& p = places_[static_cast<size_t>(slot)];
        if (!p.clip || p.over || (!p.free && !line_.playing()) || !sounds(p)) return {HostLine::never, Due::begins, 0, 0, slot};
        const int64_t pass = frame_of_pass(p, p.next_pass), end = end_frame(p);
        const Due::What what = end <= pass ? Due::ends : p.begun ? Due::goes_on : Due::begins;
        return {std::min(pass, end), what, p.kept ? 0 : p.note < 0 ? 1 : 2, p.serial, slot};
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
            voices_.end_of(slot, frame, seconds(swap_fade_s));
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
        clips_.set(p.clip, p.next_clip);
        clips_.set(p.next_clip, nullptr);
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
        voices_.end_of(other, frame, seconds(swap_fade_s));
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
        Voice* voice = voices_.add(p.clip, start);
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

    // ---- pads

    void hear(const NoteOn& note, int frames) {
        const int64_t frame = now_ + std::clamp(note.frame, 0, std::max(0, frames - 1));
        const Pad& pad = pads_[static_cast<size_t>(note.note & 127)];
        const bool played = pad.clip && launch(pad, note, frame);
        telling_.note(note.note & 127, note.velocity, note.channel, played);
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
        if (slot < 0) return false;
        Placement& p = places_[static_cast<size_t>(slot)];
        if (!p.clip) activate(slot);
        clips_.set(p.clip, pad.clip);
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

    // ---- which slots are in use

    void activate(int slot) {
        places_[static_cast<size_t>(slot)].at = active_count_;
        active_[active_count_++] = slot;
    }

    void remove(int slot, bool say) {
        Placement& p = places_[static_cast<size_t>(slot)];
        const int64_t serial = p.serial;
        voices_.disown(slot);
        clips_.set(p.clip, nullptr);
        clips_.set(p.next_clip, nullptr);
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

    void tell_launched(const Placement& p, int64_t error_frames) {
        telling_.launched(p.clip, p.free ? line_.beat_at(now_) : p.beat, error_frames);
    }

    ClipUse clips_{returns};
    VoicePool voices_{clips_};
    Telling telling_{reports};
    double rate_hz_ = 48000.0;
    HostLine line_;
    int64_t now_ = 0;      // running frames since the last reset
    int64_t soonest_ = 0;  // nothing begins or ends before this frame
    int seen_changes_ = -1;
    Mode mode_ = Mode::set;
    double quantum_beats_ = -1.0;
    bool any_arrived_ = false;
    int active_count_ = 0;
    int looping_ = -1;  // the loop that began last
    std::array<Pad, pads_max> pads_{};
    std::array<Placement, places_max + launches_max> places_{};
    std::array<int, places_max + launches_max> active_{};
    std::array<Due, places_max + launches_max> dues_{};  // of this block
};

}  // namespace upbeat
