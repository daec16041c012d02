// What the bridge says to the keeper: nothing is taken that could not be played, or read back from a project.
#include <cstring>

#include "keeper.hpp"
#include "routes.hpp"

namespace upbeat {

namespace {

constexpr size_t clips_max = 2048;
constexpr int64_t clip_bytes_max = int64_t{2} << 30;

uint32_t rank_of(const std::string& text) {
    uint32_t rank = 2166136261u;
    for (const char letter : text) rank = (rank ^ static_cast<uint8_t>(letter)) * 16777619u;
    return rank;
}

}  // namespace

void Keeper::heard(std::string_view address, OscReader& message, const void* audio, size_t audio_bytes) {
    if (address == routes::clip.address) {
        heard_clip(message, audio, audio_bytes);
    } else if (address == routes::pad.address) {
        heard_pad(message);
    } else if (address == routes::place.address) {
        heard_place(message);
    } else if (address == routes::unplace.address) {
        const auto at = score_.places.find(message.h());
        if (message.good && at != score_.places.end()) remove_place(at);
    } else if (address == routes::swap.address) {
        const std::string old_id(message.s()), new_id(message.s());
        if (message.good) heard_swap(old_id, new_id);
    } else if (address == routes::drop.address) {
        const std::string take_id(message.s());
        if (const auto at = clips_.find(take_id); at != clips_.end() && !named(take_id)) {
            Clip* const gone = at->second.get();
            leaving_.push_back(std::move(at->second));
            clips_.erase(at);
            let_go(gone);
        }
    } else if (address == routes::stop.address) {
        Command command;
        command.kind = Command::stop;
        command.value = message.d();
        if (message.good && command.value >= 0.0 && command.value <= 60.0) tell(command);
    } else if (address == routes::sheet.address) {
        heard_sheet(message);
    }
}

void Keeper::heard_clip(OscReader& message, const void* audio, size_t audio_bytes) {
    auto clip = std::make_unique<Clip>();
    while (message.more()) {
        const std::string_view key = message.s();
        if (key == "take_id") clip->take_id = message.s();
        else if (key == "frames") clip->frames = message.h();
        else if (key == "tail_frames") clip->tail_frames = message.h();
        else if (key == "channels") clip->channels = message.i();
        else if (key == "sample_rate_hz") clip->sample_rate_hz = message.i();
        else if (key == "gain") clip->gain = message.d();
        else if (key == "length_beats") clip->length_beats = message.d();
        else if (key == "tempo_bpm") clip->tempo_bpm = message.d();
        else if (key == "loop") clip->loop = message.yes();
        else if (key == "sustained") clip->sustained = message.yes();
        else return;  // a key of another version
    }
    constexpr int64_t most = routes::audio_bytes_max / sizeof(float);
    if (!message.good || !Score::usable(clip->take_id) || clip->channels < 1 || clip->channels > 2) return;
    if (clip->frames < 1 || clip->tail_frames < 0 || clip->frames > most || clip->tail_frames > most) return;
    if (!(clip->gain >= 0.0 && clip->gain <= 1e4) || clip->sample_rate_hz != sample_rate_hz_) return;
    if (audio_bytes != static_cast<size_t>(clip->all_frames() * clip->channels) * sizeof(float)) return;
    if (!(clip->tempo_bpm >= 1.0 && clip->tempo_bpm <= routes::host_tempo_bpm_high)) clip->tempo_bpm = 120.0;
    if (!(clip->length_beats > 1.0 / 1024 && clip->length_beats <= routes::length_beats_max))
        clip->length_beats = static_cast<double>(clip->frames) * clip->tempo_bpm / 60.0 / sample_rate_hz_;
    if (clip->length_beats < 1.0 / 1024 || clip->length_beats > routes::length_beats_max) return;
    if (const auto at = clips_.find(clip->take_id); at != clips_.end()) {
        const Clip& had = *at->second;
        if (had.gain == clip->gain && had.loop == clip->loop && had.sustained == clip->sustained &&
            had.frames == clip->frames && had.tail_frames == clip->tail_frames && had.length_beats == clip->length_beats)
            return;
    }
    if (clips_.size() + leaving_.size() >= clips_max ||
        clip_bytes_ + static_cast<int64_t>(audio_bytes) > clip_bytes_max)
        return;
    clip->samples.resize(audio_bytes / sizeof(float));
    std::memcpy(clip->samples.data(), audio, audio_bytes);
    for (float& sample : clip->samples)
        if (!(sample >= -1e6f && sample <= 1e6f)) sample = 0.0f;  // not a number, or no sound
    clip->rank = rank_of(clip->take_id);
    keep(std::move(clip));
}

void Keeper::heard_pad(OscReader& message) {
    const int note = message.i();
    PadEntry pad;
    pad.take_id = message.s();
    pad.quantum_beats = message.d();
    pad.loop = message.i() != 0;
    if (message.more()) {
        pad.soft_db = message.d();
        pad.hard_db = message.d();
    }
    pad.fresh = true;
    if (!message.good || frozen_ || note < 0 || note >= pads_max) return;
    if (!pad.take_id.empty() && !Score::usable(pad.take_id)) return;
    if (!Score::is_quantum(pad.quantum_beats)) return;
    for (const double db : {pad.soft_db, pad.hard_db})
        if (!Score::is_gain(db)) return;
    score_.pads[static_cast<size_t>(note)] = pad;
    // Its last good take goes on until the new one has come.
    if (pad.take_id.empty() || clip(pad.take_id)) tell_pad(note);
}

void Keeper::heard_place(OscReader& message) {
    const int64_t id = message.h();
    PlaceEntry place;
    place.take_id = message.s();
    place.beat = message.d();
    place.loop = message.i() != 0;
    place.until_beat = message.d();
    const int kept = message.i();
    place.kept = kept != 0;
    place.continues = kept == 2 && place.loop;
    if (message.more()) place.gain = message.d();
    place.fresh = true;
    if (!message.good || id < 0 || !Score::usable(place.take_id)) return;
    if (!(place.gain >= 0.0 && place.gain <= routes::gain_max)) return;
    if (!Score::countable(place.beat) || !Score::countable(place.until_beat) || (frozen_ && place.kept)) return;
    if (const auto at = score_.places.find(id); at != score_.places.end()) {
        place.slot = at->second.slot;
        place.serial = at->second.serial;
        place.told = at->second.told;
    }
    if (place.slot < 0 && score_.places.size() >= places_max) return;
    tell_place(score_.places[id] = place);
}

// A sheet is opened, then come its placements, then it is complete: what did not come since is forgotten.
void Keeper::heard_sheet(OscReader& message) {
    message.h();
    const int entries = message.i();
    const bool complete = message.i() != 0;
    if (!message.good) return;
    sheet_entries_ = entries;
    sheet_complete_ = complete;
    if (frozen_) return;
    if (!complete) {
        for (auto& [id, place] : score_.places) place.fresh = false;
        return;
    }
    // Another set that has nothing for this track leaves the project what it saved.
    if (entries == 0 && score_.title != bridge_title_) return;
    if (score_.title != bridge_title_)
        for (int note = 0; note < pads_max; ++note)
            if (PadEntry& pad = score_.pads[static_cast<size_t>(note)]; !pad.fresh && !pad.take_id.empty()) {
                pad = PadEntry();
                tell_pad(note);
            }
    score_.title = bridge_title_;
    for (auto at = score_.places.begin(); at != score_.places.end();) {
        const auto here = at++;
        if (here->second.kept && !here->second.fresh) remove_place(here);
    }
}

void Keeper::heard_swap(const std::string& old_id, const std::string& new_id) {
    if (old_id == new_id || !Score::usable(new_id)) return;
    Clip* const with = clip(new_id);
    if (!with) {
        if (swaps_.size() < clips_max) swaps_[new_id] = old_id;
        return;
    }
    if (Clip* const old = clip(old_id)) {
        Command command;
        command.kind = Command::swap;
        command.clip = old;
        command.other = with;
        tell(command);
    }
    swap_in_score(old_id, new_id);
}

void Keeper::swap_in_score(const std::string& old_id, const std::string& new_id) {
    for (PadEntry& pad : score_.pads)
        if (pad.take_id == old_id) pad.take_id = new_id;
    for (auto& [id, place] : score_.places)
        if (place.take_id == old_id) place.take_id = new_id;
}

}  // namespace upbeat
