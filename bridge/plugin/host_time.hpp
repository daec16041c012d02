// DPF's bars, beats and ticks back into quarter notes. DPF 1.6 makes them in each format in another way, so each is undone
// in its own.
#pragma once

#include "DistrhoPlugin.hpp"
#include "host_line.hpp"

namespace upbeat {

// So many bars later than the host has it do we tell DPF a CLAP host's place, as it knows none before the start (clap_wrap.cpp).
inline constexpr int clap_bars_ahead = 1 << 16;

// And we hand over its seconds, with so many added, in CLAP's parts of one as what DPF takes for a frame; 0: it tells none.
inline constexpr double clap_second = 1u << 31;
inline constexpr int64_t clap_seconds_ahead = int64_t{1} << 50;

inline BlockTime block_time(const DISTRHO_NAMESPACE::TimePosition& said, UpbeatFormat format, double rate_hz) {
    BlockTime time;
    const auto& bbt = said.bbt;
    time.known = bbt.valid && bbt.beatsPerMinute > 0.0 && bbt.beatsPerBar > 0.0f && bbt.beatType > 0.0f;
    if (!time.known) return time;
    time.playing = said.playing;
    time.frame = static_cast<double>(said.frame);
    time.tempo_bpm = bbt.beatsPerMinute;
    time.beats_per_bar = bbt.beatsPerBar * 4.0 / bbt.beatType;
    const double tick = bbt.tick / bbt.ticksPerBeat;
    const double beat = bbt.beat - 1 + tick;
    if (format == upbeat_lv2) {  // the host's own bars; right while the metre has not changed
        time.frame_leads = time.bar_leads = true;
        time.beat = (bbt.bar - 1) * time.beats_per_bar + beat * 4.0 / bbt.beatType;
    } else if (format == upbeat_clap) {  // quarters throughout
        time.beat = (bbt.bar - 1 - clap_bars_ahead) * static_cast<double>(bbt.beatsPerBar) + beat;
        time.frame_leads = said.frame != 0;
        time.frame = static_cast<double>(static_cast<int64_t>(said.frame) - clap_seconds_ahead) / clap_second * rate_hz;
        time.rough_beats = 1.0 / 4096;  // Qtractor's beats are single floats of whole 7680th parts
    } else {  // whole quarters to the bar, and each bar cut into the beats of the metre
        const int quarters = static_cast<int>(bbt.beatsPerBar) * 4 / static_cast<int>(bbt.beatType);
        const double per_bar = quarters > 0 ? quarters : 1;
        if (bbt.bar > 0 && static_cast<int64_t>(said.frame) >= 0) {
            time.beat = (bbt.bar - 1) * per_bar + beat / bbt.beatsPerBar * per_bar;
        } else {  // before the start DPF turns its own numbers round; in the bars before the last only the frame shows it
            const double back = bbt.beatsPerBar - bbt.beat + (bbt.ticksPerBeat - 1 - bbt.tick) / bbt.ticksPerBeat;
            time.beat = -(bbt.bar * per_bar + back / bbt.beatsPerBar * per_bar);
        }
    }
    return time;
}

}  // namespace upbeat
